"""A learned style on an exported deformer: what its trunk computes per vertex, and the graph that uses the style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.inference import deformer
from blendshape_addon.core.inference.registry import Model
from blendshape_addon.core.vocabulary import CONDITIONS, LANDMARKS

from ..deformer.onnx_graph import BASIS, MIXES, OFFSETS, WEIGHTS
from .parameters import LIKENESS

_GIVEN = "adapter.given"


@dataclass(frozen=True)
class Base:
    """An exported deformer, taken apart. mixes: (S, CONDITIONS, width, 3) of its S styles."""

    model: Model
    graph: onnx.ModelProto
    mixes: np.ndarray

    @staticmethod
    def of(model: Model) -> Base:
        """Raises ModelError for a network of another architecture, or one that has learned a style already."""
        count = len(deformer.styles(model))
        try:
            graph = onnx.ModelProto.FromString(model.data)
            weights = {weight.name: weight for weight in graph.graph.initializer}
            if _GIVEN in weights:
                raise ModelError(
                    f"The model {model.name} has learned from an avatar already: adapt the one it came from."
                )
            if not {BASIS, WEIGHTS, OFFSETS} <= {out for node in graph.graph.node for out in node.output}:
                raise ValueError("tensors are missing")
            mixes = numpy_helper.to_array(weights[MIXES]).reshape(count, len(CONDITIONS), -1, 3)
        except ModelError:
            raise
        except Exception as error:  # protobuf's own kinds among them
            raise ModelError(
                f"The model {model.name} is of another architecture: adapt the one that came with this version."
            ) from error
        return Base(model, graph, mixes)

    def mixes_in(self, style: str) -> np.ndarray:
        """(CONDITIONS, width, 3) float64 mixes of a style, of the first where the model has no such style."""
        return np.tensordot(deformer.style_weights(self.model, style).astype(float), self.mixes.astype(float), 1)

    def trunk(self, inputs: np.ndarray) -> np.ndarray:
        """(V, INPUTS) to (V, width) float64: the basis that every expression is a mix of."""
        graph = onnx.ModelProto.FromString(self.model.data)
        graph.graph.output.append(helper.make_tensor_value_info(BASIS, TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        feed = {"expression": np.zeros((1, len(CONDITIONS)), np.float32), "intensity": np.ones(1, np.float32)}
        feed["style"] = np.zeros((1, len(self.mixes)), np.float32)
        return session.run([BASIS], feed | {"inputs": inputs})[0].astype(float)


@dataclass(frozen=True)
class StyleAdapter:
    """How an artist differs from the base, whatever style of the base is asked for.

    amplitude: (1 + width,) of a vertex, over 1 and its basis: how much of what the mixes would do the artist does
    there. given: (CONDITIONS,) bool, shapes with mixes of the artist's own; own: (CONDITIONS, width, 3), these, to be
    multiplied by that amplitude too.
    """

    amplitude: np.ndarray
    given: np.ndarray
    own: np.ndarray

    def over(self, basis: np.ndarray) -> np.ndarray:
        """(N,) amplitude of vertices with this (N, width) basis."""
        return self.amplitude[0] + basis @ self.amplitude[1:]

    def mixes(self, base: np.ndarray) -> np.ndarray:
        """(CONDITIONS, width, 3): the artist's own where given, elsewhere `base`, the mixes of a style."""
        return np.where(self.given[:, None, None], self.own, base)


def likeness(landmarks: np.ndarray, faces: Sequence[np.ndarray]) -> float:
    """1 for (L, 3) face-space landmarks of one of `faces`, 0 for those of another face."""
    apart = min(float(np.sqrt(((landmarks - face) ** 2).sum(-1).mean())) for face in faces)
    return float(np.clip((LIKENESS.other - apart) / (LIKENESS.other - LIKENESS.same), 0, 1))


