"""An artist's style, learned from the shape keys that an avatar has."""

import bpy

from ... import settings
from .tab import SubPanel, paragraph, process_button


class VRC_BLENDSHAPE_PT_learn(SubPanel, bpy.types.Panel):
    bl_label = "Artist Style"

    def draw(self, context):
        self.layout.prop(context.scene.vrc_blendshape, "model", icon="BRUSH_DATA")
        if not settings.training_python(context):
            paragraph(context, self.layout, "Learning needs the training tools: see the add-on's preferences.")
            return
        process_button(context, self.layout, "adapt", "vrc_blendshape.learn_from_avatar", "OUTLINER_DATA_GP_LAYER")


CLASSES = (VRC_BLENDSHAPE_PT_learn,)
