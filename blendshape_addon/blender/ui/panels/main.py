"""The panel at the top of the tab: the avatar's state and the Generate buttons."""

import bpy

from ...translations import translate
from ..items import GROUP_LABELS
from . import messages
from .tab import Tab, choice

_ROWS = len(GROUP_LABELS)  # of the box at the top, which keeps its height


class VRC_BLENDSHAPE_PT_main(Tab, bpy.types.Panel):
    """Every row keeps its place, whatever the state is."""

    bl_label = "Blendshape Generator"

    def draw(self, context):
        layout = self.layout
        settings = context.scene.vrc_blendshape
        state = context.window_manager.vrc_blendshape
        _avatar(layout.box(), state)
        first = layout.row(align=True)
        first.scale_y = 2.0
        if state.running:
            first.progress(factor=state.fraction, text=state.stage)
            first.operator("vrc_blendshape.cancel", text="", icon="CANCEL")
        elif state.editing_landmarks:
            first.operator("vrc_blendshape.end_landmarks", icon="CHECKMARK").wanted = "KEEP"
            first.operator("vrc_blendshape.end_landmarks", text="Cancel", icon="CANCEL").wanted = "LEAVE"
        else:
            generate_button(first, "generate_visemes", settings, icon="SHAPEKEY_DATA")
        column = layout.column()
        column.enabled = not state.running and not state.editing_landmarks
        _more(column, settings, state)
        messages.draw(context, layout, state, generate_button, settings)


def _avatar(box, state) -> None:
    """The avatar that the buttons work on and what it has, or which others there are."""
    title, icon = state.face, "OUTLINER_OB_MESH"
    others = len(state.objects) - 1
    if not state.face:
        title, icon = (
            (translate("Which avatar?"), "QUESTION") if state.suggestions else (translate("No avatar"), "INFO")
        )
    elif others == 1:
        title = translate("{name} and 1 more object", name=title)
    elif others > 1:
        title = translate("{name} and {count} more objects", name=title, count=others)
    box.label(text=title, icon=icon, translate=False)
    rows = box.column(align=True)
    for group in state.groups:
        name = translate(GROUP_LABELS[group.name])
        rows.label(text=f"{name} {group.present}/{group.wanted}", icon=icon_of(group), translate=False)
    for mesh in state.suggestions[:_ROWS]:
        text = translate("Use {name}?", name=mesh.name)
        rows.operator("vrc_blendshape.use_face", text=text, translate=False).name = mesh.name
    for _ in range(_ROWS - len(state.groups) - len(state.suggestions)):
        rows.label(text="")


def icon_of(group) -> str:
    """The icon for the state of a group of shapes."""
    if group.empty or group.duplicates:
        return "ERROR"
    if group.present == 0:
        return "RADIOBUT_OFF"
    return "CHECKMARK" if group.present == group.wanted else "REMOVE"


def _more(layout, settings, state) -> None:
    """The other Generate buttons, and what all of them are pressed with."""
    column = layout.column(align=True)
    row = column.row(align=True)
    generate_button(row, "generate_emotions", settings, text="Emotions")
    generate_button(row, "generate_blink", settings, text="Blink")
    row = column.row(align=True)
    generate_button(row, "generate_face_tracking", settings, text="Face Tracking")
    generate_button(row, "generate_all", settings, text="All")
    generate_button(column, "generate_unified", settings, text="Unified Expressions")
    column = layout.column(align=True)
    choice(column, settings, "preset", "Style")
    choice(column, settings, "intensity", "Intensity")
    column.label(text="If a Key Exists")
    column.prop(settings, "existing", text="")
    own = sum(bool(row.key) for row in state.own) if settings.existing == "MINE" else 0
    column.label(text=translate("Uses {count} of your own keys", count=own) if own else "", translate=False)


def generate_button(layout, name, settings, **look):
    """The button of an operator that generates, with the panel's settings."""
    button = layout.operator(f"vrc_blendshape.{name}", **look)
    button.preset = settings.preset
    button.intensity = settings.intensity
    button.existing = settings.existing
    button.model = settings.model
    return button


CLASSES = (VRC_BLENDSHAPE_PT_main,)
