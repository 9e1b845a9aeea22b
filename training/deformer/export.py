"""Write the deformer as ONNX with its card, and prove that it says what PyTorch says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.face.features import INPUTS, assemble
from blendshape_addon.core.vocabulary import CONDITIONS

from ..data import dataset, families, manifest, rigs
from ..learning import model_card
from ..learning.model_card import PARITY
from . import artist_blend, weights
from .model import Deformer
from .onnx_graph import build


@dataclass(frozen=True)
class Trained:
    """A weights file, ready for export. styles: those that its artists can draw; notes: what was saved with it."""

    model: Deformer
    styles: list[artist_blend.Style]
    notes: dict

    @staticmethod
    def load(path: Path) -> Trained:
        """Raises InputError as `weights.load` does."""
        model, amplitudes, notes = weights.load(path)
        return Trained(model, artist_blend.styles(model.config.artists, amplitudes), notes)

    @cached_property
    def mixes(self) -> torch.Tensor:
        """(S, CONDITIONS, width, 3), of each style."""
        return self.model.blend(torch.from_numpy(np.stack([style.shares for style in self.styles]))).detach()


def parity(model: Deformer, mixes: torch.Tensor, data: bytes, inputs: np.ndarray) -> float:
    """Greatest difference between PyTorch and onnxruntime over all expressions in each of the styles of (S, CONDITIONS,
    width, 3) `mixes` at several intensities, of any vertex of (V, INPUTS) `inputs`, in eye distances."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    intensity = np.linspace(0.1, 1, len(CONDITIONS), dtype=np.float32)
    feed = {"inputs": inputs, "intensity": intensity, "expression": np.eye(len(CONDITIONS), dtype=np.float32)}
    with torch.no_grad():
        basis = model.trunk(torch.from_numpy(inputs))
    worst = 0.0
    for style, own in zip(np.eye(len(mixes), dtype=np.float32), mixes, strict=True):
        expected = torch.einsum("vw,ewk->evk", basis, own).numpy() * intensity[:, None, None]
        made = session.run(None, feed | {"style": np.tile(style, (len(CONDITIONS), 1))})[0]
        worst = max(worst, float(np.abs(made - expected).max()))
    return worst


def meshes(folder: Path) -> Iterator[np.ndarray]:
    """(V, INPUTS) of every rig of a dataset: its own mesh, not warped."""
    for path in manifest.shards_in(folder):
        if manifest.key_and_number(path.name)[1] != 0:
            continue
        one = dataset.load(path)
        yield assemble(one.canonical, one.normals.astype(np.float32), one.side.astype(np.float32), one.part)


def _of_rig_folders(artists: Sequence[str]) -> list[dict[str, str]]:
    """Name and licence of the labelled rigs of these artists: of weights whose dataset had no manifest."""
    return [
        {"name": f"{r.family}/{r.name}", "licence": r.licence} for r in rigs.labelled() if r.facts.artist in artists
    ]


def export(trained: Path, out: Path, figures: dict, data: Path) -> None:
    """Export a weights file to `out` (.onnx) and its card; data: the dataset on whose meshes the runtimes are compared.

    Raises ModelError when they differ by more than PARITY, InputError for weights that cannot be used or a full disk.
    """
    loaded = Trained.load(trained)
    model, mixes, notes = loaded.model, loaded.mixes, loaded.notes
    made = build(model, mixes).SerializeToString()
    real = list(meshes(data))
    noise = np.random.default_rng(0).normal(size=(300, INPUTS)).astype(np.float32)
    difference = max(parity(model, mixes, made, inputs) for inputs in (noise, noise[:1], *real))
    if difference > PARITY:
        raise ModelError(f"PyTorch and ONNX differ by {difference:.1e} eye distances, more than {PARITY:.0e}.")
    fields = {
        "name": "VRChat deformer",
        "kind": "deformer",
        "file": out.name,
        "licence": "MIT",
        "what": "Offsets of visemes, emotions, blinks and ARKit units for the vertices of any face mesh.",
        "styles": [{"name": style.name, "artists": list(style.artists)} for style in loaded.styles],
        "trained_on": families.with_doubts(notes["trained_on"] or _of_rig_folders(notes["config"]["model"]["artists"])),
    }
    model_card.write(out, made, fields, {"parity": difference, "parity meshes": len(real)} | figures)
    where = f"{len(real)} real meshes" if real else f"random inputs, for there are no meshes in {data}"
    print(f"{out}: {len(made) / 2**10:.0f} KB; differs from PyTorch by {difference:.1e} of the eye distance on {where}")
