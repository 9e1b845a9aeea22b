"""Which avatar the user means, whatever of it is selected, told at a cheap look: no coordinates are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import bpy
import numpy as np

from ...core.avatar import key_names
from ...core.avatar.face_names import face_rank
from ...core.avatar.hints import is_head
from ...core.errors import InputError
from ...core.messages import Message
from ..stored import landmarks, parts
from .avatar_objects import avatars_of, has_faces, root_of
from .single_user import is_shared

Object = bpy.types.Object
# Vertices that a face has at least, by eye: heads of few polygons have some hundreds, a cube has 8.
_FEWEST = 100
_SURELY = 2  # likeness of an avatar for which more speaks than its size
_NAMED = 5  # suggestions that fit into a sentence, and buttons into the panel


def avatar_from_selection(context: bpy.types.Context, *, any_mesh: bool = False) -> list[Object]:
    """The mesh objects of the avatar that the user means, whatever of it is selected: one of its meshes, its armature,
    what hangs on them or what they hang on. Where nothing of an avatar is selected, the only one of the scene.

    The active mesh comes first, else the one that looks most like the face; loose meshes that are selected with it come
    last. any_mesh: a mesh that looks like no face is taken, too. Raises InputError where nothing usable is
    selected, and where it is not clear which avatar is meant: see `suggestions`.
    """
    selected = list(context.selected_objects)
    meshes = [obj for obj in selected if has_faces(obj)]
    active = context.view_layer.objects.active
    context.view_layer.update()
    start = active if active in meshes else max(meshes, key=lambda obj: len(obj.data.vertices), default=None)
    groups = avatars_of(dict.fromkeys([*context.view_layer.objects, *meshes]), preferred=start)
    if start is None:
        avatar = _meant(selected, active, groups)
    else:
        avatar = next((group for group in groups if start in group), [start])
        if not any_mesh and _likeness(avatar) < max(map(_likeness, groups), default=0):
            raise InputError(
                "“{name}” does not look like a face: select {names} and try again. If it is one, place its landmarks "
                "with Edit Landmarks.",
                name=start.name,
                names=_listed(_faces(groups, avatar)),
            )
    first = start or likeliest_face(avatar)
    require_usable(first)
    return [first, *(obj for obj in avatar if obj != first)] + [
        obj for obj in meshes if obj not in avatar and root_of(obj) == obj
    ]


def suggestions(context: bpy.types.Context) -> list[Object]:
    """The meshes that look like the face of an avatar other than what is selected, the likeliest first."""
    groups = avatars_of(context.view_layer.objects)
    selected = set(context.selected_objects)
    return _faces([group for group in groups if not selected & set(group)], [])


def avatars_of_scene(context: bpy.types.Context, file: str) -> list[list[Object]]:
    """The avatars of the scene that was opened from `file`. Raises InputError where no mesh with faces is seen."""
    avatars = avatars_of(context.view_layer.objects, context.view_layer.objects.active)
    if avatars:
        return avatars
    for obj in context.view_layer.objects:
        _refuse_instance(obj)
    if any(has_faces(obj) for obj in bpy.data.objects):
        raise InputError(
            "Every mesh of {file} is hidden or in another scene: open it in Blender, show the avatar's meshes (the "
            "eyes in the Outliner), save it and try again.",
            file=file,
        )
    raise InputError("{file} holds no mesh with faces.", file=file)


def likeliest_face(objects: Iterable[Object]) -> Object:
    """The one of an avatar's `objects` that looks most like its face, the first where several do."""
    return max(objects, key=_marks)


def require_editable(obj: Object) -> None:
    """Raise InputError if shape keys cannot be put on `obj` now, or not without changing something else."""
    if obj.mode != "OBJECT":
        mode = _in_words(obj, "mode")
        raise InputError("“{name}” is in {mode}: switch to Object Mode and try again.", name=obj.name, mode=mode)
    require_usable(obj)


def require_usable(obj: Object) -> None:
    """Raise InputError if shape keys cannot be put on `obj` in any mode without changing something else."""
    if obj.library or obj.data.library:
        raise InputError(
            "“{name}” is linked from another file and cannot be changed here: open that file, or make the "
            "object local (Object > Relations > Make Local > All).",
            name=obj.name,
        )
    if is_shared(obj.data):
        raise InputError(
            "The mesh of “{name}” is shared by several objects: make it single-user (Object > Relations > "
            "Make Single User > Object & Data) and try again.",
            name=obj.name,
        )
    keys = obj.data.shape_keys
    if keys and not keys.use_relative:
        raise InputError(
            "The shape keys of “{name}” are absolute: tick Relative in the shape key list and try again.", name=obj.name
        )
    if abs(np.linalg.det(np.array(obj.matrix_world, float)[:3, :3])) < 1e-30:
        raise InputError("“{name}” is scaled to nothing: give it a scale other than zero and try again.", name=obj.name)


