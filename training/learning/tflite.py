"""Reads the graph of a TensorFlow Lite file: a flat buffer, whose tables are followed by hand.

Format: https://flatbuffers.dev/internals. A table begins with the distance back to its vtable, which holds for each
field, by number, its place in the table. Fields and enumerations are numbered as in TensorFlow's schema.fbs, version 3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError

OPERATORS = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 5: "DEPTH_TO_SPACE",
    6: "DEQUANTIZE", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 22: "RESHAPE", 23: "RESIZE_BILINEAR",
    34: "PAD", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB", 42: "DIV", 45: "STRIDED_SLICE", 54: "PRELU", 59: "NEG",
    74: "SUM", 75: "SQRT", 76: "RSQRT", 99: "SQUARED_DIFFERENCE", 117: "HARD_SWISH", 124: "DENSIFY",
}  # fmt: skip
_CUSTOM, _CUSTOM_NAMES = 32, ("Convolution2DTransposeBias",)  # operators of MediaPipe's own, which have names
ACTIVATIONS = {0: None, 1: "RELU", 3: "RELU6"}
_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
_INDICES = {1: np.int32, 2: np.uint16, 3: np.uint8}  # of the vectors of a sparse tensor


@dataclass(frozen=True)
class Tensor:
    """data: its constant value, None for what the graph computes."""

    name: str
    shape: tuple[int, ...]
    type: type[np.generic]
    data: np.ndarray | None


@dataclass(frozen=True)
class Operator:
    """inputs, outputs: numbers of tensors, -1 for an input that is left out. options: see `Table`."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table


@dataclass(frozen=True)
class Graph:
    """Tensors, and operators in the order of their computation; inputs and outputs are numbers of tensors."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read(path: Path, data: bytes) -> Graph:
    """The first graph of the file that holds `data`. Raises InputError where it is none or of unknown operators."""
    try:
        return _graph(data)
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise InputError(
            "{file} is no TensorFlow Lite file of known operators: {error}.", file=path, error=error
        ) from error


@dataclass(frozen=True)
class Table:
    """A table of a flat buffer; one at place 0 has no fields, and each has its default."""

    data: bytes
    at: int

    def _place(self, field: int) -> int:
        """Where a field lies; 0 where it is left out."""
        if not self.at:
            return 0
        vtable = self.at - _number(self.data, "i", self.at)
        offset = 4 + 2 * field
        inside = offset < _number(self.data, "H", vtable)
        return self.at + step if inside and (step := _number(self.data, "H", vtable + offset)) else 0

    def number(self, field: int, kind: str = "i", default: int = 0) -> int:
        """A field of a `struct` format."""
        place = self._place(field)
        return _number(self.data, kind, place) if place else default

    def table(self, field: int) -> Table:
        """A field that is a table."""
        place = self._place(field)
        return Table(self.data, place + _number(self.data, "I", place) if place else 0)

    def text(self, field: int) -> str:
        return bytes(self.array(field, np.uint8)).decode()

    def array(self, field: int, kind: type[np.generic]) -> np.ndarray:
        """A field that is a vector of numbers."""
        count, start = self._vector(field)
        return np.frombuffer(self.data, kind, count, start) if count else np.zeros(0, kind)

    def tables(self, field: int) -> Iterator[Table]:
        """A field that is a vector of tables."""
        count, start = self._vector(field)
        for place in range(start, start + 4 * count, 4):
            yield Table(self.data, place + _number(self.data, "I", place))

    def _vector(self, field: int) -> tuple[int, int]:
        """How many elements a vector has, and where they begin."""
        place = self._place(field)
        if not place:
            return 0, 0
        place += _number(self.data, "I", place)
        return _number(self.data, "I", place), place + 4


def _number(data: bytes, kind: str, place: int) -> int:
    return struct.unpack_from(f"<{kind}", data, place)[0]


def _graph(data: bytes) -> Graph:
    if data[4:8] != b"TFL3":
        raise ValueError("its mark is missing")
    model = Table(data, _number(data, "I", 0))
    names = [_name(code) for code in model.tables(1)]
    buffers = [buffer.array(0, np.uint8) for buffer in model.tables(4)]
    graph = next(model.tables(2))
    return Graph(
        tuple(_tensor(table, buffers) for table in graph.tables(0)),
        tuple(_operator(table, names) for table in graph.tables(3)),
        tuple(graph.array(1, np.int32).tolist()),
        tuple(graph.array(2, np.int32).tolist()),
    )


def _tensor(table: Table, buffers: list[np.ndarray]) -> Tensor:
    shape = tuple(table.array(0, np.int32).tolist())
    kind = _TYPES[table.number(1, "b")]
    stored = buffers[table.number(2, "I")]
    data = None
    if len(stored):
        values, sparsity = np.frombuffer(stored.tobytes(), kind), table.table(6)
        data = _dense(values, shape, sparsity) if sparsity.at else values.reshape(shape)
    return Tensor(table.text(3), shape, kind, data)


def _dense(values: np.ndarray, shape: tuple[int, ...], sparsity: Table) -> np.ndarray:
    """A tensor of which only some values are stored, the others being 0.

    Its axes, and those of the blocks that it is cut into, are nested in a given order. A dense level has all its places
    below each place of the level above it; a sparse one those that `indices` has from one of `segments` to the next.
    """
    order, blocks = sparsity.array(0, np.int32), sparsity.array(1, np.int32)
    sizes = np.ones(len(shape) + len(blocks), int)  # by axis; of blocks behind the others
    at = np.zeros((len(sizes), 1), int)  # (axes, places) of the level that was reached
    for axis, level in zip(order, sparsity.tables(2), strict=True):
        count = at.shape[1]
        if level.number(0, "b") == 0:
            sizes[axis] = level.number(1)
            above, place = np.divmod(np.arange(count * sizes[axis]), sizes[axis])
        else:
            segments, place = (
                level.table(field + 1).array(0, _INDICES[level.number(field, "b")]).astype(int) for field in (2, 4)
            )
            above = np.repeat(np.arange(count), np.diff(segments))
        at = at[:, above]
        at[axis] = place
    for block, axis in enumerate(blocks):
        at[axis] = at[axis] * sizes[len(shape) + block] + at[len(shape) + block]
    data = np.zeros(shape, values.dtype)
    data[tuple(at[: len(shape)])] = values
    return data


def _name(code: Table) -> str:
    """The name of a kind of operator. Raises KeyError for one that is not known."""
    number = max(code.number(0, "b"), code.number(3))
    if number == _CUSTOM and code.text(1) in _CUSTOM_NAMES:
        return code.text(1)
    return OPERATORS[number]


def _operator(table: Table, names: list[str]) -> Operator:
    inputs, outputs = (tuple(table.array(field, np.int32).tolist()) for field in (1, 2))
    return Operator(names[table.number(0, "I")], inputs, outputs, table.table(4))
