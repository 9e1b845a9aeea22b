"""Write the deformer as ONNX with its card, and prove that it says what PyTorch says."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from blendshape_addon.core import recipes
from blendshape_addon.core.features import INPUTS
from blendshape_addon.core.vocabulary import ANIME_HAND, CONDITIONS, EXPRESSIONS

from . import house, labels, weights
from .model import Deformer
from .rigs import load_all

OPSET = 17
PARITY = 1e-4  # eye distances


def load_weights(path: Path) -> tuple[Deformer, torch.Tensor, dict]:
    """The trained network of a weights file, its mixes (EXPRESSIONS, width, 3) and the notes saved with it.

    Where the anime artists have not a shape, or are left out of training, the row of their hand is the natural recipe.
    """
    model, amplitudes, notes = weights.load(path)
    config = model.config
    mixes = model.house(torch.from_numpy(house.shares(config.artists, amplitudes)))
    anime = house.shares(config.artists, amplitudes, anime=True)
    natural = recipes.load()["natural"].rows
    rows = [
        model.house(torch.from_numpy(anime))[CONDITIONS.index(name)]
        if anime[:, CONDITIONS.index(name)].any()
        else torch.einsum("c,cwk->wk", torch.from_numpy(natural[name][: len(CONDITIONS)]), mixes)
        for name in ANIME_HAND
    ]
    return model, torch.cat([mixes, torch.stack(rows)]).detach(), notes


def build(model: Deformer, mixes: torch.Tensor) -> onnx.ModelProto:
    """The graph inputs (V, INPUTS), expression (E, EXPRESSIONS), intensity (E,) -> offsets (E, V, 3), any V and E."""
    initial: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def constant(name: str, value: torch.Tensor | np.ndarray) -> str:
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        initial.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(layer: torch.nn.Linear, name: str, x: str) -> str:
        product = node("MatMul", x, constant(f"{name}.weight", layer.weight.T))
        return node("Add", product, constant(f"{name}.bias", layer.bias))

    def normalised(layer: torch.nn.LayerNorm, name: str, x: str) -> str:
        scale, bias = constant(f"{name}.weight", layer.weight), constant(f"{name}.bias", layer.bias)
        return node("LayerNormalization", x, scale, bias, axis=-1, epsilon=layer.eps)

    def silu(x: str) -> str:
        return node("Mul", x, node("Sigmoid", x))

    hidden = silu(linear(model.stem, "stem", "inputs"))
    for number, block in enumerate(model.blocks):
        inner = linear(block[1], f"block{number}.1", normalised(block[0], f"block{number}.0", hidden))
        hidden = node("Add", hidden, linear(block[3], f"block{number}.3", silu(inner)))
    hidden = normalised(model.last, "last", hidden)
    width = model.config.width
    flat = constant("mixes", mixes.reshape(len(EXPRESSIONS), width * 3))
    column = constant("column", np.array([-1, 1], np.int64))
    asked = node("Mul", "expression", node("Reshape", "intensity", column))
    shape = constant("mix_shape", np.array([-1, width, 3], np.int64))
    nodes.append(helper.make_node("MatMul", [hidden, node("Reshape", node("MatMul", asked, flat), shape)], ["offsets"]))
    real = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "deformer",
        [
            helper.make_tensor_value_info("inputs", real, ["V", INPUTS]),
            helper.make_tensor_value_info("expression", real, ["E", len(EXPRESSIONS)]),
            helper.make_tensor_value_info("intensity", real, ["E"]),
        ],
        [helper.make_tensor_value_info("offsets", real, ["E", "V", 3])],
        initial,
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def parity(model: Deformer, mixes: torch.Tensor, data: bytes, rng: np.random.Generator) -> float:
    """Greatest difference between PyTorch and onnxruntime over random inputs of several sizes, in eye distances."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    worst = 0.0
    for vertices, expressions in ((1, 1), (257, len(EXPRESSIONS)), (3000, 5)):
        inputs = rng.normal(size=(vertices, INPUTS)).astype(np.float32)
        intensity = rng.random(expressions).astype(np.float32)
        with torch.no_grad():
            full = torch.einsum("vw,ewk->evk", model.trunk(torch.from_numpy(inputs)), mixes[:expressions])
        expected = full.numpy() * intensity[:, None, None]
        feed = {"inputs": inputs, "intensity": intensity}
        feed["expression"] = np.eye(len(EXPRESSIONS), dtype=np.float32)[:expressions]
        worst = max(worst, float(np.abs(session.run(None, feed)[0] - expected).max()))
    return worst


def write_card(path: Path, data: bytes, fields: dict, figures: dict) -> None:
    """NAME.toml beside NAME.onnx: what it is, what it was trained on, its hash and its figures."""
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in fields.items() if not isinstance(v, list)]
    lines += [f"sha256 = {json.dumps(hashlib.sha256(data).hexdigest())}", f"opset = {OPSET}", f"bytes = {len(data)}"]
    for rig in fields["trained_on"]:
        lines += ["", "[[trained_on]]", *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in rig.items())]
    lines += ["", "[figures]", *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in figures.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _of_rig_folders(families: Sequence[str]) -> list[dict[str, str]]:
    """Name and licence of the labelled rigs of these families: of weights whose dataset had no manifest."""
    rigs = [r for r in load_all() if r.family in families and r.name in labels.names()]
    return [{"name": f"{r.family}/{r.name}", "licence": r.licence} for r in rigs]


def export(trained: Path, out: Path, figures: dict) -> None:
    """Export a weights file to `out` (.onnx) and its card.

    Raises SystemExit when the two runtimes differ by more than PARITY.
    """
    model, mixes, notes = load_weights(trained)
    data = build(model, mixes).SerializeToString()
    difference = parity(model, mixes, data, np.random.default_rng(0))
    if difference > PARITY:
        raise SystemExit(f"PyTorch and ONNX differ by {difference:.1e} eye distances, more than {PARITY:.0e}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)
    fields = {
        "name": "VRChat deformer",
        "kind": "deformer",
        "file": out.name,
        "licence": "MIT",
        "what": "Offsets of visemes, emotions, blinks and ARKit units for the vertices of any face mesh.",
        "trained_on": notes["trained_on"] or _of_rig_folders(notes["config"]["model"]["artists"]),
    }
    write_card(out.with_suffix(".toml"), data, fields, {"parity": difference} | figures)
    print(f"{out}: {len(data) / 2**20:.1f} MB, differs from PyTorch by {difference:.1e}")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training export", description=__doc__)
    parser.add_argument("trained", metavar="WEIGHTS", type=Path, nargs="?", default=Path("out/train") / weights.FILE)
    parser.add_argument("--out", type=Path, default=Path("models/deformer.onnx"))
    parser.add_argument("--figures", type=Path, default=Path("out/evaluate/card.json"), help="what `evaluate` left")
    given = parser.parse_args(arguments)
    export(given.trained, given.out, json.loads(given.figures.read_text()) if given.figures.exists() else {})
