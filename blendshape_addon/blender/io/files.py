"""Avatar files in and out of Blender: .blend .glb .gltf .vrm .fbx .obj read, .blend .glb .fbx written."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from glob import escape
from pathlib import Path

import addon_utils
import bpy

from ...core.errors import InputError, OutputError
from ...core.messages import Message
from ...core.vocabulary import READABLE
from ..stored import migration
from .mesh_io import Object, root_of

_log = logging.getLogger(__name__)
WRITABLE = (".blend", ".glb", ".fbx")
_NO_MESH = ("CURVE", "CURVES", "SURFACE", "META", "FONT")  # geometry of other kinds
_BINARY_FBX = b"Kaydara FBX Binary"
_SIGNATURES = {
    ".blend": (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b"),  # plain, Zstandard, gzip
    ".glb": (b"glTF",),
    ".vrm": (b"glTF",),
}


def load(path: Path) -> list[str]:
    """Open an avatar file in place of what is open now. Returns notes for the user. Raises InputError."""
    suffix = path.suffix.lower()
    _require_readable(path, suffix)
    _log.info("opening %s, %d bytes", path, path.stat().st_size)
    notes = []
    try:
        with quiet():
            if suffix == ".blend":
                bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
            else:
                bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
                _import(path, suffix)
    except Exception as error:  # importers raise whatever a broken file makes them stumble over
        _log.warning("%s cannot be read", path, exc_info=True)
        raise InputError(
            "{file} cannot be read: it is damaged or not a {suffix} file.", file=path.name, suffix=suffix
        ) from error
    if suffix == ".vrm":
        notes.append(Message("VRM settings (expressions, spring bones, licence) are not carried over: set them again."))
    migration.update_file()
    if newer := migration.newer(migration.blocks_of(bpy.data.objects)):
        notes.append(newer)
    bpy.context.view_layer.update()
    return notes


def save(path: Path, objects: Sequence[Object]) -> None:
    """Write `path`: .fbx and .glb hold the avatars of `objects` alone (meshes, what they hang on, armatures), .blend
    everything that is open.

    The file appears whole or not at all. Raises OutputError when it cannot be written.
    """
    require_writable(path.parent)
    part = unfinished(path)
    try:
        with quiet():
            _export(part, part.suffix, objects)
        part.replace(path)
        _log.info("wrote %s, %d bytes", path, path.stat().st_size)
    except Exception as error:
        _log.warning("%s cannot be written", path, exc_info=True)
        raise OutputError("{path} cannot be written: check the folder and the free space.", path=path) from error
    finally:
        part.unlink(missing_ok=True)


def unfinished(path: Path) -> Path:
    """A name for `path` until it is whole: in the same folder, because the exporters put textures beside a file by its
    place, and one that nobody can guess and put a link at."""
    return path.with_name(f".{path.stem[:80]}.{secrets.token_hex(8)}{path.suffix.lower()}")


def clear_unfinished(path: Path) -> None:
    """Remove what is left of `path` by a process that was killed while writing it."""
    for part in path.parent.glob(f".{escape(path.stem[:80])}.{'[0-9a-f]' * 16}{escape(path.suffix.lower())}"):
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text file that appears whole or not at all. Raises OutputError when it cannot be written."""
    part = unfinished(path)
    try:
        part.write_text(text, encoding=encoding, newline="")
        part.replace(path)
        _log.info("wrote %s", path)
    except OSError as error:
        _log.warning("%s cannot be written", path, exc_info=True)
        raise OutputError(
            "{path} cannot be written: close the program that has it open, or free some space.", path=path
        ) from error
    finally:
        part.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Make `folder` if it is missing. Raises OutputError when files cannot be put in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError("The folder {path} cannot be written to: choose another one.", path=folder) from error


