"""A graph of TensorFlow Lite as one of ONNX, with its weights in half precision.

TensorFlow Lite keeps pictures as (1, H, W, C), ONNX's convolutions want (1, C, H, W). A tensor is turned where the next
operator needs it, and what works on single numbers takes it as it comes, so that a chain of convolutions is turned at
its ends alone.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from blendshape_addon.core.errors import InputError

from .model_card import OPSET
from .tflite import ACTIVATIONS, Graph, Operator

_TURN = {"NCHW": [0, 3, 1, 2], "NHWC": [0, 2, 3, 1]}  # how a tensor of the other layout is turned to this one
_PADDING = {0: "SAME_UPPER", 1: "VALID"}
_BINARY = {"ADD": "Add", "MUL": "Mul", "SUB": "Sub", "DIV": "Div"}
_UNARY = {"RELU": "Relu", "LOGISTIC": "Sigmoid", "NEG": "Neg", "SQRT": "Sqrt", "HARD_SWISH": "HardSwish"}
_POOLS = {"MAX_POOL_2D": "MaxPool", "AVERAGE_POOL_2D": "AveragePool"}
# Number of the field with the activation in the options of an operator: schema.fbs, as in `tflite`.
_ACTIVATION = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "MAX_POOL_2D": 5, "AVERAGE_POOL_2D": 5, "CONCATENATION": 1, "ADD": 0,
    "MUL": 0, "SUB": 0, "DIV": 0,
}  # fmt: skip


def to_onnx(graph: Graph, inputs: dict[str, str], outputs: dict[str, str]) -> bytes:
    """The ONNX file of a graph. inputs, outputs: new names by the names that they have; other outputs are left out.

    Raises InputError for an operator or option that is not translated.
    """
    return _Writer(graph, inputs, outputs).file()


class _Writer:
    def __init__(self, graph: Graph, inputs: dict[str, str], outputs: dict[str, str]) -> None:
        self._graph = graph
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._values: dict[tuple[int, str], str] = {}  # names by tensor and layout
        self._known: dict[int, np.ndarray] = {
            number: tensor.data for number, tensor in enumerate(graph.tensors) if tensor.data is not None
        }
        by_name = {tensor.name: number for number, tensor in enumerate(graph.tensors)}
        self._inputs = {by_name[old]: new for old, new in inputs.items()}
        self._outputs = {by_name[old]: new for old, new in outputs.items()}
        for number, name in self._inputs.items():
            self._values[number, "NHWC"] = name

    def file(self) -> bytes:
        for operator in self._graph.operators:
            self._add(operator)
        for number, name in self._outputs.items():
            self._node("Identity", [self._take(number)], name)
        described = [
            [self._describe(number, name) for number, name in names.items()] for names in (self._inputs, self._outputs)
        ]
        graph = helper.make_graph(self._needed(), "reader", *described, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()

    def _describe(self, number: int, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, self._graph.tensors[number].shape)

    def _needed(self) -> list[onnx.NodeProto]:
        """The nodes that an output hangs on."""
        wanted, kept = set(self._outputs.values()), []
        for node in reversed(self._nodes):
            if wanted & set(node.output):
                wanted |= set(node.input)
                kept.append(node)
        self._constants = [constant for constant in self._constants if constant.name in wanted]
        return kept[::-1]

    def _node(self, kind: str, inputs: list[str], output: str | None = None, **attributes: object) -> str:
        name = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _constant(self, array: np.ndarray) -> str:
        """The name of a constant; weights are stored in half precision and cast when the model is loaded."""
        name = f"constant_{len(self._constants)}"
        half = array.dtype == np.float16
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return self._node("Cast", [name], to=TensorProto.FLOAT) if half else name

    def _take(self, number: int, layout: str = "NHWC") -> str:
        """The name of a tensor in a layout, which says something of tensors of four axes alone."""
        array = self._known.get(number)
        if (number, layout) not in self._values:
            if array is not None:
                turned = array.transpose(_TURN["NCHW"]) if layout == "NCHW" and array.ndim == 4 else array
                self._values[number, layout] = self._constant(turned)
            else:
                other = self._values[number, "NHWC" if layout == "NCHW" else "NCHW"]
                self._values[number, layout] = (
                    self._node("Transpose", [other], perm=_TURN[layout]) if self._axes(number) == 4 else other
                )
        return self._values[number, layout]

    def _axes(self, number: int) -> int:
        return len(self._graph.tensors[number].shape)

    def _layout(self, operator: Operator) -> str:
        """The layout in which an operator on single numbers takes its inputs."""
        computed = [number for number in operator.inputs if number not in self._known]
        turned = all((number, "NCHW") in self._values and self._axes(number) == 4 for number in computed)
        # Constants that are not turned as pictures are: slopes, and how much to pad.
        others = [] if operator.name in ("PRELU", "PAD") else [n for n in operator.inputs if n in self._known]
        return "NCHW" if turned and all(self._axes(number) in (0, 4) for number in others) else "NHWC"

    def _add(self, operator: Operator) -> None:
        inputs, (output, *_) = operator.inputs, operator.outputs
        if operator.name in ("DEQUANTIZE", "DENSIFY"):  # weights in half precision, and those that are mostly 0
            self._known[output] = self._known[inputs[0]]
            return
        layout = "NHWC"
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", *_POOLS):
            layout, result = "NCHW", self._windowed(operator)
        elif operator.name == "Convolution2DTransposeBias":
            layout, result = "NCHW", self._spread(operator)
        elif operator.name in ("RESIZE_BILINEAR", "DEPTH_TO_SPACE"):
            layout, result = "NCHW", self._resized(operator)
        elif operator.name in _BINARY:
            layout = self._layout(operator)
            result = self._node(_BINARY[operator.name], [self._take(number, layout) for number in inputs])
        elif operator.name in _UNARY:
            layout = self._layout(operator)
            result = self._node(_UNARY[operator.name], [self._take(inputs[0], layout)])
        elif operator.name == "PRELU":
            layout = self._layout(operator)
            slope = self._known[inputs[1]]  # (1, 1, C)
            slope = slope.transpose(2, 0, 1) if layout == "NCHW" else slope
            result = self._node("PRelu", [self._take(inputs[0], layout), self._constant(slope)])
        elif operator.name == "PAD":
            layout = self._layout(operator)
            sides = self._known[inputs[1]]
            sides = sides[_TURN["NCHW"]] if layout == "NCHW" else sides
            result = self._node(
                "Pad", [self._take(inputs[0], layout), self._constant(sides.T.ravel().astype(np.int64))]
            )
        else:
            result = self._rearranged(operator)
        self._values[output, layout] = self._activated(operator, result)

    def _windowed(self, operator: Operator) -> str:
        """A convolution or a pooling."""
        options, inputs = operator.options, operator.inputs
        attributes: dict = {
            "auto_pad": _PADDING[options.number(0, "b")],
            "strides": [options.number(2), options.number(1)],
        }
        image = self._take(inputs[0], "NCHW")
        if operator.name in _POOLS:
            kernel = [options.number(4), options.number(3)]
            return self._node(_POOLS[operator.name], [image], kernel_shape=kernel, **attributes)
        weights = self._known[inputs[1]]
        depthwise = operator.name == "DEPTHWISE_CONV_2D"
        width, height = (5, 6) if depthwise else (4, 5)
        attributes["dilations"] = [options.number(height, default=1), options.number(width, default=1)]
        # (out, h, w, in), and (1, h, w, out) where each channel is convolved for itself
        weights = weights.transpose([3, 0, 1, 2] if depthwise else [0, 3, 1, 2])
        if depthwise:
            attributes["group"] = self._graph.tensors[inputs[0]].shape[3]
        biases = [self._constant(self._known[inputs[2]])] if len(inputs) > 2 and inputs[2] >= 0 else []
        return self._node("Conv", [image, self._constant(weights), *biases], **attributes)

    def _spread(self, operator: Operator) -> str:
        """A transposed convolution whose steps are as wide as its kernel, so that each pixel is spread by itself."""
        image, weights, biases = operator.inputs
        kernel = self._known[weights]  # (out, h, w, in)
        _, height, width, _ = self._graph.tensors[image].shape
        if self._graph.tensors[operator.outputs[0]].shape[1:3] != (height * kernel.shape[1], width * kernel.shape[2]):
            raise InputError("The operator {name} is not translated with these options.", name=operator.name)
        inputs = [self._take(image, "NCHW"), self._constant(kernel.transpose(3, 0, 1, 2))]
        return self._node("ConvTranspose", [*inputs, self._constant(self._known[biases])], strides=kernel.shape[1:3])

    def _rearranged(self, operator: Operator) -> str:
        """What goes along single axes, which are those of (1, H, W, C)."""
        inputs = operator.inputs
        value = self._take(inputs[0])
        if operator.name == "RESHAPE":
            return self._reshaped(value, operator)
        if operator.name == "TRANSPOSE":
            return self._node("Transpose", [value], perm=self._known[inputs[1]].tolist())
        if operator.name == "CONCATENATION":
            return self._node("Concat", [self._take(number) for number in inputs], axis=operator.options.number(0))
        if operator.name in ("MEAN", "SUM"):
            axes, keep = np.atleast_1d(self._known[inputs[1]]).ravel().astype(np.int64), operator.options.number(0, "b")
            if operator.name == "SUM":
                return self._node("ReduceSum", [value, self._constant(axes)], keepdims=keep)
            return self._node("ReduceMean", [value], axes=axes.tolist(), keepdims=keep)
        if operator.name == "RSQRT":
            return self._node("Reciprocal", [self._node("Sqrt", [value])])
        if operator.name == "SQUARED_DIFFERENCE":
            difference = self._node("Sub", [value, self._take(inputs[1])])
            return self._node("Mul", [difference, difference])
        if operator.name == "STRIDED_SLICE":
            return self._sliced(operator, value)
        raise InputError("The operator {name} is not translated.", name=operator.name)

    def _resized(self, operator: Operator) -> str:
        """A picture of another size: of values between its own, in the middle of pixels or with its corners where they
        are; or of the channels of each pixel laid side by side."""
        options, image = operator.options, self._take(operator.inputs[0], "NCHW")
        if operator.name == "DEPTH_TO_SPACE":
            return self._node("DepthToSpace", [image], blocksize=options.number(0), mode="DCR")
        corners, middle = (options.number(field, "b") for field in (2, 3))
        mode = "align_corners" if corners else "half_pixel" if middle else "asymmetric"
        _, height, width, channels = self._graph.tensors[operator.outputs[0]].shape
        size = self._constant(np.array([1, channels, height, width], np.int64))
        return self._node("Resize", [image, "", "", size], mode="linear", coordinate_transformation_mode=mode)

    def _sliced(self, operator: Operator, value: str) -> str:
        begin, end, step = (self._known[number].astype(np.int64) for number in operator.inputs[1:4])
        shape = np.array(self._graph.tensors[operator.inputs[0]].shape)
        from_first, to_last, ellipsis, new_axis, single = (operator.options.number(field) for field in range(5))
        if ellipsis or new_axis:
            raise InputError("The operator {name} is not translated with these options.", name=operator.name)
        axes = np.arange(len(shape))
        begin, end = np.where(from_first >> axes & 1, 0, begin), np.where(to_last >> axes & 1, shape, end)
        end = np.where(single >> axes & 1, begin + 1, end)
        part = self._node("Slice", [value, *(self._constant(limits) for limits in (begin, end, axes, step))])
        return self._reshaped(part, operator)

    def _reshaped(self, value: str, operator: Operator) -> str:
        shape = self._graph.tensors[operator.outputs[0]].shape
        return self._node("Reshape", [value, self._constant(np.array(shape, np.int64))])

    def _activated(self, operator: Operator, value: str) -> str:
        """The value after the activation that is part of an operator."""
        field = _ACTIVATION.get(operator.name)
        kind = None if field is None else ACTIVATIONS[operator.options.number(field, "b")]
        if kind is None:
            return value
        if kind == "RELU":
            return self._node("Relu", [value])
        limits = [self._constant(np.array(limit, np.float32)) for limit in (0, 6)]
        return self._node("Clip", [value, *limits])
