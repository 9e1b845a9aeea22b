"""An artist's style: which of the avatar's own keys are used, what they lack, and models that learned a style."""

import bpy

from ....core.messages import Message
from ....core.style import own_style
from ....core.style.parameters import OWN_STYLE
from ... import settings
from ...translations import translate
from .main import generate_button
from .tab import SubPanel, paragraph, process_button


class VRC_BLENDSHAPE_PT_artist_style(SubPanel, bpy.types.Panel):
    bl_label = "Artist Style"

    def draw(self, context):
        options, state = context.scene.vrc_blendshape, context.window_manager.vrc_blendshape
        known = own_style.kinds([row.name for row in state.own if row.key])
        row = self.layout.row()
        row.enabled = len(known) >= OWN_STYLE.fewest and not state.running and not state.editing_landmarks
        generate_button(row, "generate_rest", options, icon="BRUSH_DATA").existing = "MINE"
        if state.face:
            _own_keys(context, self.layout, options.existing == "MINE", len(known))
        column = self.layout.column(align=True)
        column.label(text="Style Model")  # beside the field it would be cut off
        column.prop(options, "model", text="", icon="BRUSH_DATA")
        if settings.training_python(context):
            process_button(context, self.layout, "adapt", "vrc_blendshape.share_style", "OUTLINER_DATA_GP_LAYER")


def _own_keys(context, layout, used: bool, known: int) -> None:
    """Which of the creator's keys are taken for what, each with a button that corrects it. known: how many shapes they
    are, sides not counted."""
    state = context.window_manager.vrc_blendshape
    count = sum(bool(row.key) for row in state.own)
    if not count:
        paragraph(context, layout, "No key of yours is known as a viseme, emotion or blink.", icon="INFO")
    elif known < OWN_STYLE.fewest:
        said = Message("From {count} of your own keys on, the rest is made in their style.", count=OWN_STYLE.fewest)
        paragraph(context, layout, said, icon="INFO")
    elif used:
        paragraph(context, layout, translate("Uses {count} of your own keys", count=count), icon="CHECKMARK")
    else:
        paragraph(context, layout, "The other buttons use your own keys with If a Key Exists: Use Mine.", icon="INFO")
    column = layout.column(align=True)
    for row in state.own:
        if row.key == row.name:  # what has VRChat's name needs no row
            continue
        split = column.split(factor=0.45, align=True)
        split.label(text=row.name, translate=False)
        button = split.operator(
            "vrc_blendshape.choose_own_key", text=row.key or translate("None"), icon="SHAPEKEY_DATA", translate=False
        )
        button.shape, button.key = row.name, row.key
    column.operator("vrc_blendshape.choose_own_key", text="Choose Another", icon="ADD")


CLASSES = (VRC_BLENDSHAPE_PT_artist_style,)
