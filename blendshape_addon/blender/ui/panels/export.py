"""Export for Unity."""

import bpy

from .tab import SubPanel, offer_join


class VRC_BLENDSHAPE_PT_export(SubPanel, bpy.types.Panel):
    bl_label = "Export"

    def draw(self, context):
        self.layout.operator("vrc_blendshape.export_fbx", icon="EXPORT")
        self.layout.operator("vrc_blendshape.export_glb")
        self.layout.operator("vrc_blendshape.export_vrm")
        offer_join(context, self.layout)


CLASSES = (VRC_BLENDSHAPE_PT_export,)