def patch_onnx(base: Base, adapter: StyleAdapter, faces: Sequence[np.ndarray]) -> bytes:
    """The base's graph with the adapter, as ONNX, and with the input `landmarks` (L, 3): on `faces` it uses the
    learned style, on other faces the base's. Without faces it has no such input and uses the learned style everywhere.

    The mixes of given shapes are one more style, which the graph gives the weight `likeness` for these shapes, and the
    style that was asked for what is left of 1. The amplitude scales the offsets of each vertex.
    """
    proto = onnx.ModelProto.FromString(base.model.data)
    graph = proto.graph

    def constant(name: str, value: np.ndarray | float, kind: type = np.float32) -> str:
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, kind, order="C"), name))
        return name

    def node(kind: str, *inputs: str, out: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(kind, list(inputs), [out], **attributes)

    one = constant("adapter.one", 1.0)
    if faces:
        fade = LIKENESS.other - LIKENESS.same
        graph.input.append(helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, [len(LANDMARKS), 3]))
        nearness = [
            node("Sub", constant("adapter.faces", np.stack(faces)), "landmarks", out="adapter.differences"),
            node("ReduceSumSquare", "adapter.differences", out="adapter.squares", axes=[2], keepdims=0),
            node("ReduceMean", "adapter.squares", out="adapter.mean_squares", axes=[1], keepdims=0),
            node("ReduceMin", "adapter.mean_squares", out="adapter.least", axes=[0], keepdims=0),
            node("Sqrt", "adapter.least", out="adapter.distance"),
            node("Sub", constant("adapter.other", LIKENESS.other), "adapter.distance", out="adapter.below_other"),
            node("Div", "adapter.below_other", constant("adapter.range", fade), out="adapter.ramp"),
            node("Clip", "adapter.ramp", constant("adapter.zero", 0.0), one, out="adapter.likeness"),
        ]
    else:
        constant("adapter.likeness", 1.0)
        nearness = []

    # (CONDITIONS,) weights of the learned style and of what was asked for.
    shares = [
        node("Mul", constant(_GIVEN, adapter.given), "adapter.likeness", out="adapter.learned_share"),
        node("Sub", one, "adapter.learned_share", out="adapter.base_share"),
    ]
    # (E, S + 1, CONDITIONS) weights: of the base's styles, and of the learned one, which takes its part from theirs.
    styles = [
        node("Mul", "adapter.base_weights", "adapter.base_share", out="adapter.kept_weights"),
        node("ReduceSum", "adapter.base_weights", constant("adapter.style_axis", np.array([1]), np.int64),
             out="adapter.all_weights"),
        node("Mul", "adapter.all_weights", "adapter.learned_share", out="adapter.learned_weights"),
        node("Concat", "adapter.kept_weights", "adapter.learned_weights", out=WEIGHTS, axis=1),
    ]  # fmt: skip
    # 1 + likeness · (amplitude - 1) of each vertex.
    slope = constant("adapter.slope", adapter.amplitude[1:, None])
    scaled = [
        node("MatMul", BASIS, slope, out="adapter.varying"),
        node("Add", "adapter.varying", constant("adapter.constant", adapter.amplitude[0] - 1), out="adapter.departure"),
        node("Mul", "adapter.departure", "adapter.likeness", out="adapter.change"),
        node("Add", "adapter.change", one, out="adapter.amplitude"),
        node("Mul", "adapter.base_offsets", "adapter.amplitude", out=OFFSETS),
    ]
    nodes = [*nearness, *shares]
    for known in list(graph.node):
        renamed = {WEIGHTS: "adapter.base_weights", OFFSETS: "adapter.base_offsets"}
        known.output[:] = [renamed.get(name, name) for name in known.output]
        nodes += [known, *(styles if "adapter.base_weights" in known.output else ())]
    mixes = np.concatenate([base.mixes, adapter.own[None]])
    width = base.mixes.shape[2]
    for weight in graph.initializer:
        if weight.name == MIXES:
            weight.CopyFrom(numpy_helper.from_array(mixes.astype(np.float32).reshape(-1, width * 3), MIXES))
    del graph.node[:]
    graph.node.extend([*nodes, *scaled])
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString()
