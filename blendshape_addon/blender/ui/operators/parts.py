"""What each part of the avatar is: recognised, and corrected."""

import bpy

from ...jobs import one_avatar
from ...stored import parts
from ...translations import translate
from .. import preferences
from .background import Background

_WORDS = {
    "FACE": ("Face Skin", "Skin of the face and what is joined to it"),
    "EYE": ("Eyes", "Eyeballs, irises, pupils, highlights"),
    "TEETH": ("Teeth", "Both rows; their place says which is which"),
    "TEETH_UPPER": ("Upper Teeth", "They stay where they are"),
    "TEETH_LOWER": ("Lower Teeth", "They move with the jaw"),
    "TONGUE": ("Tongue", "It moves with the jaw and rises for th, dd, nn and rr"),
    "MOUTH": ("Inside of the Mouth", "Gums, or everything inside the mouth in one piece"),
    "RIDER": ("Lashes and Brows", "What lies on the skin and moves with it"),
    "OTHER": ("Not of the Face", "Hair, clothes, masks: no shape moves them, and the search for the face ignores them"),
}
_ITEMS = (
    (parts.AUTO, "Automatic", "What it looks like"),
    *((name, *_WORDS[name]) for name in parts.CHOICES),
)
LABELS = {name: words[0] for name, words in _WORDS.items()} | {"SKIN": "Face Skin"}


class VRC_BLENDSHAPE_OT_recognise(Background, bpy.types.Operator):
    """Find the face of the selected avatar and say which of its parts are teeth, tongue and eyes"""

    bl_idname = "vrc_blendshape.recognise"
    bl_label = "Recognise Parts"
    bl_options = {"REGISTER", "UNDO"}

    def work(self, context, avatar):
        provider = preferences.provider(context)
        return lambda progress: one_avatar.seen_of(avatar, provider, progress)

    def finish(self, context, objects, avatar, result):
        parts.note(objects, avatar, result)
        self.report({"INFO"}, translate("Found the face with a confidence of {share:.0%}.", share=result.face.score))


class VRC_BLENDSHAPE_OT_correct_part(bpy.types.Operator):
    """Say what this part is, where it was recognised wrongly"""

    bl_idname = "vrc_blendshape.correct_part"
    bl_label = "This Is"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    object: bpy.props.StringProperty(options={"HIDDEN"})
    material: bpy.props.StringProperty(default=parts.WHOLE, options={"HIDDEN"})
    part: bpy.props.EnumProperty(name="Part", items=_ITEMS, default=parts.AUTO)

    def execute(self, context):
        obj = bpy.data.objects.get(self.object)
        if obj is None or obj.type != "MESH":
            self.report({"ERROR"}, translate("There is no mesh named “{name}”.", name=self.object))
            return {"CANCELLED"}
        parts.correct(obj, self.material, self.part)
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_recognise, VRC_BLENDSHAPE_OT_correct_part)
