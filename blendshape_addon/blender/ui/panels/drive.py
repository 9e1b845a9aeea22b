"""A clip of a person's face drives the avatar."""

import bpy

from ....core.vocabulary import ARKIT
from .tab import SubPanel, paragraph


class VRC_BLENDSHAPE_PT_drive(SubPanel, bpy.types.Panel):
    bl_label = "Drive from Clip"

    def draw(self, context):
        layout = self.layout
        settings = context.scene.vrc_blendshape
        state = context.window_manager.vrc_blendshape
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "clip")
        column.prop(settings, "clip_strength")
        column.prop(settings, "clip_smoothing")
        column.prop(settings, "clip_neutral")
        column.prop(settings, "clip_head")
        column.prop(settings, "clip_beside")
        groups = {group.name: group for group in state.groups}
        if "arkit" in groups and groups["arkit"].present < len(ARKIT):
            paragraph(
                context, layout, "Without the 52 face tracking shapes only visemes and blinks are driven.", icon="INFO"
            )
            layout.operator("vrc_blendshape.generate_face_tracking")
        row = layout.row()
        row.enabled = bool(settings.clip)
        button = row.operator("vrc_blendshape.drive_from_clip", icon="RENDER_ANIMATION")
        button.filepath, button.strength = settings.clip, settings.clip_strength
        button.smoothing, button.neutral = settings.clip_smoothing, settings.clip_neutral
        button.head, button.beside = settings.clip_head, settings.clip_beside
        layout.operator("vrc_blendshape.remove_clip", icon="X")


CLASSES = (VRC_BLENDSHAPE_PT_drive,)
