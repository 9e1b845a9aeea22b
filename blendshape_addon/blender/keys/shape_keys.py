"""Shapes written as shape keys, the creator's own keys kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np

from ...core.avatar import key_names
from ...core.avatar.avatar import Avatar
from ...core.errors import InputError
from ...core.geometry.mesh import any3
from ...core.messages import Message
from ...core.shapes import Shape
from ...core.style.recipes import PRESETS
from ...core.vocabulary import KNOWN_SHAPES, VISEMES, mirrored
from ..io.mesh_io import Object, basis, coordinates
from ..io.selection import require_editable
from ..mesh_objects import copies, rest_matrix
from ..stored import migration
from ..stored.migration import BASE, STYLE
from .key_blocks import RANK, add, detach, duplicate, is_empty, is_still, made_by_us, mark, remove, reorder, sum_up

BACKUP = "{}.backup"  # the creator's key under a new name


@dataclass
class Written:
    """What `write` did, by shape key name in key order. kept: the creator's own keys that were left alone; empty: those
    of them that move nothing; backups: new names of those that were replaced; respelled: the creator's own keys that
    are one of the shapes in another spelling, and which; used: which of the creator's own keys each shape is that was
    not made."""

    made: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)
    respelled: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Target:
    """A key to be: the base shape but for the vertices `moved` (n,), whose (n, 3) float32 local `places` differ.

    Keys in Blender are dense; held like that before they are written, 75 would take as much memory again.
    """

    moved: np.ndarray
    places: np.ndarray

    def over(self, base: np.ndarray) -> np.ndarray:
        """All (V, 3) coordinates, with the object's `base` shape."""
        dense = base.copy()
        dense[self.moved] = self.places
        return dense

    def is_still(self, base: np.ndarray) -> bool:
        return is_still(self.places, base[self.moved])


def write(
    objects: Sequence[Object], avatar: Avatar, shapes: Sequence[Shape], main: int, existing: str = "keep"
) -> Written:
    """Write `shapes` (in the space of `avatar`, which was read from `objects`) as shape keys.

    Object number `main`, the face, gets every shape, the others only those that move them. existing: one of
    core.options.EXISTING; `mine` and `keep` replace only keys that this tool made, `fill` also the creator's empty
    ones, `replace` any of the same name, each left under a new name as a backup.

    Raises InputError before anything is changed.
    """
    plan: list[tuple[Object, str, _Target]] = []
    for number, obj in enumerate(objects):
        targets = _targets(obj, number, avatar, shapes, all_of_them=number == main)
        plan += [(obj, name, target) for name, target in targets.items()]
    _require_accuracy(objects[main], [(name, target) for obj, name, target in plan if obj == objects[main]])
    ours = {obj: made_by_us(obj) for obj in objects}
    plan, result = _permitted(plan, ours, existing)
    made_names = set(result.made + result.replaced)
    result.empty = [name for name in result.kept if not creators(objects, [name])]
    theirs = {name for obj in objects for name in _names(obj) - ours[obj]}
    twins = key_names.respelled(sorted(theirs)).items()
    result.respelled = {key: shape for key, shape in twins if shape in made_names}
    changed = [obj for obj in objects if any(owner == obj for owner, _, _ in plan) or ours[obj] & made_names]
    for obj in changed:
        require_editable(obj)
        if obj.data.shape_keys and obj.data.shape_keys.reference_key.name in made_names:
            raise InputError(
                "The base shape of “{name}” is named {key}: rename it to Basis and try again.",
                name=obj.name,
                key=obj.data.shape_keys.reference_key.name,
            )
    for obj in changed:
        targets = {name: target for owner, name, target in plan if owner == obj}
        stale = (ours[obj] & made_names) - set(targets)
        for alias in ours[obj] - set(KNOWN_SHAPES):  # copies under other names follow their shape
            shape = key_names.recognise(alias)
            if shape in targets:
                targets[alias] = targets[shape]
            elif shape in stale:
                stale.add(alias)
        result.backups += _write_object(obj, targets, ours[obj], stale)
    return result


