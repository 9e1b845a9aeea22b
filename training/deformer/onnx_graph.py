"""The trained deformer as an ONNX graph."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from blendshape_addon.core.face.features import INPUTS
from blendshape_addon.core.vocabulary import CONDITIONS

from ..learning.model_card import OPSET
from .model import Deformer

BASIS = "basis"  # (V, width): the trunk's output
WEIGHTS = "style_weights"  # (E, S, CONDITIONS): how much of each style's mix each shape takes
MIXES = "mixes"  # (S · CONDITIONS, width · 3)
OFFSETS = "offsets"


def build(model: Deformer, mixes: torch.Tensor) -> onnx.ModelProto:
    """The graph of a trunk and (S, CONDITIONS, width, 3) mixes of S styles, any number of vertices V and shapes E.

    It takes inputs (V, INPUTS), expression (E, CONDITIONS) weights, style (E, S) weights that add up to 1 and intensity
    (E,), and gives offsets (E, V, 3): the trunk's basis times the sum of the mixes by the weights of expression and
    style, times the intensity. `adaptation.onnx_patch` builds on the tensors BASIS, WEIGHTS, MIXES and OFFSETS.
    """
    initial: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def constant(name: str, value: torch.Tensor | np.ndarray) -> str:
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else value
        initial.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(kind: str, *inputs: str, name: str = "", **attributes: object) -> str:
        name = name or f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(layer: torch.nn.Linear, name: str, x: str) -> str:
        product = node("MatMul", x, constant(f"{name}.weight", layer.weight.T))
        return node("Add", product, constant(f"{name}.bias", layer.bias))

    def normalised(layer: torch.nn.LayerNorm, name: str, x: str, out: str = "") -> str:
        scale, bias = constant(f"{name}.weight", layer.weight), constant(f"{name}.bias", layer.bias)
        return node("LayerNormalization", x, scale, bias, name=out, axis=-1, epsilon=layer.eps)

    def silu(x: str) -> str:
        return node("Mul", x, node("Sigmoid", x))

    hidden = silu(linear(model.stem, "stem", "inputs"))
    for number, block in enumerate(model.blocks):
        inner = linear(block[1], f"block{number}.1", normalised(block[0], f"block{number}.0", hidden))
        hidden = node("Add", hidden, linear(block[3], f"block{number}.3", silu(inner)))
    basis = normalised(model.last, "last", hidden, BASIS)
    styles, width = len(mixes), model.config.width
    # Styles and conditions mix first, (E, S·CONDITIONS) × (S·CONDITIONS, 3·width): styles cost no time per vertex.
    axis1, axis2 = (constant(f"axis_{axis}", np.array([axis], np.int64)) for axis in (1, 2))
    scaled = node("Mul", "expression", node("Unsqueeze", "intensity", axis1))
    weights = node("Mul", node("Unsqueeze", scaled, axis1), node("Unsqueeze", "style", axis2), name=WEIGHTS)
    flat = constant(MIXES, mixes.reshape(styles * len(CONDITIONS), width * 3))
    mixed = node("MatMul", node("Flatten", weights, axis=1), flat)
    mixed = node("Reshape", mixed, constant("mix_shape", np.array([-1, width, 3], np.int64)))
    # One product for all shapes, not one per shape: an eighth faster.
    columns = node(
        "Reshape", node("Transpose", mixed, perm=[1, 0, 2]), constant("flat", np.array([width, -1], np.int64))
    )
    moved = node("Reshape", node("MatMul", basis, columns), constant("vectors", np.array([0, -1, 3], np.int64)))
    node("Transpose", moved, name=OFFSETS, perm=[1, 0, 2])
    real = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "deformer",
        [
            helper.make_tensor_value_info("inputs", real, ["V", INPUTS]),
            helper.make_tensor_value_info("expression", real, ["E", len(CONDITIONS)]),
            helper.make_tensor_value_info("style", real, ["E", styles]),
            helper.make_tensor_value_info("intensity", real, ["E"]),
        ],
        [helper.make_tensor_value_info(OFFSETS, real, ["E", "V", 3])],
        initial,
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(proto, full_check=True)
    return proto
