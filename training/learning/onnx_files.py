"""ONNX files as they are shipped."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

MIN_HALVED = 256  # numbers of a weight from which it is stored in half precision


def halve(graph: onnx.GraphProto) -> None:
    """Store weights in half precision, cast when the model is loaded."""
    casts = []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < MIN_HALVED:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
