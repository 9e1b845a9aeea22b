"""What a glTF file says of itself, read without Blender's importer: its JSON document and its numbers."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

SUFFIXES = (".glb", ".gltf", ".vrm")
_MAGIC = b"glTF"
_CHUNK = 8  # bytes of a chunk's header: length and type
_HEADER = 12  # bytes of a GLB file's header: magic, version, length
_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


@dataclass(frozen=True)
class Contents:
    """A GLB file: its JSON document and its binary chunk."""

    document: dict
    blob: bytes

    def accessor(self, index: int) -> np.ndarray:
        """(n, width) numbers of an accessor, sparse ones filled in. Raises LookupError, ValueError for a broken one."""
        accessor = self.document["accessors"][index]
        shape = accessor["count"], _WIDTHS[accessor["type"]]
        kind = np.dtype(_COMPONENTS[accessor["componentType"]])
        if "bufferView" in accessor:
            numbers = self._numbers(accessor["bufferView"], accessor.get("byteOffset", 0), kind, shape)
        else:
            numbers = np.zeros(shape, kind)
        if sparse := accessor.get("sparse"):
            places, values = sparse["indices"], sparse["values"]
            where = np.dtype(_COMPONENTS[places["componentType"]])
            rows = self._numbers(places["bufferView"], places.get("byteOffset", 0), where, (sparse["count"], 1))
            numbers = numbers.copy()
            numbers[rows[:, 0]] = self._numbers(
                values["bufferView"], values.get("byteOffset", 0), kind, (sparse["count"], shape[1])
            )
        return numbers

    def _numbers(self, view: int, offset: int, kind: np.dtype, shape: tuple[int, int]) -> np.ndarray:
        view = self.document["bufferViews"][view]
        stride = view.get("byteStride", kind.itemsize * shape[1])
        begin = view.get("byteOffset", 0) + offset
        return np.ndarray(shape, kind, self.blob, begin, (stride, kind.itemsize))


def read(path: Path) -> Contents:
    """A .glb or .vrm file. Raises OSError, ValueError for a damaged one."""
    data = path.read_bytes()
    length = int.from_bytes(data[_HEADER : _HEADER + 4], "little")
    after = _HEADER + _CHUNK + length
    return Contents(_document(data), data[after + _CHUNK :])


def document(path: Path) -> dict:
    """The JSON document of a .glb, .vrm or .gltf file. Raises OSError, ValueError for a damaged one."""
    with path.open("rb") as file:
        head = file.read(_HEADER + _CHUNK)
        if head[:4] == _MAGIC:
            return _document(head + file.read(int.from_bytes(head[_HEADER : _HEADER + 4], "little")))
        return _document(head + file.read())


def required_extensions(path: Path) -> list[str]:
    """The extensions without which a file cannot be read; none for a damaged file."""
    try:
        names = document(path).get("extensionsRequired", [])
    except (OSError, ValueError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def missing_files(path: Path) -> list[str]:
    """Names of the buffers that a .gltf file needs and that are not beside it; none for a damaged file."""
    try:
        uris = [buffer.get("uri", "data:") for buffer in document(path).get("buffers", ())]
    except (OSError, ValueError, AttributeError, TypeError):
        return []
    names = [unquote(uri) for uri in uris if isinstance(uri, str) and not uri.startswith("data:")]
    return [name for name in names if not (path.parent / name).is_file()]


@contextmanager
def importable(path: Path) -> Iterator[Path]:
    """The file as Blender's importer reads it whole, for as long as the block: with one of its suffixes, and with names
    of morph targets at the meshes, where the importer looks for them, and not at their primitives alone.

    Raises OSError, ValueError for a damaged file.
    """
    found = document(path)
    moved = _lift_names(found)
    if not moved and path.suffix.lower() != ".vrm":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{path.stem}{'.gltf' if path.suffix.lower() == '.gltf' else '.glb'}"
        if not moved:
            shutil.copyfile(path, copy)
        elif copy.suffix == ".gltf":
            _point_at(found, path.parent)
            copy.write_text(json.dumps(found), encoding="utf-8")
        else:
            copy.write_bytes(_packed(found, path.read_bytes()))
        yield copy


def _document(data: bytes) -> dict:
    if data[:4] == _MAGIC:
        data = data[_HEADER + _CHUNK :][: int.from_bytes(data[_HEADER : _HEADER + 4], "little")]
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("not a glTF document")
    return found


def _packed(changed: dict, data: bytes) -> bytes:
    """The GLB file `data` with another document."""
    after = _HEADER + _CHUNK + int.from_bytes(data[_HEADER : _HEADER + 4], "little")
    text = json.dumps(changed, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    body = len(text).to_bytes(4, "little") + b"JSON" + text + data[after:]
    return data[:8] + (_HEADER + len(body)).to_bytes(4, "little") + body


def _lift_names(found: dict) -> bool:
    """Put names of morph targets that stand at primitives at their meshes; returns whether there were any."""
    moved = False
    for mesh in found.get("meshes", ()):
        if (mesh.get("extras") or {}).get("targetNames"):
            continue
        extras = (primitive.get("extras") or {} for primitive in mesh.get("primitives", ()))
        if names := next((one["targetNames"] for one in extras if one.get("targetNames")), None):
            mesh["extras"] = {**(mesh.get("extras") or {}), "targetNames": names}
            moved = True
    return moved


def _point_at(found: dict, folder: Path) -> None:
    """Let the files beside a .gltf file be found from another folder."""
    for part in (*found.get("buffers", ()), *found.get("images", ())):
        if not part.get("uri", "data:").startswith("data:"):
            part["uri"] = quote(str(folder.resolve() / unquote(part["uri"])))
