"""Preview of shapes: one by one, as speech, and on a contact sheet."""

import bpy

from ....core.vocabulary import BLINKS, EMOTIONS, VISEMES
from . import speak
from .tab import SubPanel


class VRC_BLENDSHAPE_PT_preview(SubPanel, bpy.types.Panel):
    bl_label = "Preview"

    def draw(self, context):
        layout = self.layout
        state = context.window_manager.vrc_blendshape
        settings = context.scene.vrc_blendshape
        missing = {name for group in state.groups for name in group.missing.split(", ")}
        for names, columns in ((VISEMES, 5), (EMOTIONS, 3), (BLINKS, 3)):
            strip = layout.grid_flow(columns=columns, row_major=True, even_columns=True, align=True)
            for name in names:
                cell = strip.row(align=True)
                cell.enabled = bool(state.groups) and name not in missing
                label = name.removeprefix("vrc.v_").removeprefix("vrc.").replace("_", " ")
                cell.operator(
                    "vrc_blendshape.show_shape", text=label, depress=state.viseme == name, translate=False
                ).shape = name
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "emotion")
        if settings.emotion != "NONE":
            column.prop(settings, "emotion_strength")
        speak.draw(context, layout, missing, bpy.data.objects.get(state.face))
        layout.operator("vrc_blendshape.contact_sheet", icon="IMAGE_DATA")


CLASSES = (VRC_BLENDSHAPE_PT_preview,)
