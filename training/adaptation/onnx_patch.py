"""A learned hand on an exported deformer: what its trunk says of a vertex, and the graph that draws in that hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.inference.registry import Model
from blendshape_addon.core.vocabulary import EXPRESSIONS, LANDMARKS

# Root mean square distance of two faces' landmarks, in eye distances: a face that is found twice differs by less than
# SAME; of twelve rigs and eighty people that rigs were bent into, no two of different rigs are nearer than OTHER.
SAME, OTHER = 0.02, 0.04


@dataclass(frozen=True)
class Base:
    """An exported deformer, taken apart. mixes: (EXPRESSIONS, width, 3)."""

    model: Model
    graph: onnx.ModelProto
    mixes: np.ndarray
    hidden: str

    @staticmethod
    def of(model: Model) -> Base:
        """Raises ModelError for a network of another architecture, or one that has learned a hand already."""
        try:
            graph = onnx.ModelProto.FromString(model.data)
            mixes = next(numpy_helper.to_array(w) for w in graph.graph.initializer if w.name == "mixes")
            hidden = [node for node in graph.graph.node if node.op_type == "LayerNormalization"][-1].output[0]
            mixes = mixes.reshape(len(EXPRESSIONS), -1, 3)
        except Exception as error:  # protobuf's own kinds among them
            raise ModelError(f"The model {model.name} is of another architecture: adapt the one that came with this "
                             "version.") from error  # fmt: skip
        if any(weight.name == "hand" for weight in graph.graph.initializer):
            raise ModelError(f"The model {model.name} has learned from an avatar already: adapt the one it came from.")
        return Base(model, graph, mixes, hidden)

    def trunk(self, inputs: np.ndarray) -> np.ndarray:
        """(V, INPUTS) to (V, width) float64: the basis that every expression is a mix of."""
        graph = onnx.ModelProto.FromString(self.model.data)
        graph.graph.output.append(helper.make_tensor_value_info(self.hidden, TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        feed = {"inputs": inputs, "expression": np.zeros((1, len(EXPRESSIONS)), np.float32)}
        return session.run([self.hidden], feed | {"intensity": np.ones(1, np.float32)})[0].astype(float)


@dataclass(frozen=True)
class Hand:
    """How an artist draws. amplitude: (1 + width,) of a vertex, over 1 and its basis: how much of what the base would
    do the artist does there. mixes: (EXPRESSIONS, width, 3), to be multiplied by that amplitude."""

    amplitude: np.ndarray
    mixes: np.ndarray

    def over(self, basis: np.ndarray) -> np.ndarray:
        """(N,) amplitude of vertices with this (N, width) basis."""
        return self.amplitude[0] + basis @ self.amplitude[1:]


def likeness(landmarks: np.ndarray, faces: Sequence[np.ndarray]) -> float:
    """1 for (L, 3) face-space landmarks of one of `faces`, 0 for those of another face."""
    apart = min(float(np.sqrt(((landmarks - face) ** 2).sum(-1).mean())) for face in faces)
    return float(np.clip((OTHER - apart) / (OTHER - SAME), 0, 1))


def graft(base: Base, hand: Hand, faces: Sequence[np.ndarray]) -> bytes:
    """The base's graph with the hand, as ONNX, and with the input `landmarks` (L, 3): on `faces` it draws in the hand,
    on other faces as the base does. Without faces it has no such input and draws in the hand everywhere."""
    proto = onnx.ModelProto.FromString(base.model.data)
    graph = proto.graph

    def constant(name: str, value: np.ndarray, kind: type = np.float32) -> str:
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value, kind), name))
        return name

    def node(kind: str, *inputs: str, out: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(kind, list(inputs), [out], **attributes)

    if faces:
        graph.input.append(helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, [len(LANDMARKS), 3]))
        first = [
            node("Sub", constant("faces", np.stack(faces)), "landmarks", out="hand.away"),
            node("ReduceSumSquare", "hand.away", out="hand.squares", axes=[2], keepdims=0),
            node("ReduceMean", "hand.squares", out="hand.mean", axes=[1], keepdims=0),
            node("ReduceMin", "hand.mean", out="hand.least", axes=[0], keepdims=0),
            node("Sqrt", "hand.least", out="hand.apart"),
            node("Sub", constant("hand.other", np.array(OTHER)), "hand.apart", out="hand.near"),
            node("Div", "hand.near", constant("hand.range", np.array(OTHER - SAME)), out="hand.ramp"),
            node("Clip", "hand.ramp", constant("hand.0", np.array(0)), constant("hand.1", np.array(1)), out="likeness"),
        ]
    else:
        constant("likeness", np.array(1))
        first = []
    flat = base.mixes.reshape(len(EXPRESSIONS), -1)
    first += [
        node("Mul", constant("hand", hand.mixes.reshape(flat.shape) - flat), "likeness", out="hand.change"),
        node("Add", "mixes", "hand.change", out="hand.mixes"),
    ]
    last = [
        node("MatMul", base.hidden, constant("hand.slope", hand.amplitude[1:, None]), out="hand.varying"),
        node("Add", "hand.varying", constant("hand.all", hand.amplitude[0] - 1), out="hand.more"),
        node("Mul", "hand.more", "likeness", out="hand.extra"),
        node("Add", "hand.extra", constant("hand.one", np.array(1)), out="hand.amplitude"),
        node("Mul", "plain.offsets", "hand.amplitude", out="offsets"),
    ]
    rest = list(graph.node)
    for one in rest:
        one.input[:] = ["hand.mixes" if name == "mixes" else name for name in one.input]
        one.output[:] = ["plain.offsets" if name == "offsets" else name for name in one.output]
    del graph.node[:]
    graph.node.extend([*first, *rest, *last])
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString()
