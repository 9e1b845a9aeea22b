"""Shared by the add-on's panels: their place, wrapped text, and the button of a training process."""

from __future__ import annotations

from ... import session
from ...translations import translate
from ...ui_text import wrap

_PIXELS = 6.2  # of a letter, about, at a user interface scale of 1


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
    """`words`, translated already, wrapped to the sidebar's width."""
    scale = context.preferences.system.ui_scale
    margin = 45 if icon == "NONE" else 65
    return wrap(words, max(20, int((context.region.width / scale - margin) / _PIXELS)))


def draw_lines(layout, lines: list[str], icon: str = "NONE") -> None:
    """Draw `lines` below each other, with `icon` before the first. In an aligned column labels look like buttons."""
    column = layout.column()
    column.scale_y = 0.7
    for number, line in enumerate(lines):
        column.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon, translate=False)


def offer_join(context, layout) -> None:
    """Draw what VRChat would leave still because it is not of the face mesh, and the button that joins it."""
    if apart := context.window_manager.vrc_blendshape.apart:
        box = layout.box()
        paragraph(context, box, apart, icon="ERROR")
        box.operator("vrc_blendshape.join", icon="AUTOMERGE_ON")


def process_button(context, layout, verb: str, button: str, icon: str) -> None:
    """Draw the button of a command of the training tools, and its progress or its last message."""
    training = session.current().training
    run = training.run
    if run is None or run.verb != verb:
        layout.operator(button, icon=icon)
        if message := training.messages.get(verb):
            paragraph(context, layout, message, icon="INFO")
        return
    stage = translate(run.stage).capitalize()
    text = translate("{stage}, {time} left", stage=stage, time=run.left) if run.left else stage
    layout.progress(factor=run.fraction, text=text, translate=False)
    layout.operator(button, text="Cancel", icon="CANCEL").stop = True
