"""Preview: shape keys set to other values for a while, and restored exactly.

The values before are stored with each object, so that they can be restored whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy
import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.errors import InputError
from ...core.shapes import Shape
from ...core.vocabulary import KNOWN_SHAPES
from ..io.mesh_io import Object, offsets
from ..mesh_objects import rest_matrix, unfold_offsets

_BEFORE = "vrc_blendshape_before"
_SHAPES = frozenset(KNOWN_SHAPES)


def show(objects: Sequence[Object], weights: Mapping[str, float]) -> None:
    """Set the keys of vocabulary.KNOWN_SHAPES on `objects` to `weights`, those not named to 0."""
    for obj in objects:
        keys = _keys(obj)
        if keys and _BEFORE not in obj:
            obj[_BEFORE] = {
                "pinned": obj.show_only_shape_key,
                "values": {key.name: key.value for key in keys},
                "muted": {key.name: key.mute for key in keys},
            }
            obj.show_only_shape_key = False
        for key in keys:
            key.mute = False
            key.value = weights.get(key.name, 0.0)


def restore(objects: Sequence[Object]) -> None:
    """Put back what `show` changed on `objects`."""
    for obj in objects:
        if _BEFORE not in obj:
            continue
        before = obj[_BEFORE].to_dict()
        for key in _keys(obj):
            if key.name in before["values"]:
                key.value = before["values"][key.name]
                key.mute = bool(before["muted"][key.name])
        obj.show_only_shape_key = bool(before["pinned"])
        del obj[_BEFORE]


def shown() -> list[Object]:
    """The objects whose keys a preview sets now."""
    return [obj for obj in bpy.data.objects if _BEFORE in obj]


def is_shown(obj: Object | None) -> bool:
    """Whether a preview sets the keys of `obj` now."""
    return obj is not None and obj.get(_BEFORE) is not None


def mixed(settings: bpy.types.PropertyGroup, weights: Mapping[str, float]) -> dict[str, float]:
    """`weights` and the emotion that is chosen in the panel."""
    if settings.emotion == "NONE":
        return dict(weights)
    return {**weights, settings.emotion: settings.emotion_strength}


def remix(context: bpy.types.Context) -> None:
    """Update the preview after the emotion was changed."""
    viseme = context.window_manager.vrc_blendshape.viseme
    show(shown(), mixed(context.scene.vrc_blendshape, {viseme: 1.0} if viseme else {}))


def stop() -> None:
    """End the preview and restore all keys."""
    restore(shown())


def shapes(objects: Sequence[Object], avatar: Avatar) -> list[Shape]:
    """The shapes of vocabulary.KNOWN_SHAPES that stand as keys on `objects`, which `avatar` was read from."""
    found = []
    keys = [{key.name: key for key in _keys(obj)} for obj in objects]
    for name in KNOWN_SHAPES:
        indices, deltas = [], []
        for number, obj in enumerate(objects):
            if key := keys[number].get(name):
                offset = unfold_offsets(obj, offsets(obj, key))
                moved = np.flatnonzero(offset.any(1))
                indices.append(moved + np.searchsorted(avatar.object_id, number))
                deltas.append(offset[moved] @ rest_matrix(obj)[:3, :3].T)
        if indices:
            found.append(Shape(name, np.concatenate(indices), np.concatenate(deltas).astype(np.float32)))
    return found


def require_shapes(objects: Sequence[Object]) -> None:
    """Raise InputError if none of vocabulary.KNOWN_SHAPES stands as a key on `objects`."""
    if not any(_keys(obj) for obj in objects):
        raise InputError("This avatar has no shapes to look at yet: press Generate Visemes.")


def _keys(obj: Object) -> list[bpy.types.ShapeKey]:
    """The keys of `obj` that a preview sets."""
    keys = obj.data.shape_keys if obj.type == "MESH" else None
    return [key for key in keys.key_blocks if key.name in _SHAPES and key != keys.reference_key] if keys else []