def _require_accuracy(obj: Object, targets: list[tuple[str, _Target]]) -> None:
    """Raise InputError if shapes of `obj` are lost in the rounding of single precision."""
    base = basis(obj)
    visemes = [(target.moved.tobytes(), target.places.tobytes()) for name, target in targets if name in VISEMES]
    if len(set(visemes)) < len(visemes) or any(target.is_still(base) for _, target in targets):
        raise InputError(
            "“{name}” lies so far from its own origin that shape keys would be lost in rounding: set its "
            "origin to its geometry (Object > Set Origin > Origin to Geometry) and try again.",
            name=obj.name,
        )


def remarks(written: Written) -> list[Message]:
    """What a creator has to know of keys of their own, in sentences."""
    found = []
    if written.empty:
        found.append(
            Message(
                "Kept your own {names}, which move nothing and are lost on export: generate again with “Fill If Empty” "
                "(--existing fill).",
                names=", ".join(written.empty),
            )
        )
    if written.respelled:
        found.append(
            Message(
                "Your own keys mean the same as shapes that were made, and both are there now: {names}. Delete or "
                "rename the ones that you do not need.",
                names=", ".join(f"{key} = {shape}" for key, shape in written.respelled.items()),
            )
        )
    return found


def creators(objects: Sequence[Object], names: Sequence[str]) -> list[str]:
    """Those of the shapes `names` that are there, not empty, as the creator's keys: what `replace` would replace."""
    keys = {obj: made_by_us(obj) for obj in objects}
    return [name for name in names if any(_is_creators(obj, name, ours) for obj, ours in keys.items())]


def rewrite(objects: Sequence[Object], avatar: Avatar, shape: Shape) -> list[str]:
    """Put `shape` into the keys of its name that are there on `objects`, which `avatar` was read from.

    They count as edited from then on; returns the names of backups of what was the creator's. Raises InputError before
    anything is changed.
    """
    keyed = [(number, obj) for number, obj in enumerate(objects) if _key(obj, shape.name)]
    for _, obj in keyed:
        require_editable(obj)
    backups = []
    for number, obj in keyed:
        key, ours = _key(obj, shape.name), made_by_us(obj)
        targets = _targets(obj, number, avatar, [shape], all_of_them=True)
        if shape.name not in targets:
            continue
        target = targets[shape.name].over(basis(obj))
        if np.allclose(coordinates(key.points), target, rtol=0, atol=1e-7):
            continue
        if shape.name not in ours:
            backups.append(duplicate(obj, key, BACKUP.format(shape.name)).name)
        detach(obj.data.shape_keys, key)
        key.points.foreach_set("co", target.reshape(-1))
        sum_up(obj, ours)
        mark(obj, ours - {shape.name})
        obj.data.update()
    return backups


def places(objects: Sequence[Object], avatar: Avatar, obj: Object, shape: Shape) -> np.ndarray:
    """(V, 3) local places of the vertices of `obj`, one of `objects` that `avatar` was read from, in `shape`."""
    return _targets(obj, list(objects).index(obj), avatar, [shape], all_of_them=True)[shape.name].over(basis(obj))


def _targets(
    obj: Object, number: int, avatar: Avatar, shapes: Sequence[Shape], all_of_them: bool
) -> dict[str, _Target]:
    """By name of those `shapes` that move `obj`, object `number` of `avatar`; none of one side where `obj` is one half
    that a modifier mirrors."""
    inverse = np.linalg.inv(rest_matrix(obj)[:3, :3])
    half = copies(obj) > 1
    start = int(np.searchsorted(avatar.object_id, number))
    base = basis(obj)
    found = {}
    for shape in shapes:
        if half and mirrored(shape.name) != shape.name:
            continue
        first, last = np.searchsorted(shape.indices, [start, start + len(base)])
        mine, deltas = shape.indices[first:last] - start, shape.deltas[first:last]
        if len(mine) == 0 and not all_of_them:
            continue
        places = base[mine] + (deltas @ inverse.T).astype(np.float32)
        differ = any3(places != base[mine])
        target = _Target(mine[differ], places[differ])
        if all_of_them or not target.is_still(base):  # a key of nanometres would be lost on export
            found[shape.name] = target
    return found


def remember_style(obj: Object, preset: str, automatic: bool) -> None:
    """Store with the keys of `obj` which style they were last made in."""
    migration.put(obj.data.shape_keys, STYLE, {"preset": preset, "automatic": automatic})


