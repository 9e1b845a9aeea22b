"""The face's landmarks, to be seen and moved."""

import bpy

from ....core.messages import Message
from ...stored import landmarks
from .tab import SubPanel, paragraph


class VRC_BLENDSHAPE_PT_landmarks(SubPanel, bpy.types.Panel):
    bl_label = "Face Landmarks"

    def draw(self, context):
        layout = self.layout
        state = context.window_manager.vrc_blendshape
        layout.operator("vrc_blendshape.edit_landmarks", icon="OUTLINER_OB_POINTCLOUD")
        objects = (bpy.data.objects.get(row.name) for row in state.objects)
        holder = landmarks.holder(obj for obj in objects if obj)
        column = layout.column()
        column.enabled = holder is not None
        column.prop(state, "show_landmarks")
        column.operator("vrc_blendshape.remove_landmarks", icon="X")
        if holder:
            paragraph(context, layout, Message("Your landmarks are saved with “{name}”.", name=holder.name))
        else:
            paragraph(context, layout, "None are placed: the face is found by itself.")


CLASSES = (VRC_BLENDSHAPE_PT_landmarks,)
