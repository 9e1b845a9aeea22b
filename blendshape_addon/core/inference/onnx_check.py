"""What an ONNX file asks for beside itself, read from its bytes before any runtime sees them.

Only messages are followed (ONNX's onnx.proto, Protocol Buffers' wire format), never weights, so it takes milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..messages import Message

STANDARD = ("", "ai.onnx")  # domains of operators that every runtime has
DEEPEST = 16  # graphs within graphs
# Message to its fields that hold messages, by number.
_MESSAGES = {
    "model": {7: "graph", 8: "opset", 25: "function"},
    "function": {7: "node", 9: "opset"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_DOMAIN = {"opset": 1, "node": 7, "function": 10}
_EXTERNAL = (13, 14)  # of a tensor: where its data lies, and that it lies in another file


def unsupported_features(data: bytes) -> list[str]:
    """What the model in `data` needs that is not in it: operators that are not ONNX's own, data in other files.

    Raises ValueError where `data` is no ONNX file.
    """
    found = dict.fromkeys(_unsupported_features(memoryview(data), "model", 0))
    return list(found)


def _unsupported_features(data: memoryview, message: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    for number, value in _fields(data):
        inner = _MESSAGES.get(message, {}).get(number)
        if inner and isinstance(value, memoryview):
            yield from _unsupported_features(value, inner, depth + (inner == "graph"))
        elif number == _DOMAIN.get(message) and isinstance(value, memoryview):
            domain = bytes(value).decode("utf-8", "replace")
            if domain not in STANDARD:
                yield Message("operators of “{domain}”", domain=domain[:40])
        elif message == "tensor" and number in _EXTERNAL and value:
            yield Message("data in other files")


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of each field of a message."""
    at = 0
    while at < len(data):
        value: memoryview | int
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind in (1, 2, 5):
            size, at = (8, at) if kind == 1 else (4, at) if kind == 5 else _varint(data, at)
            value, at = data[at : at + size], at + size
            if at > len(data):
                raise ValueError("cut off")
        else:
            raise ValueError(f"unknown kind of field {kind}")
        yield tag >> 3, value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number at a place and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("cut off")
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number without end")
