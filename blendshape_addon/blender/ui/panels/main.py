"""The panel at the top of the tab: the avatar's state and the Generate buttons."""

import bpy

from ....core.messages import Message
from ...keys import shape_keys
from ...translations import translate
from ..items import GROUP_LABELS
from .tab import Tab, paragraph

_SHORT = GROUP_LABELS | {"arkit": "ARKit", "unified": "Unified"}  # half a sidebar is narrow


class VRC_BLENDSHAPE_PT_main(Tab, bpy.types.Panel):
    bl_label = "Blendshape Generator"

    def draw(self, context):
        layout = self.layout
        settings = context.scene.vrc_blendshape
        state = context.window_manager.vrc_blendshape
        if state.problem or state.face:
            _avatar(context, layout.box(), state)
        if state.editing_landmarks:
            _end_editing(context, layout)
        first = layout.row()
        first.scale_y = 2.0
        if state.running:  # where the button was, so that a second click does not meet another one
            first.progress(factor=state.fraction, text=state.stage)
            layout.operator("vrc_blendshape.cancel", icon="CANCEL")
        else:
            first.enabled = not state.editing_landmarks
            generate_button(first, "generate_visemes", settings, icon="SHAPEKEY_DATA")
        column = layout.column()
        column.enabled = not state.running and not state.editing_landmarks
        _more(column, settings)
        if style := shape_keys.style_of(context.object):
            paragraph(context, layout, Message("Style: {style}", style=style), icon="INFO")
        if state.newer:
            paragraph(context, layout, state.newer, icon="ERROR")
        if state.fallback:
            paragraph(context, layout, state.fallback, icon="INFO")


def _avatar(context, box, state) -> None:
    if state.problem:
        paragraph(context, box, state.problem, icon="INFO")
        return
    others = len(state.objects) - 1
    title = state.face
    if others == 1:
        title = translate("{name} and 1 more object", name=title)
    elif others > 1:
        title = translate("{name} and {count} more objects", name=title, count=others)
    box.label(text=title, icon="OUTLINER_OB_MESH", translate=False)
    grid = box.grid_flow(columns=2, row_major=True, even_columns=True, align=True)
    for group in state.groups:
        short = translate(_SHORT[group.name])
        grid.label(text=f"{short} {group.present}/{group.wanted}", icon=icon_of(group), translate=False)


def _end_editing(context, layout) -> None:
    paragraph(context, layout, "Drag the landmarks in the 3D view to where they belong.", icon="INFO")
    row = layout.row(align=True)
    row.operator("vrc_blendshape.end_landmarks", icon="CHECKMARK").wanted = "KEEP"
    row.operator("vrc_blendshape.end_landmarks", text="Cancel", icon="CANCEL").wanted = "LEAVE"


def icon_of(group) -> str:
    """The icon for the state of a group of shapes."""
    if group.empty or group.duplicates:
        return "ERROR"
    if group.present == 0:
        return "RADIOBUT_OFF"
    return "CHECKMARK" if group.present == group.wanted else "REMOVE"


def _more(layout, settings) -> None:
    """The other Generate buttons, and what all of them are pressed with."""
    column = layout.column(align=True)
    row = column.row(align=True)
    generate_button(row, "generate_emotions", settings, text="Emotions")
    generate_button(row, "generate_blink", settings, text="Blink")
    row = column.row(align=True)
    generate_button(row, "generate_face_tracking", settings, text="Face Tracking")
    generate_button(row, "generate_all", settings, text="All")
    generate_button(column, "generate_unified", settings, text="Unified Expressions")
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(settings, "preset")
    column.prop(settings, "intensity")
    column.prop(settings, "existing")


def generate_button(layout, name, settings, **look):
    """The button of an operator that generates, with the panel's settings."""
    button = layout.operator(f"vrc_blendshape.{name}", **look)
    button.preset = settings.preset
    button.intensity = settings.intensity
    button.existing = settings.existing
    button.model = settings.model
    return button


CLASSES = (VRC_BLENDSHAPE_PT_main,)
