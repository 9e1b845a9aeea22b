"""Export for Unity."""

import bpy

from .tab import SubPanel


class VRC_BLENDSHAPE_PT_export(SubPanel, bpy.types.Panel):
    bl_label = "Export"

    def draw(self, context):
        self.layout.operator("vrc_blendshape.export_fbx", icon="EXPORT")
        self.layout.operator("vrc_blendshape.export_glb")


CLASSES = (VRC_BLENDSHAPE_PT_export,)
