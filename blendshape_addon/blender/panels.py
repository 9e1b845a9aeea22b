"""The sidebar tab "VRChat". It only draws."""

import bpy

from . import shape_keys


class VRC_BLENDSHAPE_PT_main(bpy.types.Panel):
    bl_label = "Blendshape Generator"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "VRChat"

    def draw(self, context):
        layout = self.layout
        settings = context.scene.vrc_blendshape
        row = layout.row()
        row.scale_y = 2.0
        _button(row, "generate_visemes", settings, icon="SHAPEKEY_DATA")
        column = layout.column(align=True)
        _button(column, "generate_emotions", settings)
        _button(column, "generate_face_tracking", settings)
        _button(column, "generate_all", settings)
        layout.prop(settings, "preset")
        layout.prop(settings, "intensity")
        layout.prop(settings, "existing")
        column = layout.column(align=True)
        column.operator("vrc_blendshape.check", icon="CHECKMARK")
        column.operator("vrc_blendshape.export_fbx", icon="EXPORT")
        if style := shape_keys.style_of(context.object):
            layout.label(text=f"Made in {style}", icon="INFO")


def _button(layout, name, settings, **look):
    button = layout.operator(f"vrc_blendshape.{name}", **look)
    button.preset = settings.preset
    button.intensity = settings.intensity
    button.existing = settings.existing


CLASSES = (VRC_BLENDSHAPE_PT_main,)
