"""What panels of this add-on share: their place, and words that are wider than a sidebar."""

from __future__ import annotations

from ... import session
from ...translations import translate
from ...ui_text import wrapped

_PIXELS = 6.2  # of a letter, about, at a user interface scale of 1


class Tab:
    """A panel in the 3D view's sidebar, tab "VRChat"."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "VRChat"


class SubPanel(Tab):
    """A panel below the main one, collapsed until it is wanted."""

    bl_parent_id = "VRC_BLENDSHAPE_PT_main"
    bl_options = {"DEFAULT_CLOSED"}


def paragraph(context, layout, said: str, icon: str = "NONE") -> None:
    """Draw what is `said`, in Blender's language, on as many lines as the sidebar's width needs."""
    scale = context.preferences.system.ui_scale
    margin = 45 if icon == "NONE" else 65
    letters = max(20, int((context.region.width / scale - margin) / _PIXELS))
    lines = layout.column(align=True)
    lines.scale_y = 0.8
    for number, line in enumerate(wrapped(translate(said), letters)):
        lines.label(text=line, icon="BLANK1" if number and icon != "NONE" else icon, translate=False)


def beside(context, layout, verb: str, button: str, icon: str) -> None:
    """Draw the button of a command of the training tools, what it said last, and while it runs how far it is."""
    training = session.current().training
    run = training.run
    if run is None or run.what != verb:
        layout.operator(button, icon=icon)
        if said := training.messages.get(verb):
            paragraph(context, layout, said, icon="INFO")
        return
    stage = translate(run.stage).capitalize()
    text = translate("{stage}, {time} left", stage=stage, time=run.left) if run.left else stage
    layout.progress(factor=run.fraction, text=text, translate=False)
    layout.operator(button, text="Cancel", icon="CANCEL").stop = True
