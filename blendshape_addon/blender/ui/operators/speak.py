"""The operator that lets the avatar speak a sentence in the preview. The avatar is not changed."""

import bpy

from ...viewport import preview, speaking
from .preview import Preview


class VRC_BLENDSHAPE_OT_speak(Preview, bpy.types.Operator):
    """Play a short sentence on the timeline that uses every viseme; no keyframes are made"""

    bl_idname = "vrc_blendshape.speak"
    bl_label = "Speak"

    def show(self, context, objects):
        context.window_manager.vrc_blendshape.viseme = ""
        preview.show(objects, preview.mixed(context.scene.vrc_blendshape, {}))
        speaking.begin(context)


CLASSES = (VRC_BLENDSHAPE_OT_speak,)
