"""Contact sheets of a deformer in training: a face of every artist with the shapes that the network gives it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from blendshape_addon.core.face.features import assemble
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.vocabulary import CONDITIONS

from ..data.contact_sheets import SHOWN, part_colours, shape_rows, sheet_of
from ..data.dataset import Instance
from ..data.sampler import Pool
from .model import Deformer

SHAPES = SHOWN[::3]  # drawing all takes a quarter of a minute per face


class ArtistSheets:
    """One face of each artist of a pool: the first, if it has a surface."""

    def __init__(self, pool: Pool) -> None:
        self.artists = pool.artists
        self.faces: dict[int, Instance] = {}
        for artist, instances in zip(pool.artist, pool.groups.values(), strict=True):
            if len(instances[0].triangles):
                self.faces.setdefault(artist, instances[0])

    def draw(self, network: Deformer) -> Iterator[tuple[str, np.ndarray]]:
        """Name and (H, W, 3) uint8 picture for every artist: shapes in the artist's own style, over the truth."""
        for artist, face in self.faces.items():
            made, truth = _shapes(face, artist, network)
            colours = part_colours(face.part, [part.name for part in Part])
            yield (
                self.artists[artist],
                np.asarray(sheet_of(shape_rows(face.places, face.triangles, colours, made, truth))),
            )


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
