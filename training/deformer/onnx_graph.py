"""The trained deformer as an ONNX graph."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from blendshape_addon.core.face.features import INPUTS
from blendshape_addon.core.vocabulary import EXPRESSIONS

from .model import Deformer

OPSET = 17


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
    mixed = node("Reshape", node("MatMul", asked, flat), constant("mix_shape", np.array([-1, width, 3], np.int64)))
    # One product for all shapes, not one a shape: an eighth faster.
    columns = node(
        "Reshape", node("Transpose", mixed, perm=[1, 0, 2]), constant("flat", np.array([width, -1], np.int64))
    )
    moved = node("Reshape", node("MatMul", hidden, columns), constant("vectors", np.array([0, -1, 3], np.int64)))
    nodes.append(helper.make_node("Transpose", [moved], ["offsets"], perm=[1, 0, 2]))
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
