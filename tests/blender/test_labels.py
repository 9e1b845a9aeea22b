"""No words of the sidebar are cut off at its default width, in any language and whatever the panels show."""

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from helpers import select
from measured_layout import CONTENT, SIDEBAR, Layout, width_of

from blendshape_addon.blender import session, translations
from blendshape_addon.blender.jobs.corrective import Baked
from blendshape_addon.blender.ui import operators as operator_classes
from blendshape_addon.blender.ui import panels, state
from blendshape_addon.core.corrective.bake import Errors

LANGUAGES = ("en_US", "ja_JP", "ko_KR", "zh_HANS")
operators = bpy.ops.vrc_blendshape


class Drawn:
    """What Blender makes of a panel's class to draw it."""

    def __init__(self, cls: type, layout: Layout) -> None:
        self._cls, self.layout = cls, layout

    def __getattr__(self, name: str):
        found = getattr(self._cls, name)
        return found.__get__(self) if callable(found) else found


class Context:
    """bpy.context, as in a sidebar of the default width."""

    region = SimpleNamespace(width=SIDEBAR, height=1000)

    @property
    def preferences(self):
        return SimpleNamespace(system=SimpleNamespace(ui_scale=1.0), addons=bpy.context.preferences.addons)

    def __getattr__(self, name: str):
        return getattr(bpy.context, name)


@pytest.fixture(params=LANGUAGES)
def look_up(request, monkeypatch):
    """The words of a language, as Blender looks them up."""
    table = translations.tables().get(request.param, {})
    look_up = SimpleNamespace(pgettext_iface=lambda words: table.get(words, words), locale=request.param)
    stand_in = SimpleNamespace(app=SimpleNamespace(translations=look_up))
    monkeypatch.setattr(translations, "bpy", stand_in)
    return look_up.pgettext_iface


@pytest.fixture
def clipped(look_up):
    """clipped() -> (panel, words, pixels that they need and have) of all that would be cut off now."""

    def clipped() -> list[tuple]:
        found = []
        for cls in panels.CLASSES:
            poll = getattr(cls, "poll", None)
            if poll and not poll(Context()):
                continue
            layout = Layout(look_up)
            cls.draw(Drawn(cls, layout), Context())
            header = width_of(look_up(cls.bl_label)) + 60
            found += [] if header < CONTENT else [(cls.__name__, "header", header, CONTENT)]
            found += [(cls.__name__, one.words, round(one.needs), round(one.has)) for one in layout.clipped(CONTENT)]
        return found

    return clipped


def test_nothing_is_cut_off(planted, figure, clipped):
    now, scene = bpy.context.window_manager.vrc_blendshape, bpy.context.scene.vrc_blendshape
    found = []

    def look():
        found.extend(clipped())

    for prop in now.bl_rna.properties:
        if prop.identifier.startswith("show_"):
            setattr(now, prop.identifier, prop.identifier != "show_models")
    state.refresh(bpy.context)
    look()
    operators.generate_all()
    state.refresh(bpy.context)
    now.checked = now.face
    errors = Errors(10.25, 116.5, 112.75, 10.5)
    session.current().corrective[now.face] = Baked([], errors, errors, np.array([123.4]), np.array([1.0]))
    for shape, check, grade in (
        ("", "apart", "amber"),
        ("vrc.blink_right", "lids", "red"),
        ("mouthUpperUpRight", "", "green"),
    ):
        row = now.check_results.add()
        row.shape, row.check, row.grade, row.repairable = shape, check, grade, True
        row.message = translations.translate("{count} triangles of the lids turn inside out", count=123)
    look()
    for owner, name in ((now, "tuned"), (scene, "preset"), (scene, "existing"), (scene, "emotion")):
        for choice in owner.bl_rna.properties[name].enum_items:
            setattr(owner, name, choice.identifier)
            look()
    row = now.left_out.add()
    row.face, row.shape, row.check, row.message = "Body", "vrc.v_aa", "flips", "vrc.v_aa left out: too much."
    now.said = "Done."
    look()
    now.problem_shape, now.problem_check = "vrc.v_aa", "flips"
    look()
    now.running, now.stage = True, translations.translate("finding the face")
    look()
    now.running, now.editing_landmarks = False, "MOVING"
    look()
    now.editing_landmarks = ""
    figure["body"].name = "Body"
    other = figure["body"].copy()
    other.data = figure["body"].data.copy()
    bpy.context.scene.collection.objects.link(other)
    other.parent, other.location.x = None, 5
    select()
    state.refresh(bpy.context)
    assert now.problem and len(now.suggestions) == 2
    look()
    lines = [f"{panel}: “{words}” needs {needs} pixels and has {has}" for panel, words, needs, has in set(found)]
    assert not lines, "\n".join(["", *sorted(lines)])


def test_the_redo_panel_has_no_empty_text_fields():
    """Of what can be adjusted after the fact: texts that stand in a panel of their own are passed, not asked for."""
    asked = [
        (cls.bl_idname, prop.identifier)
        for cls in operator_classes.CLASSES
        if {"REGISTER", "UNDO"} <= set(cls.bl_options)
        for prop in getattr(operators, cls.bl_idname.partition(".")[2]).get_rna_type().properties
        if prop.type == "STRING" and prop.identifier != "rna_type" and not prop.is_hidden
        if prop.subtype not in ("FILE_PATH", "DIR_PATH")
    ]
    assert asked == [("vrc_blendshape.choose_own_key", "key")]  # which is chosen from a list, and empty for none
