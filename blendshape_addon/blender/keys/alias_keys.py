"""Keys under the names of other conventions (core.avatar.key_names), as copies or as new names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.avatar import key_names
from ..io.mesh_io import Object, require_editable
from .key_blocks import duplicate, made_by_us, mark, remove


@dataclass
class Aliased:
    """What `add` did, by name. kept: the creator's own keys: those of an alias's name, and those not to be renamed."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def add(objects: Sequence[Object], convention: str, rename: bool = False) -> Aliased:
    """Give the shapes on `objects` the names of a `convention` of key_names.WRITABLE, as copies or instead of theirs.

    Only keys that this tool made are renamed; drivers and animation follow. A copy counts as made by this tool: the
    next run renews it. Raises InputError before anything is changed.
    """
    names = key_names.written(convention)
    keyed = {obj: obj.data.shape_keys.key_blocks for obj in objects if obj.data.shape_keys}
    keyed = {obj: keys for obj, keys in keyed.items() if names.keys() & set(keys.keys())}
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
    for obj in keyed:
        mark(obj, ours[obj])
    return done
