"""Would VRChat take it?"""

import bpy

from .tab import SubPanel


class VRC_BLENDSHAPE_PT_check(SubPanel, bpy.types.Panel):
    bl_label = "Check"

    def draw(self, context):
        self.layout.operator("vrc_blendshape.check", icon="CHECKMARK")


CLASSES = (VRC_BLENDSHAPE_PT_check,)
