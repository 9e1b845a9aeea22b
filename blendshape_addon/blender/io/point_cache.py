"""Point caches, which Blender's Mesh Cache modifier plays: .pc2 read and written, .mdd read."""

from __future__ import annotations

import struct
from pathlib import Path

import bpy
import numpy as np

from ...core.errors import InputError
from .files import write_bytes

Object = bpy.types.Object
MODIFIER = "Corrective Animation"
_MAGIC = b"POINTCACHE2\0"
_HEAD = struct.Struct("<12siiffi")  # magic, version, points, first frame, frames per sample, samples
_MDD = struct.Struct(">ii")  # frames, points


def write(path: Path, points: np.ndarray, first: int) -> None:
    """Write (F, V, 3) points in an object's space, one sample per frame from `first` on. Raises OutputError."""
    head = _HEAD.pack(_MAGIC, 1, points.shape[1], float(first), 1.0, len(points))
    write_bytes(path, head + np.ascontiguousarray(points, "<f4").tobytes())


def local(points: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """(F, V, 3) float32 in the space of an object of points in the world. matrices: (F, 4, 4) of the object."""
    back = np.linalg.inv(matrices)
    return (np.einsum("fij,fvj->fvi", back[:, :3, :3], points) + back[:, None, :3, 3]).astype(np.float32)


def read(path: Path) -> np.ndarray:
    """(F, V, 3) float32 of a .pc2 or .mdd file. Raises InputError where it cannot be read or ends early."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            "{file} cannot be opened: {reason}.", file=path.name, reason=error.strerror or error
        ) from error
    try:
        if path.suffix.lower() == ".pc2":
            magic, _, count, _, _, frames = _HEAD.unpack_from(data)
            start, kind = _HEAD.size, "<f4"
            if magic != _MAGIC:
                raise ValueError("magic")
        else:
            frames, count = _MDD.unpack_from(data)
            start, kind = _MDD.size + 4 * frames, ">f4"  # the times of the frames stand before the points
        if min(frames, count) < 1:
            raise ValueError("empty")
        return np.frombuffer(data, kind, frames * count * 3, start).reshape(frames, count, 3).astype(np.float32)
    except (struct.error, ValueError) as error:
        raise InputError(
            "{file} cannot be read: it is damaged or not a {suffix} file.", file=path.name, suffix=path.suffix.lower()
        ) from error


def play(obj: Object, path: Path, first: int) -> bpy.types.Modifier:
    """Let `obj` follow the cache, from frame `first` of the scene on: after its last Armature modifier, in place of
    what the modifiers up to there do; those below, such as subdivision, go on with it."""
    for old in [modifier for modifier in obj.modifiers if modifier.name == MODIFIER]:
        obj.modifiers.remove(old)
    places = [number for number, modifier in enumerate(obj.modifiers) if modifier.type == "ARMATURE"]
    modifier = obj.modifiers.new(MODIFIER, "MESH_CACHE")
    modifier.cache_format = "PC2"
    modifier.filepath = str(path)
    modifier.frame_start = first
    modifier.deform_mode = "OVERWRITE"
    obj.modifiers.move(len(obj.modifiers) - 1, places[-1] + 1 if places else 0)
    return modifier