def _require_readable(path: Path, suffix: str) -> None:
    """Raise InputError for a file that the importers would fail on."""
    if suffix not in READABLE:
        raise InputError(
            "{file} is not a file this tool can read: give one of {kinds}.", file=path.name, kinds=" ".join(READABLE)
        )
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputError(
            "{file} cannot be opened: {reason}.", file=path.name, reason=error.strerror or error
        ) from error
    if not head:
        raise InputError("{file} is empty: export it again.", file=path.name)
    if suffix == ".fbx" and not head.startswith(_BINARY_FBX[: len(head)]) and bpy.app.version < (4, 5):
        raise InputError(
            "{file} is not a binary FBX file: export it as one, or use Blender 4.5 or later.", file=path.name
        )
    truncated = head.startswith(b"glTF") and int.from_bytes(head[8:12], "little") > path.stat().st_size
    if truncated or (suffix in _SIGNATURES and not head.startswith(_SIGNATURES[suffix])):
        raise InputError("{file} cannot be read: it is damaged or not a {suffix} file.", file=path.name, suffix=suffix)


def _import(path: Path, suffix: str) -> None:
    if suffix == ".obj":
        bpy.ops.wm.obj_import(filepath=str(path))
    elif suffix == ".fbx":
        _enable("io_scene_fbx")
        with path.open("rb") as file:
            binary = file.read(len(_BINARY_FBX)) == _BINARY_FBX
        # The importer that matches the exporter reads binary files only.
        (bpy.ops.import_scene.fbx if binary else bpy.ops.wm.fbx_import)(filepath=str(path))
    elif suffix == ".vrm":
        with tempfile.TemporaryDirectory() as folder:  # the importer goes by the suffix
            copy = Path(folder) / f"{path.stem}.glb"
            shutil.copyfile(path, copy)
            _import(copy, ".glb")
    else:
        _enable("io_scene_gltf2")
        bpy.ops.import_scene.gltf(filepath=str(path))


def _export(path: Path, suffix: str, objects: Sequence[Object]) -> None:
    if suffix == ".blend":
        migration.update_file()
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
    elif suffix == ".glb":
        _enable("io_scene_gltf2")
        with _collected(_with_ancestors(objects)) as collection:
            bpy.ops.export_scene.gltf(
                filepath=str(path), export_format="GLB", export_apply=False, check_existing=False, collection=collection
            )
    elif suffix == ".fbx":
        _enable("io_scene_fbx")
        with bpy.context.temp_override(selected_objects=_with_ancestors(objects)):
            bpy.ops.export_scene.fbx(
                filepath=str(path),
                check_existing=False,
                use_selection=True,
                object_types={"ARMATURE", "EMPTY", "MESH"},
                apply_scale_options="FBX_SCALE_ALL",  # scale 1 in Unity
                add_leaf_bones=False,
                use_mesh_modifiers=False,
                bake_anim=False,
                path_mode="COPY",
                embed_textures=True,
            )


@contextmanager
def _collected(objects: Sequence[Object]) -> Iterator[str]:
    """The name of a collection that holds `objects` for as long as they are exported; hidden ones can't be selected."""
    collection = bpy.data.collections.new("vrc_blendshape_export")
    try:
        for obj in objects:
            collection.objects.link(obj)
        yield collection.name
    finally:
        bpy.data.collections.remove(collection)


def left_out(objects: Sequence[Object]) -> list[str]:
    """What belongs to the avatar of `objects` but is not exported, in sentences for its creator."""
    found = []
    for obj in objects:
        names = [modifier.name for modifier in obj.modifiers if modifier.type != "ARMATURE"]
        if names:
            found.append(
                Message(
                    "Not exported: {names} of “{name}”, since modifiers would change what the shape keys are made "
                    "for; apply them before you generate if they should be in the file.",
                    names=", ".join(names),
                    name=obj.name,
                )
            )
    roots = dict.fromkeys(root_of(obj) for obj in objects)
    others = [child.name for root in roots for child in root.children_recursive if child.type in _NO_MESH]
    if others:
        found.append(
            Message(
                "Not exported: {names}, because only meshes are; convert what should be in the file.",
                names=", ".join(others),
            )
        )
    return found


def _with_ancestors(objects: Sequence[Object]) -> list[Object]:
    """`objects`, what they hang on, and their armatures."""
    found: dict[Object, None] = {}
    for obj in objects:
        for start in (obj, root_of(obj)):
            while start is not None:
                found[start] = None
                start = start.parent
    return list(found)


def _enable(module: str) -> None:
    if not addon_utils.check(module)[1]:
        addon_utils.enable(module)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the chatter of importers and exporters, Blender's own C code included, off the user's terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
