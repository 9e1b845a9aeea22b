"""Avatar files in and out of Blender: .blend .glb .gltf .vrm .fbx .obj read, .blend .glb .fbx .vrm written."""

from __future__ import annotations

import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from glob import escape
from pathlib import Path
from typing import TypeVar

import addon_utils
import bpy

from ...core.errors import InputError, OutputError, UserError
from ...core.messages import Message
from ...core.vocabulary import READABLE
from ..stored import migration
from . import gltf, modifiers, textures, transforms, vrm
from .baked_keys import baked_keys
from .mesh_io import Object, root_of

Checked = TypeVar("Checked")
_log = logging.getLogger(__name__)
WRITABLE = (".blend", ".glb", ".fbx", ".vrm")
_NO_MESH = ("CURVE", "CURVES", "SURFACE", "META", "FONT")  # geometry of other kinds
_BINARY_FBX = b"Kaydara FBX Binary"
_FBX_HEADER = 27  # bytes: magic, two reserved ones, version
_FBX_2011 = 7100  # the oldest version that the importer which matches the exporter reads
_SIGNATURES = {
    ".blend": (b"BLENDER", b"\x28\xb5\x2f\xfd", b"\x1f\x8b"),  # plain, Zstandard, gzip
    ".glb": (b"glTF",),
    ".vrm": (b"glTF",),
}


def load(path: Path, settings: bool = False) -> list[str]:
    """Open an avatar file in place of what is open now. Returns notes for the user. Raises InputError.

    settings: read a .vrm file with the VRM add-on, so that a .vrm or .blend file made of it has its expressions, spring
    bones, look-at and licence; its materials are then MToon's, which other formats do not hold.
    """
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
                if suffix == ".vrm":
                    notes += _import_vrm(path, settings)
                else:
                    _import(path, suffix)
    except Exception as error:  # importers raise whatever a broken file makes them stumble over
        _log.warning("%s cannot be read", path, exc_info=True)
        raise _reason(path, suffix, str(error)) from error
    if suffix == ".blend":
        notes += _show_meshes()
        _leave_modes()
    migration.update_file()
    if newer := migration.newer(migration.blocks_of(bpy.data.objects)):
        notes.append(newer)
    bpy.context.view_layer.update()
    return notes


def add(path: Path) -> list[Object]:
    """Import an avatar file beside what is open; returns what came. Raises InputError for one that cannot be read."""
    suffix = path.suffix.lower()
    _require_readable(path, suffix)
    before = set(bpy.data.objects)
    try:
        with quiet():
            _import(path, suffix)
    except Exception as error:  # importers raise whatever a broken file makes them stumble over
        _log.warning("%s cannot be read", path, exc_info=True)
        raise _reason(path, suffix, str(error)) from error
    return [obj for obj in bpy.data.objects if obj not in before]


