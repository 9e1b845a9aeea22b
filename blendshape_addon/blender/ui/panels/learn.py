"""An artist's style: which of the avatar's own keys are used, and models that learned one."""

import bpy

from ... import settings
from ...translations import translate
from .tab import SubPanel, paragraph, process_button


class VRC_BLENDSHAPE_PT_learn(SubPanel, bpy.types.Panel):
    bl_label = "Artist Style"

    def draw(self, context):
        options = context.scene.vrc_blendshape
        _own_keys(context, self.layout, options.existing == "MINE")
        column = self.layout.column(align=True)
        column.label(text="Style Model")  # beside the field it would be cut off
        column.prop(options, "model", text="", icon="BRUSH_DATA")
        if not settings.training_python(context):
            paragraph(context, self.layout, "Learning needs the training tools: see the add-on's preferences.")
            return
        process_button(context, self.layout, "adapt", "vrc_blendshape.learn_from_avatar", "OUTLINER_DATA_GP_LAYER")


def _own_keys(context, layout, used: bool) -> None:
    """Which of the creator's keys are taken for what, each with a button that corrects it."""
    state = context.window_manager.vrc_blendshape
    if not state.face:
        return
    count = sum(bool(row.key) for row in state.own)
    if not count:
        paragraph(context, layout, "No key of yours is known as a viseme, emotion or blink.", icon="INFO")
    elif used:
        paragraph(context, layout, translate("Uses {count} of your own keys", count=count), icon="CHECKMARK")
    else:
        paragraph(context, layout, "Your own keys are used with If a Key Exists: Use Mine.", icon="INFO")
    column = layout.column(align=True)
    column.active = used
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


CLASSES = (VRC_BLENDSHAPE_PT_learn,)
