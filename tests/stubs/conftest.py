"""The add-on imported and registered on the stand-in of bpy, and a layout that remembers what panels draw."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent / "stand_in"))

import bpy

import blendshape_addon


@pytest.fixture
def addon():
    blendshape_addon.register()
    yield blendshape_addon
    blendshape_addon.unregister()


class Instance:
    """What Blender makes of a class with declared properties; only these can be read and set."""

    def __init__(self, cls: type) -> None:
        object.__setattr__(self, "declared", bpy.properties_of(cls))
        for name, declared in self.declared.items():
            setattr(self, name, declared.default)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.declared:
            raise AttributeError(f"no property {name}")
        object.__setattr__(self, name, value)


@pytest.fixture
def instance():
    """instance(class) -> what Blender makes of it."""
    return Instance


class Layout:
    """Remembers buttons and properties drawn into it and into the layouts inside it; refuses what does not exist."""

    def __init__(self, drawn: list) -> None:
        self.drawn = drawn

    def row(self, align: bool = False) -> "Layout":
        return Layout(self.drawn)

    column = box = row

    def split(self, factor: float = 0.0, align: bool = False) -> "Layout":
        return Layout(self.drawn)

    def grid_flow(self, columns: int, row_major: bool, even_columns: bool, align: bool) -> "Layout":
        return Layout(self.drawn)

    def label(self, text: str = "", icon: str = "NONE", translate: bool = True) -> None:
        self.drawn.append(("label", text))

    def panel_prop(self, data: Instance, name: str) -> tuple["Layout", "Layout"]:
        self.prop(data, name)
        return Layout(self.drawn), Layout(self.drawn)

    def template_icon(self, icon_value: int, scale: float = 1.0) -> None:
        self.drawn.append(("picture", icon_value, scale))

    def progress(self, factor: float = 0.0, text: str = "", translate: bool = True) -> None:
        self.drawn.append(("progress", factor, text))

    def separator(self) -> None:
        pass

    def operator(
        self, idname: str, text: str | None = None, icon: str = "NONE", depress: bool = False, translate: bool = True
    ) -> Instance:
        cls = next(cls for cls in bpy.registered if getattr(cls, "bl_idname", None) == idname)
        button = Instance(cls)
        self.drawn.append(("operator", idname, button))
        return button

    def operator_menu_enum(self, idname: str, prop: str, text: str | None = None, translate: bool = True) -> Instance:
        button = self.operator(idname, text)
        getattr(button, prop)
        return button

    def prop(
        self, data: Instance, name: str, text: str | None = None, icon: str = "NONE", translate: bool = True,
        emboss: bool = True, slider: bool = False, toggle: bool = False,
    ) -> None:  # fmt: skip
        getattr(data, name)
        self.drawn.append(("prop", name))

    def prop_search(self, data: Instance, name: str, among: object, collection: str) -> None:
        self.prop(data, name)


@pytest.fixture
def draw(addon):
    """draw(class, settings={}, active=None, state={}) -> what it draws with these."""

    def filled(owner: type, values: dict | None) -> SimpleNamespace:
        group = Instance(owner.vrc_blendshape.options["type"])
        for name, value in (values or {}).items():
            setattr(group, name, value)
        return SimpleNamespace(vrc_blendshape=group)

    def draw(cls: type, settings: dict | None = None, active: object = None, state: dict | None = None) -> list:
        drawn: list = []
        panel = cls()
        panel.layout = Layout(drawn)
        for name, declared in bpy.properties_of(cls).items():
            setattr(panel, name, declared.default)
        context = SimpleNamespace(
            scene=filled(bpy.types.Scene, settings),
            window_manager=filled(bpy.types.WindowManager, state),
            object=active,
            region=SimpleNamespace(width=300),
            preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0), addons={}),
        )
        panel.draw(context)
        return drawn

    return draw
