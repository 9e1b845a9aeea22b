"""Writes moving pictures as APNG: PNG with the animation chunks acTL, fcTL and fdAT (W3C PNG 3, 11.3.6)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGBA, _KEEP, _OVER = 6, 0, 1


def encode(frames: Sequence[np.ndarray], per_second: int) -> bytes:
    """A file of (H, W, 3) uint8 `frames`, row 0 at the top, all of one size, that plays for ever.

    A frame holds what changed since the last one; the rest of it is transparent, so that the last one shows through.
    """
    height, width = frames[0].shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, _RGBA, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), _chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    number, last = 0, None
    for frame in frames:
        control = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, per_second, _KEEP, _OVER)
        chunks.append(_chunk(b"fcTL", control))
        number += 1
        changed = np.ones((height, width), bool) if last is None else (frame != last).any(2)
        data = _packed(frame, changed)
        if last is None:
            chunks.append(_chunk(b"IDAT", data))
        else:
            chunks.append(_chunk(b"fdAT", struct.pack(">I", number) + data))
            number += 1
        last = frame
    return _SIGNATURE + b"".join([*chunks, _chunk(b"IEND", b"")])


def _packed(frame: np.ndarray, changed: np.ndarray) -> bytes:
    """Scan lines of RGBA, nothing where the (H, W) `changed` is false, each the difference from the one above."""
    pixels = np.concatenate([frame, np.full((*changed.shape, 1), 255, np.uint8)], 2) * changed[..., None]
    above = np.concatenate([np.zeros_like(pixels[:1]), pixels[:-1]])
    lines = (pixels - above).reshape(len(pixels), -1)  # modulo 256: PNG's filter 2, Up
    return zlib.compress(np.column_stack([np.full(len(lines), 2, np.uint8), lines]).tobytes(), 9)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
