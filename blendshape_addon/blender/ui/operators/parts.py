"""What each part of the avatar is: recognised, and corrected."""

import bpy

from ... import settings
from ...jobs import one_avatar
from ...stored import parts
from ...translations import translate
from ..items import PART_ITEMS
from .background import Background


class VRC_BLENDSHAPE_OT_recognise(Background, bpy.types.Operator):
    """Find the face of the selected avatar and recognise which of its parts are teeth, tongue and eyes"""

    bl_idname = "vrc_blendshape.recognise"
    bl_label = "Recognise Parts"
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context, avatar):
        provider = settings.provider(context)
        return lambda progress: one_avatar.analysis_of(avatar, provider, progress)

    def finish(self, context, objects, avatar, result):
        parts.note(objects, avatar, result)
        self.report({"INFO"}, translate("Found the face with a confidence of {share:.0%}.", share=result.face.score))


class VRC_BLENDSHAPE_OT_correct_part(bpy.types.Operator):
    """Set what this part is where it was recognised wrongly"""

    bl_idname = "vrc_blendshape.correct_part"
    bl_label = "Set Part"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    object: bpy.props.StringProperty(options={"HIDDEN"})
    material: bpy.props.StringProperty(default=parts.WHOLE, options={"HIDDEN"})
    part: bpy.props.EnumProperty(name="Part", items=PART_ITEMS, default=parts.AUTO)

    def execute(self, context):
        obj = bpy.data.objects.get(self.object)
        if obj is None or obj.type != "MESH":
            self.report({"ERROR"}, translate("There is no mesh named “{name}”.", name=self.object))
            return {"CANCELLED"}
        parts.correct(obj, self.material, self.part)
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_recognise, VRC_BLENDSHAPE_OT_correct_part)