def _meant(selected: Sequence[Object], active: Object | None, groups: Sequence[list[Object]]) -> list[Object]:
    """The one of `groups` that what is `selected`, which is no mesh with faces, belongs to, else the only avatar."""
    for obj in sorted(selected, key=lambda obj: obj != active):
        _refuse_instance(obj)
        for above in (root_of, _top_of):
            near = [group for group in groups if above(obj) in {above(member) for member in group}]
            if len(near) == 1:
                return near[0]
    best = max(map(_likeness, groups), default=0)
    avatars = [group for group in groups if _likeness(group) == best]
    hidden = not selected and active and active.type == "MESH" and not active.visible_get()
    if hidden and (best < _SURELY or any(root_of(active) in map(root_of, group) for group in avatars)):
        raise InputError("“{name}” is hidden: show it (Alt H in the 3D view) and try again.", name=active.name)
    if len(avatars) == 1:
        return avatars[0]
    if avatars and best:
        names = _listed(_faces(groups, []))
        if selected:
            raise InputError(
                "“{name}” belongs to no avatar: select {names} and try again.", name=selected[0].name, names=names
            )
        raise InputError("Nothing is selected: select {names} and try again.", names=names)
    if not selected:
        raise InputError("Nothing is selected: click the avatar's face mesh and try again.")
    if selected[0].type == "MESH":
        raise InputError("“{name}” has no faces: select the avatar's face mesh and try again.", name=selected[0].name)
    raise InputError(
        "“{name}” is not a mesh ({kind}): select the avatar's face mesh and try again.",
        name=selected[0].name,
        kind=_in_words(selected[0], "type"),
    )


def _faces(groups: Iterable[list[Object]], without: list[Object]) -> list[Object]:
    """The face of each of `groups` but `without` that looks as much like an avatar as the best does."""
    others = [group for group in groups if group != without]
    best = max(map(_likeness, others), default=0)
    found = [likeliest_face(group) for group in others if best and _likeness(group) == best]
    return sorted(found, key=_marks, reverse=True)[:_NAMED]


def _listed(objects: Sequence[Object]) -> Message | str:
    """Their names in quotes, as a choice between them."""
    names = [f"“{obj.name}”" for obj in objects]
    if len(names) < 2:
        return "".join(names)
    return Message("{names} or {last}", names=", ".join(names[:-1]), last=names[-1])


def _likeness(group: Iterable[Object]) -> int:
    """_SURELY where something speaks for a face among an avatar's meshes, 1 where one could be a face, else 0."""
    likely = False
    for obj in group:
        placed, corrected, visemes, keys, named, size = _marks(obj)
        if placed or corrected or ((visemes or keys or named or _has_head(root_of(obj))) and size >= _FEWEST):
            return _SURELY
        likely |= size >= _FEWEST
    return int(likely)


def _marks(obj: Object) -> tuple[int, ...]:
    """What speaks for `obj` being a face, the surest first: landmarks that were placed on it, parts that were called
    skin, visemes and other shapes among its keys, its name, its vertices."""
    keys = obj.data.shape_keys
    known = [shape for key in (keys.key_blocks.keys() if keys else ()) if (shape := key_names.recognise(key))]
    visemes = sum(shape.startswith("vrc.v_") for shape in known)
    return (
        landmarks.holder([obj]) is not None,
        "FACE" in parts.corrections(obj).values(),
        visemes,
        len(known) - visemes,
        face_rank(obj.name),
        len(obj.data.vertices),
    )


def _has_head(root: Object) -> bool:
    return root.type == "ARMATURE" and any(is_head(bone.name) for bone in root.data.bones)


def _top_of(obj: Object) -> Object:
    """The topmost object that `obj` or its armature hangs on."""
    top = root_of(obj)
    while top.parent:
        top = top.parent
    return top


def _refuse_instance(obj: Object) -> None:
    """Raise InputError if `obj` only shows a collection of meshes that are somewhere else."""
    collection = obj.instance_collection if obj.instance_type == "COLLECTION" else None
    if collection is None or not any(map(has_faces, collection.all_objects)):
        return
    if collection.library:
        raise InputError(
            "“{name}” is an instance of a collection that is linked from {file}: open that file and work there, or "
            "make the avatar local (Object > Apply > Make Instances Real, then Object > Relations > Make Local > All).",
            name=obj.name,
            file=bpy.path.basename(collection.library.filepath),
        )
    raise InputError(
        "“{name}” is an instance of the collection “{collection}”: work on the meshes of that collection, or make them "
        "real (Object > Apply > Make Instances Real, then Object > Relations > Make Single User > Object & Data).",
        name=obj.name,
        collection=collection.name,
    )


def _in_words(obj: Object, name: str) -> Message:
    """Blender's own words, which it translates, for what the property `name` of `obj` is."""
    return Message(obj.bl_rna.properties[name].enum_items[getattr(obj, name)].name)
