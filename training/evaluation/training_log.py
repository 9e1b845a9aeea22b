"""What can be watched while a training runs: TensorBoard with the losses by term, and contact sheets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from blendshape_addon.core.face.features import assemble
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.vocabulary import CONDITIONS

from ..data.contact_sheets import SHOWN, part_colours, shape_rows, sheet_of
from ..data.dataset import Instance
from ..data.sampler import Pool
from ..deformer.model import Deformer
from ..learning.atomic_files import atomic_write

_LOSS = "loss/reconstruction"
EVERY = 20  # steps between two points of a curve
SHAPES = SHOWN[::3]  # drawing all takes a quarter of a minute a face


class TrainingLogger:
    """Curves and sheets below `folder`; of a resumed run, what an earlier one wrote after step `first` is dropped."""

    def __init__(self, folder: Path, pool: Pool, first: int) -> None:
        self.folder = folder
        self.writer = SummaryWriter(str(folder), purge_step=first)
        self.faces: dict[int, Instance] = {}
        for artist, instances in zip(pool.artist, pool.groups.values(), strict=True):
            if instances[0].triangles is not None:
                self.faces.setdefault(artist, instances[0])
        self.artists = pool.artists

    def numbers(self, step: int, values: dict[str, float]) -> None:
        """A point on each curve, every few steps."""
        if step % EVERY == 0:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)

    def sheets(self, step: int, model: Deformer) -> None:
        """A face of every artist with the shapes that `model` gives it in the artist's own style, over the truth."""
        for artist, face in self.faces.items():
            path = self.folder / f"{self.artists[artist]}_{step:06d}.png"
            made, truth = _shapes(face, artist, model)
            colours = part_colours(face.part, [part.name for part in Part])
            sheet = sheet_of(shape_rows(face.places, face.triangles, colours, made, truth))
            data = io.BytesIO()
            sheet.save(data, "PNG")
            atomic_write(path, data.getvalue())
            self.writer.add_image(self.artists[artist], np.asarray(sheet), step, dataformats="HWC")

    def close(self) -> None:
        """Write out what is still held back."""
        self.writer.close()


def _shapes(face: Instance, artist: int, model: Deformer) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Shapes by name and their truth, face-space offsets (N, 3)."""
    chosen = [n for n, name in enumerate(CONDITIONS) if name in SHAPES and face.known[n]]
    inputs = assemble(face.canonical, face.normals.astype(np.float32), face.side.astype(np.float32), face.part)
    device = model.mixes.device
    with torch.no_grad():
        made = model.by_artist(
            torch.from_numpy(inputs)[None].to(device),
            torch.tensor([artist], device=device),
            torch.tensor(chosen, device=device),
        )
    offsets = np.einsum("nij,nej->eni", face.to_face, made[0].cpu().numpy())
    names = [CONDITIONS[n] for n in chosen]
    truth = face.targets[:, chosen].astype(np.float32).transpose(1, 0, 2)
    return dict(zip(names, offsets, strict=True)), dict(zip(names, truth, strict=True))


def read_curve(folder: Path, points: int = 200) -> list[tuple[int, float]]:
    """Step and reconstruction loss of a training whose curves are in `folder`, some `points` of them; [] if none."""
    if not folder.is_dir():
        return []
    events = EventAccumulator(str(folder)).Reload()
    if _LOSS not in events.Tags()["scalars"]:
        return []
    rows = [(event.step, event.value) for event in events.Scalars(_LOSS)]
    return rows[:: max(1, len(rows) // points)]
