"""Write the deformer as ONNX with its card, and prove that it says what PyTorch says.

--variants: measure smaller and faster kinds of it, and write nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.face.features import INPUTS, assemble
from blendshape_addon.core.style import recipes
from blendshape_addon.core.vocabulary import ANIME_HAND, CONDITIONS, EXPRESSIONS
from training.evaluation import card_figures

from ..data import dataset, labels
from ..data.rigs import load_all
from ..evaluation.report import results
from ..experiments import quantization
from ..learning import model_card
from ..learning.atomic_files import check_name
from . import artist_blend, weights
from .model import Deformer
from .onnx_graph import build

PARITY = 1e-4  # eye distances


def load_weights(path: Path) -> tuple[Deformer, torch.Tensor, dict]:
    """The trained network of a weights file, its mixes (EXPRESSIONS, width, 3) and the notes saved with it.

    Where the anime artists have not a shape, or are left out of training, the row of their hand is the natural recipe.
    """
    model, amplitudes, notes = weights.load(path)
    config = model.config
    mixes = model.house(torch.from_numpy(artist_blend.shares(config.artists, amplitudes)))
    anime = artist_blend.shares(config.artists, amplitudes, anime=True)
    natural = recipes.load()["natural"].rows
    rows = [
        model.house(torch.from_numpy(anime))[CONDITIONS.index(name)]
        if anime[:, CONDITIONS.index(name)].any()
        else torch.einsum("c,cwk->wk", torch.from_numpy(natural[name][: len(CONDITIONS)]), mixes)
        for name in ANIME_HAND
    ]
    return model, torch.cat([mixes, torch.stack(rows)]).detach(), notes


def parity(model: Deformer, mixes: torch.Tensor, data: bytes, inputs: np.ndarray) -> float:
    """Greatest difference between PyTorch and onnxruntime over all expressions at several intensities, of any vertex
    of (V, INPUTS) `inputs`, in eye distances."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    intensity = np.linspace(0.1, 1, len(EXPRESSIONS), dtype=np.float32)
    with torch.no_grad():
        full = torch.einsum("vw,ewk->evk", model.trunk(torch.from_numpy(inputs)), mixes)
    expected = full.numpy() * intensity[:, None, None]
    feed = {"inputs": inputs, "intensity": intensity, "expression": np.eye(len(EXPRESSIONS), dtype=np.float32)}
    return float(np.abs(session.run(None, feed)[0] - expected).max())


def meshes(folder: Path) -> Iterator[np.ndarray]:
    """(V, INPUTS) of every rig of a dataset: its own mesh, not warped."""
    for path in sorted(folder.glob("*__*0000.npz")):
        one = dataset.load(path)
        yield assemble(one.canonical, one.normals.astype(np.float32), one.side.astype(np.float32), one.part)


def _of_rig_folders(families: Sequence[str]) -> list[dict[str, str]]:
    """Name and licence of the labelled rigs of these families: of weights whose dataset had no manifest."""
    rigs = [r for r in load_all() if r.family in families and r.name in labels.names()]
    return [{"name": f"{r.family}/{r.name}", "licence": r.licence} for r in rigs]


def export(trained: Path, out: Path, figures: dict, data: Path) -> None:
    """Export a weights file to `out` (.onnx) and its card; data: the dataset on whose meshes the runtimes are compared.

    Raises ModelError when they differ by more than PARITY, InputError for weights that cannot be used or a full disk.
    """
    model, mixes, notes = load_weights(trained)
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
        "trained_on": notes["trained_on"] or _of_rig_folders(notes["config"]["model"]["artists"]),
    }
    model_card.write(out, made, fields, {"parity": difference, "parity meshes": len(real)} | figures)
    where = f"{len(real)} real meshes" if real else f"random inputs, for there are no meshes in {data}"
    print(f"{out}: {len(made) / 2**10:.0f} KB; differs from PyTorch by {difference:.1e} of the eye distance on {where}")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("trained", metavar="WEIGHTS", type=Path, nargs="?", default=Path("out/train") / weights.FILE)
    add("--out", type=Path, default=Path("models/deformer.onnx"))
    add("--figures", type=Path, default=Path("out/evaluate") / results.FILE, help="what `evaluate` left")
    add("--dataset", type=Path, default=Path("out/dataset"), help="on whose meshes PyTorch and ONNX are compared")
    add("--variants", action="store_true", help="measure int8 and fp16 variants on every rig, and write nothing")
    given = parser.parse_args(arguments)
    if given.variants:
        model, mixes, _ = load_weights(given.trained)
        allowed = PARITY / 2  # or the next training might not pass any more
        print(quantization.table(build(model, mixes), load_all(), allowed).text())
        return
    check_name(given.out, ".onnx")
    figures = card_figures.figures_of(results.read(given.figures)) if given.figures.exists() else {}
    export(given.trained, given.out, figures, given.dataset)