def save(
    path: Path,
    objects: Sequence[Object],
    check: Callable[[Path], Checked] | None = None,
    animated: bool = False,
) -> Checked | None:
    """Write `path`: .fbx, .glb and .vrm hold the avatars of `objects` alone (meshes, what they hang on, armatures),
    .blend everything that is open.

    The file appears whole or not at all: what was there before stays until then. check(file) is called on what was
    written before it takes its place, and may refuse it by raising a UserError; what it returns is returned. animated:
    .fbx and .glb hold the scene's motion, too.

    Raises OutputError when the file cannot be written, InputError for a .vrm file of what is no avatar of that format.
    """
    require_writable(path.parent)
    part = unfinished(path)
    try:
        with quiet(), nullcontext() if part.suffix == ".blend" else baked_keys(objects):
            _export(part, part.suffix, objects, path.stem, animated)
        checked = check(part) if check else None
        part.replace(path)
        _log.info("wrote %s, %d bytes", path, path.stat().st_size)
        return checked
    except UserError:
        raise
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
    write_bytes(path, text.encode(encoding))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all. Raises OutputError when it cannot be written."""
    part = unfinished(path)
    try:
        part.write_bytes(data)
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
    if suffix == ".fbx" and bpy.app.version < (4, 5):
        if not head.startswith(_BINARY_FBX[: len(head)]):
            raise InputError(
                "{file} is not a binary FBX file: export it as one, or use Blender 4.5 or later.", file=path.name
            )
        if (_fbx_version(path) or _FBX_2011) < _FBX_2011:
            raise InputError(
                "{file} is an FBX file from before 2011: export it anew, or use Blender 4.5 or later.", file=path.name
            )
    truncated = head.startswith(b"glTF") and int.from_bytes(head[8:12], "little") > path.stat().st_size
    if truncated or (suffix in _SIGNATURES and not head.startswith(_SIGNATURES[suffix])):
        raise InputError("{file} cannot be read: it is damaged or not a {suffix} file.", file=path.name, suffix=suffix)


def _reason(path: Path, suffix: str, error: str) -> InputError:
    """Why an importer, which said `error`, could not read a file."""
    if suffix in gltf.SUFFIXES and (unknown := [name for name in gltf.required_extensions(path) if name in error]):
        return InputError(
            "{file} needs {extensions}, which Blender {version} cannot read: export it again without, or convert it "
            "with gltf-transform.",
            file=path.name,
            extensions=", ".join(unknown),
            version=bpy.app.version_string,
        )
    if suffix in gltf.SUFFIXES and (missing := gltf.missing_files(path)):
        return InputError(
            "{file} needs {missing}, which is not beside it: put both into one folder.",
            file=path.name,
            missing=", ".join(missing),
        )
    return InputError("{file} cannot be read: it is damaged or not a {suffix} file.", file=path.name, suffix=suffix)


def _show_meshes() -> list[str]:
    """Switch to a scene that shows a mesh with faces where the one that was opened shows none; notes for the user."""
    opened = bpy.context.scene
    for scene in sorted(bpy.data.scenes, key=lambda scene: scene != opened):
        layer = scene.view_layers[0] if scene != opened else bpy.context.view_layer
        if any(obj.type == "MESH" and obj.data.polygons and obj.visible_get(view_layer=layer) for obj in layer.objects):
            break
    else:
        return []
    if scene == opened:
        return []
    bpy.context.window.scene = scene
    return [Message("The scene “{opened}” shows no mesh; “{scene}” was taken.", opened=opened.name, scene=scene.name)]


def _leave_modes() -> None:
    """Switch what was saved in Edit Mode, Sculpt Mode or another one to Object Mode, with the edits."""
    layer = bpy.context.view_layer
    active = layer.objects.active
    for obj in [obj for obj in layer.objects if obj.mode != "OBJECT"]:
        if obj.mode != "OBJECT":  # leaving Edit Mode takes all objects out of it
            layer.objects.active = obj
            bpy.ops.object.mode_set(mode="OBJECT")
    layer.objects.active = active


def _import(path: Path, suffix: str) -> None:
    if suffix == ".obj":
        bpy.ops.wm.obj_import(filepath=str(path))
    elif suffix == ".fbx":
        _enable("io_scene_fbx")
        # The importer that matches the exporter reads neither text files nor what was written before 2011.
        matching = (_fbx_version(path) or 0) >= _FBX_2011
        (bpy.ops.import_scene.fbx if matching else bpy.ops.wm.fbx_import)(filepath=str(path))
    else:
        _enable("io_scene_gltf2")
        with gltf.importable(path) as file:
            bpy.ops.import_scene.gltf(filepath=str(file))


def is_vrm(path: Path) -> bool:
    """Whether a file has settings of VRM, as far as it can be read."""
    try:
        return vrm.is_vrm(path)
    except (OSError, ValueError):
        return False


def _import_vrm(path: Path, settings: bool) -> list[str]:
    """Import a .vrm file, with its settings or without; returns notes for the user."""
    if not vrm.is_vrm(path):
        _import(path, ".glb")
        return []
    notes = vrm.licence_remarks(path)
    if settings:
        _enable("io_scene_gltf2")
        try:
            with vrm.addon() as there:
                if there:
                    vrm.load(path)
                    return notes
        except Exception:  # its importer is pickier than glTF's
            _log.warning("%s cannot be read by the VRM add-on", path, exc_info=True)
            bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    _import(path, ".glb")
    return [
        *notes,
        Message("VRM settings (expressions, spring bones, licence) are not carried over: write a .vrm to keep them."),
    ]


def _fbx_version(path: Path) -> int | None:
    """The version of a binary FBX file, such as 7400; None for a text file."""
    with path.open("rb") as file:
        head = file.read(_FBX_HEADER)
    return int.from_bytes(head[-4:], "little") if head.startswith(_BINARY_FBX) and len(head) == _FBX_HEADER else None


def _export(path: Path, suffix: str, objects: Sequence[Object], name: str, animated: bool) -> None:
    if suffix == ".blend":
        migration.update_file()
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False)
    elif suffix == ".glb":
        _enable("io_scene_gltf2")
        together = transforms.with_ancestors(objects)
        with _posed(together, animated), _collected(together) as collection:
            bpy.ops.export_scene.gltf(
                filepath=str(path),
                export_format="GLB",
                export_apply=False,
                export_animations=animated,
                export_animation_mode="ACTIVE_ACTIONS",  # one animation of all that moves
                export_nla_strips_merged_animation_name=name,
                export_current_frame=not animated,  # another one may show another mix of keys
                check_existing=False,
                collection=collection,
            )
    elif suffix == ".vrm":
        _enable("io_scene_gltf2")
        together = transforms.with_ancestors(objects)
        with transforms.at_rest(together):
            vrm.save(path, objects, together, name)
    elif suffix == ".fbx":
        _enable("io_scene_fbx")
        together = transforms.with_ancestors(objects)
        with (
            _posed(together, animated),
            transforms.unit_scale(together) as scale,
            bpy.context.temp_override(selected_objects=together),
        ):
            bpy.ops.export_scene.fbx(
                filepath=str(path),
                check_existing=False,
                use_selection=True,
                object_types={"ARMATURE", "EMPTY", "MESH"},
                **scale,
                add_leaf_bones=False,
                use_mesh_modifiers=False,
                bake_anim=animated,
                bake_anim_use_nla_strips=False,
                bake_anim_use_all_actions=False,
                bake_anim_simplify_factor=0.0,
                path_mode="COPY",
                embed_textures=True,
            )


def _posed(objects: Sequence[Object], animated: bool) -> AbstractContextManager[None]:
    """Exporters sample the pose of what moves; all else is written at rest."""
    return nullcontext() if animated else transforms.at_rest(objects)


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


def left_out(objects: Sequence[Object], animated: bool = False) -> list[str]:
    """What belongs to the avatar of `objects` but is not exported, in sentences for a creator; animated: see `save`."""
    found = modifiers.unexported(objects)
    found += [] if animated else transforms.animations(objects)
    found += [*transforms.remarks(objects), *textures.remarks(objects)]
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


def _enable(module: str) -> None:
    if not addon_utils.check(module)[1]:
        addon_utils.enable(module)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the chatter of importers and exporters, Blender's own C code included, off the user's terminal."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):  # closed, or read by nobody
                stream.flush()
    kept = {number: copy for number in (1, 2) if (copy := _duplicate(number)) is not None}
    with (
        Path(os.devnull).open("w", encoding="utf-8", errors="replace") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        for number in kept:
            os.dup2(nowhere.fileno(), number)
        try:
            yield
        finally:
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)


def _duplicate(number: int) -> int | None:
    """A copy of an open file descriptor; None if it is closed, as standard output may be."""
    try:
        return os.dup(number)
    except OSError:
        return None
