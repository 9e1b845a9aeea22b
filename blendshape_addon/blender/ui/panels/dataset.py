"""Training data, for studios that train networks of their own."""

import bpy

from ... import settings
from .tab import SubPanel, process_button


class VRC_BLENDSHAPE_PT_dataset(SubPanel, bpy.types.Panel):
    bl_label = "Training Data"

    @classmethod
    def poll(cls, context):
        """Only where the training tools are."""
        return bool(settings.training_python(context))

    def draw(self, context):
        process_button(context, self.layout, "generate", "vrc_blendshape.generate_dataset", "FILE_FOLDER")


CLASSES = (VRC_BLENDSHAPE_PT_dataset,)
