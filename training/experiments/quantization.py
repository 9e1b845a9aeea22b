"""Smaller and faster kinds of the exported deformer, each measured against the plain one.

python -m training.experiments.quantization out/train/deformer.safetensors
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from blendshape_addon.core.face.features import INPUTS, Features
from blendshape_addon.core.inference import deformer
from blendshape_addon.core.inference.registry import Model
from blendshape_addon.core.inference.session import open_session
from blendshape_addon.core.vocabulary import CONDITIONS

from .. import commands
from ..data.labelled_face import LabelledFace
from ..data.metrics import compare
from ..data.rigs import Rig, labelled
from ..deformer import weights
from ..deformer.export import Trained
from ..deformer.onnx_graph import build
from ..evaluation.report.table import Table
from ..learning.model_card import PARITY

VERTICES, RUNS = 4000, 9
WINS = 0.1  # a variant must be smaller or faster by this share
WORSE = 0.05  # and not worse by more than this in the other, for a run is never timed exactly
LOSES = 0.005  # of the median rel on any rig


def optimised(proto: onnx.ModelProto) -> bytes:
    """The graph as onnxruntime rewrites it when it loads it, written down ahead (its portable rewritings)."""
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = f"{folder}/optimised.onnx"
        onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath).SerializeToString()


def half(proto: onnx.ModelProto) -> bytes:
    """Everything computed in fp16."""
    return convert_float_to_float16(onnx.ModelProto.FromString(proto.SerializeToString()), keep_io_types=True
                                    ).SerializeToString()  # fmt: skip


def half_stored(proto: onnx.ModelProto) -> bytes:
    """Weights kept in fp16 and widened when the model is loaded; computed in fp32."""
    copy = onnx.ModelProto.FromString(proto.SerializeToString())
    casts = []
    for weight in copy.graph.initializer:
        if weight.data_type == TensorProto.FLOAT:
            name = weight.name
            narrow = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(narrow, f"{name}.fp16"))
            casts.append(helper.make_node("Cast", [f"{name}.fp16"], [name], to=TensorProto.FLOAT))
    nodes = list(copy.graph.node)
    del copy.graph.node[:]
    copy.graph.node.extend(casts + nodes)
    return copy.SerializeToString()


def quantised(proto: onnx.ModelProto) -> bytes:
    """Products in int8, each input's scale found as it comes."""
    logging.getLogger().setLevel(logging.ERROR)  # it advises a preparation for other kinds of networks
    with TemporaryDirectory() as folder:
        quantize_dynamic(proto, f"{folder}/int8.onnx", per_channel=True, weight_type=QuantType.QInt8)
        return onnx.load(f"{folder}/int8.onnx").SerializeToString()


VARIANTS = {
    "fp32": lambda proto: proto.SerializeToString(),
    "fp32, optimised ahead": optimised,
    "fp16": half,
    "weights in fp16": half_stored,
    "int8, dynamic": quantised,
}


def cost(data: bytes) -> tuple[float, float]:
    """Milliseconds on one core to load a model, and to run it for all expressions of VERTICES; the best of RUNS."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    rng = np.random.default_rng(0)
    count = len(CONDITIONS)
    feed = {"inputs": rng.normal(size=(VERTICES, INPUTS)).astype(np.float32), "intensity": np.ones(count, np.float32)}
    feed["expression"] = np.eye(count, dtype=np.float32)
    feed["style"] = np.tile(_first_style(data), (count, 1))
    loads, runs = [], []
    for _ in range(RUNS):
        began = time.process_time()
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        loaded = time.process_time()
        session.run(None, feed)
        loads.append(loaded - began)
        runs.append(time.process_time() - loaded)
    return min(loads) * 1e3, min(runs) * 1e3


def predict(data: bytes, rig: Rig, head: LabelledFace, features: Features) -> dict[str, np.ndarray]:
    """Offsets (N, 3) of the feature vertices of a rig with labelled landmarks for each shape that it has truth of, by
    the network alone in its first style, nothing refined."""
    session = open_session(Model("variant", {}, data), "cpu")
    names = [name for name in head.names if name in rig.real and name in CONDITIONS]
    rows = np.eye(len(CONDITIONS), dtype=np.float32)[[CONDITIONS.index(name) for name in names]]
    return dict(zip(names, deformer.offsets(session, features, rows, _first_style(data)), strict=True))


def _first_style(data: bytes) -> np.ndarray:
    """(S,) weights of a graph's S styles: the first alone."""
    graph = onnx.ModelProto.FromString(data).graph
    (style,) = (one for one in graph.input if one.name == "style")
    return np.eye(style.type.tensor_type.shape.dim[1].dim_value, dtype=np.float32)[0]


def rel(shapes: dict[str, np.ndarray], head: LabelledFace, features: Features) -> float:
    """Median rel of what `predict` gives."""
    used = ~head.hidden[features.index]
    truth = dict(zip(head.names, head.offsets, strict=True))
    return float(np.median([compare(o[used], truth[name][features.index][used])["rel"] for name, o in shapes.items()]))


def table(proto: onnx.ModelProto, rigs: Sequence[Rig], allowed: float) -> Table:
    """Size, time and loss of rel, on labelled rigs, of every variant, and whether it should be shipped in place of the
    plain one: never when a vertex lies `allowed` eye distances or more from where the plain one puts it."""
    heads = [(rig, LabelledFace.of(rig)) for rig in rigs]
    faces = [(rig, head, head.features) for rig, head in heads]
    data = {name: made(proto) for name, made in VARIANTS.items()}
    plain = [predict(data["fp32"], *face) for face in faces]
    times = {name: cost(model) for name, model in data.items()}
    rows = []
    for name, model in data.items():
        loss = far = 0.0
        for before, (rig, head, features) in zip(plain, faces, strict=True):
            shapes = predict(model, rig, head, features)
            loss = max(loss, rel(shapes, head, features) - rel(before, head, features))
            far = max(far, *(float(np.abs(offset - before[shape]).max()) for shape, offset in shapes.items()))
        size, speed = len(model) / len(data["fp32"]) - 1, times[name][1] / times["fp32"][1] - 1
        better = min(size, speed) < -WINS and max(size, speed) < WORSE and loss < LOSES and far < allowed and faces
        rows.append((
            name, f"{len(model) / 2**10:.0f}", *(f"{t:.1f}" for t in times[name]), f"{loss:+.4f}", f"{far:.0e}",
            "yes" if better else "no",
        ))  # fmt: skip
    note = (
        f"Time: one core, all {len(CONDITIONS)} expressions of {VERTICES:,} vertices, best of {RUNS}. Loss: of the "
        f"median rel, on the rig that loses most of {len(faces)}; differs: the farthest vertex, in eye distances. "
        f"Wins: smaller or faster by {WINS:.0%}, in the other no worse than {WORSE:.0%}, loss below {LOSES}, differs "
        f"by less than {allowed:.0e}."
    )
    head = ("variant", "KB", "load ms", "run ms", "loss of rel", "differs", "wins")
    return Table("Variants of the deformer", head, rows, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", metavar="WEIGHTS", type=Path, nargs="?", default=Path("out/train") / weights.FILE)
    loaded = Trained.load(parser.parse_args().trained)
    allowed = PARITY / 2  # or the next training might not pass any more
    print(table(build(loaded.model, loaded.mixes), labelled(), allowed).text())


if __name__ == "__main__":
    sys.exit(commands.run(main))
