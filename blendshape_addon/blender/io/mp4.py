"""What an .mp4 or .mov file says of the times of its pictures (ISO/IEC 14496-12, 8.6.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_TO_TABLE = (b"mdia", b"minf", b"stbl", b"stts")
_MOST_ENTRIES = 10_000_000
_UNEVEN = 0.1  # of a picture's time by which it may be longer or shorter than the usual one


def uneven(path: Path) -> bool:
    """Whether more than one in a hundred of the movie's pictures lasts longer or shorter than most; False for files of
    other kinds."""
    try:
        with path.open("rb") as file:
            for start, end in _boxes(file, 0, path.stat().st_size, b"moov"):
                for track in _boxes(file, start, end, b"trak"):
                    if _is_video(file, *track):
                        return _differ(_durations(file, *track))
    except (OSError, ValueError):
        pass
    return False


def _boxes(file: BinaryIO, start: int, end: int, kind: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of the boxes of a kind begin and end, among those between two places of a file."""
    while start + 8 <= end:
        file.seek(start)
        size, found, head = int.from_bytes(file.read(4), "big"), file.read(4), 8
        if size == 1:
            size, head = int.from_bytes(file.read(8), "big"), 16
        size = size or end - start
        if size < head:
            raise ValueError("a box without a size")
        if found == kind:
            yield start + head, min(start + size, end)
        start += size


def _inside(file: BinaryIO, start: int, end: int, *kinds: bytes) -> tuple[int, int]:
    """The first box of the last kind in one of the kind before it, and so on. Raises ValueError where there is none."""
    for kind in kinds:
        box = next(_boxes(file, start, end, kind), None)
        if box is None:
            raise ValueError("a box is missing")
        start, end = box
    return start, end


def _is_video(file: BinaryIO, start: int, end: int) -> bool:
    place, _ = _inside(file, start, end, b"mdia", b"hdlr")
    file.seek(place + 8)  # after version, flags and a reserved field
    return file.read(4) == b"vide"


def _durations(file: BinaryIO, start: int, end: int) -> list[tuple[int, int]]:
    """Runs of pictures that last the same: how many, and how long."""
    place, limit = _inside(file, start, end, *_TO_TABLE)
    file.seek(place + 4)
    count = int.from_bytes(file.read(4), "big")
    if count > _MOST_ENTRIES or place + 8 + 8 * count > limit:
        raise ValueError("a table is cut off")
    table = file.read(8 * count)
    numbers = [int.from_bytes(table[at : at + 4], "big") for at in range(0, len(table), 4)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _differ(runs: list[tuple[int, int]]) -> bool:
    pictures = sum(number for number, _ in runs)
    usual = max(runs, default=(0, 0))[1]
    others = sum(number for number, lasts in runs if abs(lasts - usual) > _UNEVEN * usual)
    return others > 0.01 * pictures
