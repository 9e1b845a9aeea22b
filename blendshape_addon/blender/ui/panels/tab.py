"""Shared by the add-on's panels: their place, wrapped text, and the button of a training process."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import blf

from ... import session
from ...translations import translate
from ...ui_text import wrap

# At a user interface scale of 1: points of its font, one more than it has, since Blender draws up to 3 % wider than it
# measures; pixels beside a label in a box: tabs, margins and what Blender keeps free, by screenshots; those of an icon.
_POINTS, _BESIDE, _ICON = 12, 69, 20
_LABEL = 0.34  # share of the width that the label of a choice takes


class Tab:
    """A panel in the 3D view's sidebar, tab "VRChat"."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "VRChat"


class SubPanel(Tab):
    """A panel below the main one, collapsed at first."""

    bl_parent_id = "VRC_BLENDSHAPE_PT_main"
    bl_options = {"DEFAULT_CLOSED"}


def paragraph(context, layout, text: str, icon: str = "NONE") -> None:
    """Draw `text`, in Blender's language, wrapped to the sidebar's width."""
    draw_lines(layout, lines_of(context, translate(text), icon), icon)


def lines_of(context, words: str, icon: str = "NONE") -> list[str]:
    """`words`, translated already, wrapped to the width of a box in the sidebar."""
    scale = context.preferences.system.ui_scale
    blf.size(0, _POINTS * scale)
    beside = _BESIDE + (_ICON if icon != "NONE" else 0)
    return wrap(words, context.region.width - beside * scale, lambda text: blf.dimensions(0, text)[0])


def draw_lines(layout, lines: list[str], icon: str = "NONE") -> None:
    """Draw `lines` below each other, with `icon` before the first. In an aligned column labels look like buttons."""
    column = layout.column()
    column.scale_y = 0.7
    for number, line in enumerate(lines):
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon, translate=False)


def choice(layout, owner, name: str, label: str) -> None:
    """Draw a property with its label beside it, which takes less than Blender's 40 %."""
    row = layout.split(factor=_LABEL)
    row.label(text=label)
    row.prop(owner, name, text="")


def offer_join(context, layout) -> None:
    """Draw what VRChat would leave still because it is not of the face mesh, and the button that joins it."""
    if apart := context.window_manager.vrc_blendshape.apart:
        box = layout.box()
        paragraph(context, box, apart, icon="ERROR")
        box.operator("vrc_blendshape.join", icon="AUTOMERGE_ON")


def process_button(
    context, layout, verb: str, button: str, icon: str, values: Mapping[str, object] = MappingProxyType({})
) -> None:
    """Draw the button of a command of the training tools with `values` of its properties, and its progress or its last
    message."""
    training = session.current().training
    run = training.run
    if run is None or run.verb != verb:
        pressed = layout.operator(button, icon=icon)
        for name, value in values.items():
            setattr(pressed, name, value)
        if message := training.messages.get(verb):
            paragraph(context, layout, message, icon="INFO")
        return
    stage = translate(run.stage).capitalize()
    text = translate("{stage}, {time} left", stage=stage, time=run.left) if run.left else stage
    layout.progress(factor=run.fraction, text=text, translate=False)
    layout.operator(button, text="Cancel", icon="CANCEL").stop = True
