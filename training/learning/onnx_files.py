"""ONNX files as they are shipped."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

from .model_card import OPSET

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


def exported(
    network: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], others: Sequence[str] = ()
) -> bytes:
    """A network as ONNX, checked, with weights in half precision and a free number of rows in everything that it takes
    and gives. inputs: by name, in its order, an example of each; outputs: their names; others: names of both that have
    a number of rows of their own."""
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(), tuple(inputs.values()), data, opset_version=OPSET, dynamo=False,
            input_names=list(inputs), output_names=list(outputs),
            dynamic_axes={name: {0: "m" if name in others else "n"} for name in (*inputs, *outputs)},
        )  # fmt: skip
    model = onnx.load_from_string(data.getvalue())
    halve(model.graph)
    onnx.checker.check_model(model)
    return model.SerializeToString()
