"""A portrait that talks: shown where a network that meets its bars is at hand."""

import bpy

from ... import settings
from .tab import SubPanel, paragraph, process_button


class VRC_BLENDSHAPE_PT_portrait(SubPanel, bpy.types.Panel):
    bl_label = "Talking Portrait"

    @classmethod
    def poll(cls, context):
        return settings.portrait_base(context) is not None

    def draw(self, context):
        layout, options = self.layout, context.scene.vrc_blendshape
        column = layout.column(align=True)
        column.label(text="Picture")
        column.prop(options, "portrait_picture", text="")
        column.label(text="Clip")
        column.prop(options, "clip", text="")
        if not settings.training_python(context):
            paragraph(context, layout, "Moving a picture needs the training tools: see the add-on's preferences.")
            return
        paragraph(context, layout, "Use your own likeness, your avatar, or a picture that you may use.", icon="INFO")
        process_button(
            context, layout, "portrait", "vrc_blendshape.talking_portrait", "OUTLINER_OB_CAMERA",
            {"picture": options.portrait_picture, "clip": options.clip},
        )  # fmt: skip


CLASSES = (VRC_BLENDSHAPE_PT_portrait,)
