"""A stand-in of bpy that records: what is registered, which properties are declared, which commands are added.

It knows only what an add-on needs to be imported and registered; whatever touches a scene or a mesh fails here and
belongs into the tests in real Blender.
"""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

registered: list[type] = []
commands: dict[str, object] = {}


class Declared:
    """A property as `bpy.props` declares it; registration replaces it by its default."""

    def __init__(self, kind: str, **options: object) -> None:
        self.kind = kind
        self.options = options

    @property
    def default(self) -> object:
        return self.options.get("default", _UNSET.get(self.kind))


# What Blender gives a property that declares no default.
_UNSET = {"BoolProperty": False, "IntProperty": 0, "FloatProperty": 0.0, "StringProperty": "", "CollectionProperty": ()}


class _Props:
    def __getattr__(self, kind: str):
        if not kind.endswith("Property"):
            raise AttributeError(kind)
        return lambda **options: Declared(kind, **options)


class _Types:
    """Blender's classes, made as they are asked for; one asked for twice is the same."""

    def __getattr__(self, name: str) -> type:
        made = type(name, (), {})
        setattr(self, name, made)
        return made


def properties_of(cls: type) -> dict[str, Declared]:
    """The declared properties of a class, inherited ones too."""
    notes = {
        name: note for base in reversed(cls.__mro__) for name, note in vars(base).get("__annotations__", {}).items()
    }
    return {name: note for name, note in notes.items() if isinstance(note, Declared)}


def _register_class(cls: type) -> None:
    """Refuses what Blender refuses (source/blender/python/intern/bpy_rna.cc, *_register of each type)."""
    if cls in registered:
        raise ValueError(f"{cls.__name__} is already registered")
    if issubclass(cls, types.Operator):
        if not re.fullmatch(r"[a-z_][a-z0-9_]*\.[a-z0-9_]+", cls.bl_idname):
            raise RuntimeError(f"{cls.__name__}: bad bl_idname {cls.bl_idname}")
        if not getattr(cls, "bl_label", ""):
            raise AttributeError(f"{cls.__name__} has no bl_label")
    if issubclass(cls, types.Panel):
        for needed in ("bl_label", "bl_space_type", "bl_region_type"):
            getattr(cls, needed)
    registered.append(cls)


def _unregister_class(cls: type) -> None:
    registered.remove(cls)


def _register_cli_command(name: str, function) -> str:
    commands[name] = function
    return name


props = _Props()
types = _Types()
app = SimpleNamespace(
    background=True,
    handlers=SimpleNamespace(
        persistent=lambda function: function,
        **{
            event: []
            for event in (
                "depsgraph_update_post", "undo_post", "redo_post", "load_post", "save_pre", "frame_change_pre"
            )
        },
    ),
    translations=SimpleNamespace(
        register=lambda name, table: None, unregister=lambda name: None, pgettext_iface=lambda words: words,
        locale="en_US",
    ),
    timers=SimpleNamespace(is_registered=lambda function: False),
)  # fmt: skip
context = SimpleNamespace(preferences=SimpleNamespace(addons={}))
data = SimpleNamespace(objects={})
utils = SimpleNamespace(
    register_class=_register_class,
    unregister_class=_unregister_class,
    register_cli_command=_register_cli_command,
    unregister_cli_command=commands.pop,
    user_resource=lambda kind: f"/nowhere/{kind.lower()}",
    previews=SimpleNamespace(new=dict, remove=dict.clear),
)
sys.modules["bpy.utils"], sys.modules["bpy.utils.previews"] = utils, utils.previews
