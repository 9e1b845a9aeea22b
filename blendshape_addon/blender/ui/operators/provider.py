"""The Test button of the preferences."""

import bpy

from ....core.errors import UserError
from ....core.inference import registry
from ....core.inference.session import report_provider
from ... import settings
from ...translations import translate


class VRC_BLENDSHAPE_OT_test_provider(bpy.types.Operator):
    """Test the chosen processor again: what the network runs on, how fast and, if not on the GPU, why"""

    bl_idname = "vrc_blendshape.test_provider"
    bl_label = "Test Processor"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        try:
            ran = translate(report_provider(registry.load("deformer"), settings.provider(context)))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        context.window_manager.vrc_blendshape.provider = ran
        self.report({"INFO"}, ran)
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_test_provider,)
