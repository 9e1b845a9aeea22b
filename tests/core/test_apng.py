"""Moving pictures of training.devtools.apng, read back by the rules of PNG."""

import struct
import zlib

import numpy as np

from training.devtools import apng


def chunks(data):
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        yield kind, body
        at += 12 + size


def layer(data, height, width):
    """(H, W, 4) of one frame's data; every line has filter 0 or 2."""
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * 4)
    pixels = np.zeros((height + 1, width * 4), np.uint8)
    for row, line in enumerate(lines):
        assert line[0] in (0, 2)
        pixels[row + 1] = line[1:] + (pixels[row] if line[0] == 2 else 0)
    return pixels[1:].reshape(height, width, 4)


def test_every_frame_comes_back():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (7, 5, 3), np.uint8)
    second, third = first.copy(), first.copy()
    second[2:4, 1:3] = 9
    parts = list(chunks(apng.encode([first, second, second, third], 12)))
    kinds = [kind for kind, _ in parts]
    assert kinds == [b"IHDR", b"acTL", b"fcTL", b"IDAT", *[b"fcTL", b"fdAT"] * 3, b"IEND"]
    assert parts[1][1] == struct.pack(">II", 4, 0), "four frames, for ever"
    bodies = [body if kind == b"IDAT" else body[4:] for kind, body in parts if kind in (b"IDAT", b"fdAT")]
    numbers = [struct.unpack(">I", body[:4])[0] for kind, body in parts if kind in (b"fcTL", b"fdAT")]
    assert numbers == list(range(len(numbers)))
    seen = np.zeros((7, 5, 3), np.uint8)
    for body, frame in zip(bodies, (first, second, second, third), strict=True):
        over = layer(body, 7, 5)
        assert set(np.unique(over[..., 3])) <= {0, 255}
        seen = np.where(over[..., 3:] > 0, over[..., :3], seen)
        assert np.array_equal(seen, frame)
    delays = {struct.unpack(">HH", body[20:24]) for kind, body in parts if kind == b"fcTL"}
    assert delays == {(1, 12)}