def style_of(obj: Object | None) -> Message | None:
    """The name of the style that remember_style stored, None where it stored none."""
    preset, automatic = _stored_style(obj)
    if preset not in PRESETS:
        return None
    return Message("{style} (auto)", style=PRESETS[preset]) if automatic else PRESETS[preset]


def preset_of(obj: Object | None, chosen: str = "AUTO") -> str:
    """The preset `chosen`; for AUTO the one that remember_style stored, empty where it stored none."""
    if chosen != "AUTO":
        return chosen.lower()
    preset = _stored_style(obj)[0]
    return preset if preset in PRESETS else ""


def _stored_style(obj: Object | None) -> tuple[str, bool]:
    keys = getattr(obj.data, "shape_keys", None) if obj else None
    stored = migration.read_table(keys, STYLE)
    return str(stored.get("preset", "")), bool(stored.get("automatic"))


def _permitted(plan: list, ours: dict[Object, set[str]], existing: str) -> tuple[list, Written]:
    """The part of `plan` that may be written, and what becomes of each name."""
    present = {name for obj, name, _ in plan if _key(obj, name)}
    kept = set()
    if existing != "replace":
        kept = {name for obj, name, _ in plan if _is_creators(obj, name, ours[obj], or_empty=existing != "fill")}
    names = sorted({name for _, name, _ in plan}, key=RANK.get)
    result = Written(
        made=[name for name in names if name not in present],
        replaced=[name for name in names if name in present - kept],
        kept=[name for name in names if name in kept],
    )
    return [step for step in plan if step[1] not in kept], result


def _is_creators(obj: Object, name: str, ours: set[str], or_empty: bool = False) -> bool:
    key = _key(obj, name)
    return key is not None and name not in ours and (or_empty or not is_empty(key))


def _write_object(obj: Object, targets: dict[str, _Target], ours: set[str], stale: set[str]) -> list[str]:
    """Put `targets` on `obj`, see `put`."""
    base = basis(obj)
    return put(obj, list(targets), lambda name: targets[name].over(base), ours, stale)


def put(
    obj: Object, names: Collection[str], places: Callable[[str], np.ndarray], ours: set[str], stale: set[str]
) -> list[str]:
    """Make keys `names` on `obj`, each with the (V, 3) `places` of its vertices, and mark them as made by this tool;
    `ours` are those from earlier, of which the `stale` ones go.

    Returns the names of backups of what was the creator's.
    """
    active = obj.active_shape_key.name if obj.active_shape_key else None
    backups = []
    for name in stale:
        remove(obj, name)
    if names and obj.data.shape_keys is None:
        add(obj, "Basis")
        migration.put(obj.data.shape_keys, BASE, True)
    keys = obj.data.shape_keys
    if keys is None:  # what there was has gone
        return backups
    for name in names:
        key = keys.key_blocks.get(name)
        if key is not None:
            if name not in ours and not is_empty(key):
                backups.append(duplicate(obj, key, BACKUP.format(name)).name)
            detach(keys, key)
    new = [name for name in names if name not in keys.key_blocks]
    for name in names:
        key = keys.key_blocks.get(name) or add(obj, name)
        key.relative_key = keys.reference_key
        key.points.foreach_set("co", places(name).reshape(-1))
    sum_up(obj, ours)
    mark(obj, (ours | set(names)) - stale)
    _place(obj, new)
    obj.active_shape_key_index = max(keys.key_blocks.find(active), 0) if active else 0
    obj.data.update()
    return backups


def _place(obj: Object, new: Sequence[str]) -> None:
    """Bring the `new` keys, which stand last, into the vocabulary's order.

    They stay at the end, where they shift no index of older keys (VRChat keeps eyelids by index), except before those
    that the vocabulary puts after them.
    """
    order = [key.name for key in obj.data.shape_keys.key_blocks if key.name not in new]
    for name in sorted(new, key=RANK.get):
        later = (i for i, other in enumerate(order) if RANK.get(other, -1) > RANK[name] and i > 0)
        order.insert(next(later, len(order)), name)
    reorder(obj, order)


def _names(obj: Object) -> set[str]:
    """Names of the keys of `obj` but the base."""
    keys = obj.data.shape_keys
    return set(keys.key_blocks.keys()[1:]) if keys else set()


def _key(obj: Object, name: str) -> bpy.types.ShapeKey | None:
    keys = obj.data.shape_keys
    return keys.key_blocks.get(name) if keys else None
