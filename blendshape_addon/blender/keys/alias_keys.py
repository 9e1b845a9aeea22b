"""Keys under the names of other conventions (core.avatar.key_names), as copies or as new names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.avatar import key_names
from ..io.mesh_io import Object
from ..io.selection import require_editable
from .key_blocks import add as add_key
from .key_blocks import duplicate, made_by_us, mark, remove, sum_up


@dataclass
class Aliased:
    """What `add` did, by name. kept: the creator's own keys: those of an alias's name, and those not to be renamed."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def add(objects: Sequence[Object], convention: str, rename: bool = False) -> Aliased:
    """Give the shapes on `objects` the names of a `convention` of key_names.WRITABLE, as copies or instead of theirs.

    Only keys that this tool made are renamed; drivers and animation follow. A copy counts as made by this tool: the
    next run renews it. Unified Expressions get their sums of shapes (key_names.SUMS) as well, but where keys are
    renamed. Raises InputError before anything is changed.
    """
    names = key_names.written(convention)
    sums = key_names.SUMS if convention == "unified" and not rename else {}
    keyed = {obj: obj.data.shape_keys.key_blocks for obj in objects if obj.data.shape_keys}
    wanted = names.keys() | {part for parts in sums.values() for part in parts}
    keyed = {obj: keys for obj, keys in keyed.items() if wanted & set(keys.keys())}
    for obj in keyed:
        require_editable(obj)
    ours = {obj: made_by_us(obj) for obj in keyed}
    done = Aliased()
    for shape, alias in names.items():
        with_shape = [obj for obj, keys in keyed.items() if shape in keys]
        if not with_shape:
            continue
        creators = [alias for obj, keys in keyed.items() if alias in keys and alias not in ours[obj]]
        creators += [shape for obj in with_shape if rename and shape not in ours[obj]]
        if creators:
            done.kept.append(creators[0])
            continue
        for obj in with_shape:
            if alias in keyed[obj]:
                remove(obj, alias)
            if rename:
                keyed[obj][shape].name = alias
                ours[obj].remove(shape)
            else:
                duplicate(obj, keyed[obj][shape], alias)
            ours[obj].add(alias)
        done.made.append(alias)
    for name, parts in sums.items():
        with_parts = [obj for obj, keys in keyed.items() if any(part in keys for part in parts)]
        if not all(any(part in keyed[obj] for obj in with_parts) for part in parts):
            continue
        if any(name in keyed[obj] and name not in ours[obj] for obj in with_parts):
            done.kept.append(name)
            continue
        for obj in with_parts:
            if name not in keyed[obj]:
                add_key(obj, name)
            sum_up(obj, [name])
            ours[obj].add(name)
        done.made.append(name)
    for obj in keyed:
        mark(obj, ours[obj])
    return done
