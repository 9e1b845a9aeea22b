"""Operators that let the avatar speak a line: in the preview with its sound, and on the timeline."""

import bpy

from ....core.errors import UserError
from ....core.motion import speech
from ...keys import spoken_keyframes
from ...translations import translate
from ...viewport import preview, speaking
from .preview import Preview, previewed


class VRC_BLENDSHAPE_OT_speak(Preview, bpy.types.Operator):
    """Say a short line with sound in the preview; no keyframes are made, and the keys get their own values back"""

    bl_idname = "vrc_blendshape.speak"
    bl_label = "Speak"

    def show(self, context, objects):
        settings = context.scene.vrc_blendshape
        context.window_manager.vrc_blendshape.viseme = ""
        preview.show(objects, preview.mixed(settings, {}))
        if not speaking.begin(context, settings.spoken_language.lower()):
            self.report({"INFO"}, translate("Blender has no sound device here: the mouth moves without sound."))


class VRC_BLENDSHAPE_OT_speak_on_timeline(bpy.types.Operator):
    """Add the line to the timeline from the current frame on: keyframes of the visemes, and a strip with the sound"""

    bl_idname = "vrc_blendshape.speak_on_timeline"
    bl_label = "Add to Timeline"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context):
        scene = context.scene
        try:
            objects = previewed(context)
            speaking.stop()
            preview.stop()
            line = speech.line(scene.vrc_blendshape.spoken_language.lower())
            start = scene.frame_current
            last = spoken_keyframes.add(scene, objects, line, start)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        context.window_manager.vrc_blendshape.viseme = ""
        said = translate("On the timeline from frame {start} to {last}: Space plays it.", start=start, last=last)
        self.report({"INFO"}, said)
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_speak, VRC_BLENDSHAPE_OT_speak_on_timeline)
