"""Training data, for studios that train networks of their own."""

import bpy

from .. import generator
from .tab import SubPanel


class VRC_BLENDSHAPE_PT_dataset(SubPanel, bpy.types.Panel):
    bl_label = "Training Data"

    def draw(self, context):
        layout = self.layout
        run = generator.run
        if run is None:
            layout.operator("vrc_blendshape.generate_dataset", icon="FILE_FOLDER")
            if generator.message:
                layout.label(text=generator.message, icon="INFO")
            return
        left = f", {run.left} left" if run.left else ""
        layout.progress(factor=run.fraction, text=f"{run.stage.capitalize()}{left}")
        layout.operator("vrc_blendshape.generate_dataset", text="Cancel", icon="CANCEL").stop = True


CLASSES = (VRC_BLENDSHAPE_PT_dataset,)
