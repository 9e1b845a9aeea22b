"""Data that this extension stores in .blend files, brought up to date from what earlier versions stored.

Each property has the version of its own form, noted on its datablock under VERSIONS; what 0.1.0 stored has none and
counts as version 0. Reading brings a value up to date, whatever file its datablock was appended from; opening and
saving a file bring everything in it up to date. A value of a newer version than this one is read as far as it is
understood, and is put aside under another name, not lost, where this version has to store its own.

A change of what is stored needs: VERSION + 1, a dictionary more in _STEPS, and the files of the release before
(tests/blender/releases), which test_migration.py opens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import bpy

from ...core.messages import Message

ID = bpy.types.ID
VERSION = 1
VERSIONS = "vrc_blendshape_versions"  # of a datablock: property to version
# Custom properties of objects: see parts.py, landmarks.py, joined.py and own_keys.py.
OVERRIDES, PARTS, LANDMARKS = "vrc_blendshape_told", "vrc_blendshape_parts", "vrc_blendshape_landmarks"
OWN = "vrc_blendshape_own"
MEASURED = "vrc_blendshape_measured"  # see measurements.py
JOINED = "vrc_blendshape_joined"  # of meshes as well: an attribute of vertices
# Custom properties of the shape keys of a mesh: see keys/key_blocks.py and keys/shape_keys.py.
MADE, BASE, STYLE = "vrc_blendshape_made", "vrc_blendshape_base", "vrc_blendshape_style"
CORRECTIVE = "vrc_blendshape_corrective"  # see keys/corrective_keys.py
TUNED, EDITING = "vrc_blendshape_tuned", "vrc_blendshape_editing"  # see tuning.py and editing.py
# Property groups, whose values Blender keeps by name even where it does not know them.
GROUP = "vrc_blendshape"
_PROPERTIES = (OVERRIDES, PARTS, LANDMARKS, OWN, MEASURED, JOINED, MADE, BASE, STYLE, CORRECTIVE, TUNED, EDITING)
_ASIDE = "{}_of_version_{}"


def read(block: ID | None, name: str) -> object | None:
    """The custom property `name` of `block` as this version has it, dictionaries as such; None where there is none."""
    value = block.get(name) if block is not None else None
    if value is None:
        return None
    value = value.to_dict() if hasattr(value, "to_dict") else value
    for steps in _STEPS[_version(block, name) :]:
        if name in steps:
            value = steps[name](value)
    return value


def read_table(block: ID | None, name: str) -> dict[str, object]:
    """As `read`, of a property that is a table; empty where there is none, or where a newer version has no table."""
    value = read(block, name)
    return value if isinstance(value, dict) else {}


def put(block: ID, name: str, value: object) -> None:
    """Store `value` as the custom property `name` of `block`; an empty one removes the property."""
    remove(block, name)
    if value:
        block[name] = value
        _note(block, {name: VERSION})


def remove(block: ID, name: str) -> bool:
    """Remove the custom property `name` of `block`; whether there was one. What a newer version stored is put aside."""
    if name not in block:
        return False
    version = _version(block, name)
    if version > VERSION:
        block[_ASIDE.format(name, version)] = block[name]
    del block[name]
    _note(block, {name: None})
    return True


def update_file() -> None:
    """Bring what the open file stores up to date, and note the version of all of it."""
    for block in _blocks():
        if block.library is None:
            for name in _PROPERTIES:
                if name in block and _version(block, name) < VERSION:
                    put(block, name, read(block, name))
            if has_group(block):
                _note(block, {GROUP: max(_version(block, GROUP), VERSION)})


def newer(blocks: Iterable[ID]) -> Message | None:
    """What the user has to know where data of `blocks` was stored by a newer version than this one."""
    for block in blocks:
        if max(read_versions(block).values(), default=0) > VERSION:
            return Message(
                "What is stored with “{name}” was made with a newer version of this extension: what this version does "
                "not know is left unused. Update the extension.",
                name=block.name,
            )
    return None


def read_versions(block: ID) -> dict[str, int]:
    """Version of each property of `block` that is noted."""
    noted = block.get(VERSIONS)
    return noted.to_dict() if hasattr(noted, "to_dict") else {}


def blocks_of(objects: Iterable[bpy.types.Object]) -> Iterator[ID]:
    """The datablocks of `objects` that data is stored with."""
    for obj in objects:
        yield obj
        if keys := getattr(obj.data, "shape_keys", None):
            yield keys


def _blocks() -> Iterator[ID]:
    yield from bpy.data.objects
    yield from bpy.data.shape_keys
    yield from bpy.data.scenes


def _version(block: ID, name: str) -> int:
    return read_versions(block).get(name, 0)


def _note(block: ID, versions: dict[str, int | None]) -> None:
    """Note the versions of properties of `block`; None forgets one."""
    noted = {name: version for name, version in {**read_versions(block), **versions}.items() if version is not None}
    if noted:
        block[VERSIONS] = noted
    elif VERSIONS in block:
        del block[VERSIONS]


def has_group(block: ID) -> bool:
    """Whether the property group GROUP of `block` has a value that was set."""
    group = getattr(block, GROUP, None)
    if group is None:
        return False
    names = group.bl_rna.properties.keys()
    return any(map(group.is_property_set, (name for name in names if name != "rna_type")))


def _style_from_sentence(value: object) -> object:
    """0.1.0 stored what the panel said: “natural style”, or “natural style (chosen automatically)”."""
    if not isinstance(value, str):
        return value
    return {"preset": value.partition(" ")[0], "automatic": value.endswith("(chosen automatically)")}


def _parts_renamed(value: object) -> object:
    """0.1.0 called what lies on the skin RIDER."""
    if not isinstance(value, dict):
        return value
    return {
        part: ",".join("ATTACHED" if name == "RIDER" else name for name in str(names).split(","))
        for part, names in value.items()
    }


# What brings properties from the version of its place to the next one. A value that has the newer form already passes
# unchanged.
_STEPS: tuple[dict[str, Callable[[object], object]], ...] = (
    {STYLE: _style_from_sentence, PARTS: _parts_renamed, OVERRIDES: _parts_renamed},
)


@bpy.app.handlers.persistent
def _update(*_) -> None:
    update_file()


_EVENTS = ("load_post", "save_pre")


def register() -> None:
    for event in _EVENTS:
        getattr(bpy.app.handlers, event).append(_update)


def unregister() -> None:
    for event in _EVENTS:
        getattr(bpy.app.handlers, event).remove(_update)
