"""The buttons beside a shape that was left out, and beside messages."""

from dataclasses import replace
from functools import partial

import bpy

from ....core.errors import FaceNotFound, InputError
from ...jobs import one_avatar
from ...keys import inventory
from ...stored import tuning
from ...translations import translate
from .. import state
from .generate import GenerateOne

# Strengths that are tried: a shape that was left out failed its check at half its strength already (quality.gate).
_SHARES = (0.7, 0.5, 0.35, 0.25, 0.15)


class VRC_BLENDSHAPE_OT_make_weaker(GenerateOne, bpy.types.Operator):
    """Make this shape as strong as its mesh lets it be, and keep that strength in its tuning"""

    bl_idname = "vrc_blendshape.make_weaker"
    bl_label = "Make Weaker"

    def work(self, context, avatar):
        super().work(context, avatar)
        return partial(self._weaker, avatar)

    def finish(self, context, objects, avatar, result):
        super().finish(context, objects, avatar, result)
        props = tuning.holder(objects, inventory.face_of(objects)).vrc_blendshape
        setattr(props, tuning.strength_of(self.shape), self._options.tuning.strengths[self.shape])
        shown = context.window_manager.vrc_blendshape
        shown.said = translate("{shape} is made at {percent:.0f} % of its strength: see Edit One Shape.",
                               shape=self.shape, percent=100 * self._share)  # fmt: skip
        self.report({"INFO"}, shown.said)

    def _weaker(self, avatar, progress):
        one_avatar.analysis_of(avatar, self._options.provider, progress)  # raises FaceNotFound for want of a face
        given = self._options
        strength = given.tuning.strengths.get(self.shape, 1.0)
        for self._share in _SHARES:
            changed = replace(given.tuning, strengths={**given.tuning.strengths, self.shape: strength * self._share})
            self._options = replace(given, tuning=changed)
            try:
                result = one_avatar.compute(avatar, self._options, progress)
            except FaceNotFound:  # no shape was fit
                continue
            if result.shapes:
                return result
        raise InputError(
            "{shape} fails its check at {percent:.0f} % of its strength, too: press Show Me and smooth the mesh there.",
            shape=self.shape,
            percent=100 * self._share,
        )


class VRC_BLENDSHAPE_OT_next_message(bpy.types.Operator):
    """Show the next message"""

    bl_idname = "vrc_blendshape.next_message"
    bl_label = "Next Message"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        context.window_manager.vrc_blendshape.message += 1
        state.redraw(context)
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_make_weaker, VRC_BLENDSHAPE_OT_next_message)
