"""A mesh over time, from a folder of OBJ files or one .npz file."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .model import topology


@dataclass(frozen=True)
class Frames:
    """positions: (F, V, 3) float32 metres. corners: (C,) int, the polygons' vertices one after the other. sizes: (P,)
    how many each polygon has. name: what it was read from, for sentences."""

    positions: np.ndarray
    corners: np.ndarray
    sizes: np.ndarray
    name: str = ""

    @cached_property
    def edges(self) -> np.ndarray:
        """(E, 2) int, each once, the lower vertex first."""
        starts = np.cumsum(self.sizes) - self.sizes
        following = np.arange(1, len(self.corners) + 1)
        following[starts + self.sizes - 1] = starts
        return np.unique(np.sort(np.column_stack([self.corners, self.corners[following]]), axis=1), axis=0)

    @cached_property
    def triangles(self) -> np.ndarray:
        """(T, 3) int: every polygon as a fan."""
        starts = np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes - 2)
        fans = self.sizes - 2
        step = np.arange(len(starts)) - np.repeat(np.cumsum(fans) - fans, fans)
        return np.column_stack([self.corners[starts], self.corners[starts + step + 1], self.corners[starts + step + 2]])

    @cached_property
    def topology(self) -> str:
        """See `model.topology`."""
        return topology(self.edges, self.positions.shape[1])


def natural(path: Path) -> list[tuple[int, int | str]]:
    """For sorting by name as people count: frame_2 before frame_10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def read(path: Path, limit: int | None = None, progress: Callable[[float], None] | None = None) -> Frames:
    """The frames in a folder of OBJ files, see `frames_from_folder`, or in a file that `write` made; the first `limit`.

    Raises InputError, in a sentence.
    """
    if path.is_dir():
        return frames_from_folder(path, limit, progress)
    try:
        with np.load(path, allow_pickle=False) as file:
            positions, corners, sizes = (file[name] for name in ("positions", "corners", "sizes"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise _no_frames(path) from error
    if (
        positions.ndim != 3
        or positions.shape[2:] != (3,)
        or sizes.sum() != len(corners)
        or (len(corners) and not 0 <= corners.min() <= corners.max() < positions.shape[1])
    ):
        raise InputError("The frames in {path} do not fit its polygons: write the file again.", path=path)
    frames = Frames(positions[:limit].astype(np.float32), corners.astype(np.int64), sizes.astype(np.int64), path.name)
    _check_numbers(frames)
    return frames


def write(path: Path, frames: Frames) -> None:
    """Write the frames as .npz, for `read`. Raises OSError."""
    with path.open("wb") as file:
        np.savez(file, positions=frames.positions, corners=frames.corners, sizes=frames.sizes)


def frames_from_folder(
    folder: Path, limit: int | None = None, progress: Callable[[float], None] | None = None
) -> Frames:
    """The OBJ files of a folder in natural order, one per frame; the first `limit`.

    Raises InputError, in a sentence, where there is none, where one cannot be read, has places that are no numbers,
    or has other vertices or edges than the first.
    """
    paths = _obj_files(folder)[:limit]
    first, lines = _read_obj(paths[0])
    corners, sizes = _polygons(lines, paths[0], len(first))
    positions = np.empty((len(paths), *first.shape), np.float32)
    whole = Frames(positions, corners, sizes, folder.name)
    for number, path in enumerate(paths):
        points, own = _read_obj(path)
        if len(points) != len(first):
            raise InputError(
                "{file} has {count} vertices and {first} has {wanted}: every frame must be the same mesh; export it "
                "without modifiers that change it.",
                file=path.name,
                count=len(points),
                first=paths[0].name,
                wanted=len(first),
            )
        if own != lines:
            other = Frames(positions, *_polygons(own, path, len(points)))
            if not np.array_equal(other.edges, whole.edges):
                raise InputError(
                    "The vertices of {file} are in another order than those of {first}, for other ones are joined by "
                    "edges: export every frame with the order of its vertices kept.",
                    file=path.name,
                    first=paths[0].name,
                )
        positions[number] = points
        if progress:
            progress((number + 1) / len(paths))
    _check_numbers(whole, [path.name for path in paths])
    return whole


def write_obj(path: Path, points: np.ndarray, frames: Frames, colours: np.ndarray | None = None) -> None:
    """One frame as OBJ: (V, 3) metres on the polygons of `frames`, with (V, 3) colours, 0 to 1, after the places, which
    Blender and MeshLab read. Raises OSError."""
    rows = points if colours is None else np.column_stack([points, colours])
    line = "v " + " ".join(["%.6f"] * 3 + ["%.3f"] * (rows.shape[1] - 3)) + "\n"
    text = (line * len(rows)) % tuple(rows.ravel().tolist())
    ends = np.cumsum(frames.sizes)
    numbers = [str(corner + 1) for corner in frames.corners.tolist()]
    faces = "".join(
        f"f {' '.join(numbers[start:end])}\n"
        for start, end in zip((ends - frames.sizes).tolist(), ends.tolist(), strict=True)
    )
    path.write_text(text + faces, encoding="ascii")


def count_frames(path: Path) -> int:
    """How many frames `read` would find. Raises InputError where it would."""
    if path.is_dir():
        return len(_obj_files(path))
    try:
        with zipfile.ZipFile(path) as archive, archive.open("positions.npy") as file:
            form: Any = np.lib.format  # has no types
            old = form.read_magic(file) == (1, 0)
            shape = (form.read_array_header_1_0 if old else form.read_array_header_2_0)(file)[0]
            return int(shape[0])
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise _no_frames(path) from error


def check_counts(source: int, target: int) -> None:
    """Raises InputError unless there are as many skinned frames as target frames."""
    if source != target:
        raise InputError(
            "There are {source} skinned frames and {target} target frames: give as many of both, in the same order.",
            source=source,
            target=target,
        )


def check_pair(source: Frames, target: Frames, least: int = 1) -> None:
    """Raises InputError, in a sentence, unless two meshes over time are the same mesh in as many frames, at least
    `least`."""
    counts, vertices = (
        (len(source.positions), len(target.positions)),
        (source.positions.shape[1], target.positions.shape[1]),
    )
    check_counts(*counts)
    if vertices[0] != vertices[1]:
        raise InputError(
            "The skinned mesh has {source} vertices and the target {target}: both must be the same mesh.",
            source=vertices[0],
            target=vertices[1],
        )
    if source.topology != target.topology:
        raise InputError(
            "The vertices of the target are in another order than those of the skinned mesh, for other ones are joined "
            "by edges: export both with the order of the vertices kept."
        )
    check_length(counts[0], least)


def check_length(count: int, least: int) -> None:
    """Raises InputError where there are fewer frames than the `least` that a model looks at."""
    if count < least:
        raise InputError(
            "There are {count} frames, and {least} are looked at together: give more frames or choose fewer condition "
            "frames.",
            count=count,
            least=least,
        )


def read_joints(path: Path, count: int | None = None) -> np.ndarray:
    """(F, J, 3) float32 metres from a .npy file or from a folder of text files, one per frame in natural order, with a
    line "x y z" per joint. count: of frames that there must be.

    Raises InputError, in a sentence, for what cannot be read, for numbers that are none and for another count.
    """
    try:
        if path.is_dir():
            files = sorted((one for one in path.glob("*") if one.suffix.lower() in (".txt", ".csv")), key=natural)
            rows = [np.array(re.split(r"[\s,;]+", file.read_text().strip()), np.float32) for file in files]
            joints = np.stack(rows).reshape(len(rows), -1, 3)
        else:
            joints = np.load(path, allow_pickle=False).astype(np.float32)
        if joints.ndim != 3 or joints.shape[2] != 3:
            raise ValueError("shape")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise InputError(
            "The joints in {path} cannot be read: give a folder of text files, one per frame, with a line “x y z” per "
            "joint, as many in each.",
            path=path,
        ) from error
    if count is not None and len(joints) != count:
        raise InputError(
            "There are joints of {joints} frames and {count} frames of the mesh: give the joints of every frame.",
            joints=len(joints),
            count=count,
        )
    if not np.isfinite(joints).all():
        raise InputError("Some joints in {path} are no numbers: export them again.", path=path)
    return joints


def _no_frames(path: Path) -> InputError:
    return InputError("{path} is neither a folder of OBJ files nor a file of frames: choose one of them.", path=path)


def _obj_files(folder: Path) -> list[Path]:
    """In natural order. Raises InputError where there is none."""
    paths = sorted((path for path in folder.glob("*") if path.suffix.lower() == ".obj"), key=natural)
    if not paths:
        raise InputError("There are no OBJ files in {folder}: choose the folder of the frames.", folder=folder)
    return paths


def _check_numbers(frames: Frames, names: list[str] | None = None) -> None:
    bad = np.flatnonzero(~np.isfinite(frames.positions).all((1, 2)))
    if len(bad):
        where = names[bad[0]] if names else f"frame {bad[0] + 1} of {frames.name}"
        raise InputError("Some places in {where} are no numbers: export this frame again.", where=where)


def _read_obj(path: Path) -> tuple[np.ndarray, list[bytes]]:
    """(V, 3) places and the lines of the polygons of one file. Raises InputError."""
    try:
        lines = path.read_bytes().splitlines()
        rows = [line[2:].split() for line in lines if line[:2] in (b"v ", b"v\t")]
        points = np.array([row[:3] for row in rows], "S").astype(np.float64).reshape(-1, 3)
    except (OSError, ValueError) as error:
        raise InputError("{path} cannot be read as an OBJ file: export this frame again.", path=path) from error
    return points, [line for line in lines if line[:2] in (b"f ", b"f\t")]


def _polygons(lines: list[bytes], path: Path, vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners and sizes of polygons, as Frames has them. Raises InputError."""
    try:
        words = [line.split()[1:] for line in lines]
        sizes = np.array([len(row) for row in words], np.int64)
        corners = np.array([int(word.partition(b"/")[0]) for row in words for word in row], np.int64)
    except ValueError as error:
        raise InputError("{path} cannot be read as an OBJ file: export this frame again.", path=path) from error
    corners = np.where(corners < 0, corners + vertices, corners - 1)
    if not len(sizes) or sizes.min() < 3 or corners.min() < 0 or corners.max() >= vertices:
        raise InputError("The polygons of {path} do not fit its vertices: export this frame again.", path=path)
    return corners, sizes
