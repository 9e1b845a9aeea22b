"""Preview: shape keys set to other values for a while, and restored exactly.

The values before are stored with each object, so that they can be restored whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ...core.errors import InputError
from ...core.shapes import Shape
from ...core.vocabulary import KNOWN_SHAPES
from ..io.mesh_io import Object, offsets
from ..mesh_objects import copies, rest_matrix, unfold_offsets

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
        for key in _keys(obj):  # one that was made meanwhile is off
            key.value = before["values"].get(key.name, 0.0)
            key.mute = bool(before["muted"].get(key.name, False))
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
    """Update the preview after the panel's choices were changed."""
    show_chosen(context, shown())


def show_chosen(context: bpy.types.Context, objects: Sequence[Object]) -> None:
    """Set the keys of `objects` to what is chosen in the panel: a shape in its strength and an emotion, or neutral."""
    state = context.window_manager.vrc_blendshape
    if state.before:
        show(objects, {})
        return
    chosen = {state.viseme: state.strength} if state.viseme else {}
    show(objects, mixed(context.scene.vrc_blendshape, chosen))


def stop() -> None:
    """End the preview and restore all keys; the panel shows none as chosen."""
    objects = shown()
    if not objects:
        return
    restore(objects)
    state = bpy.context.window_manager.vrc_blendshape
    state.viseme, state.before = "", False


@dataclass(frozen=True)
class Linear:
    """From the keys of objects to the shapes of the avatar that was read from them. starts: (O,) the first vertex of
    each object in the avatar; turns: of each, (3, 3) from local to world space."""

    objects: Sequence[Object]
    starts: np.ndarray
    turns: Sequence[np.ndarray]

    @classmethod
    def of(cls, objects: Sequence[Object]) -> Linear:
        counts = [len(obj.data.vertices) * copies(obj) for obj in objects]
        return cls(objects, np.cumsum([0, *counts[:-1]]), [rest_matrix(obj)[:3, :3].T for obj in objects])

    def shape(self, name: str) -> Shape | None:
        """The shape `name`; None where no object has such a key."""
        indices, deltas = [], []
        for obj, start, turn in zip(self.objects, self.starts, self.turns, strict=True):
            keys = obj.data.shape_keys
            key = keys.key_blocks.get(name) if keys else None
            if key and key != keys.reference_key:
                offset = unfold_offsets(obj, offsets(obj, key))
                moved = np.flatnonzero(offset.any(1))
                indices.append(moved + start)
                deltas.append(offset[moved] @ turn)
        if not indices:
            return None
        return Shape(name, np.concatenate(indices), np.concatenate(deltas).astype(np.float32))


def shapes(objects: Sequence[Object]) -> list[Shape]:
    """The shapes of vocabulary.KNOWN_SHAPES that stand as keys on `objects`, of the avatar that is read from them."""
    linear = Linear.of(objects)
    found = map(linear.shape, KNOWN_SHAPES)
    return [shape for shape in found if shape]


def require_shapes(objects: Sequence[Object]) -> None:
    """Raise InputError if none of vocabulary.KNOWN_SHAPES stands as a key on `objects`."""
    if not any(_keys(obj) for obj in objects):
        raise InputError("This avatar has no shapes to look at yet: press Generate Visemes.")


def _keys(obj: Object) -> list[bpy.types.ShapeKey]:
    """The keys of `obj` that a preview sets."""
    keys = obj.data.shape_keys if obj.type == "MESH" else None
    return [key for key in keys.key_blocks if key.name in _SHAPES and key != keys.reference_key] if keys else []
