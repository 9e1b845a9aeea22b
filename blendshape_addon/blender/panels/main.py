"""The panel at the top of the tab: what most creators come for, and how it is to be made."""

import bpy

from .. import shape_keys
from .tab import Tab


class VRC_BLENDSHAPE_PT_main(Tab, bpy.types.Panel):
    bl_label = "Blendshape Generator"

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
        if style := shape_keys.style_of(context.object):
            layout.label(text=f"Made in {style}", icon="INFO")


def _button(layout, name, settings, **look):
    button = layout.operator(f"vrc_blendshape.{name}", **look)
    button.preset = settings.preset
    button.intensity = settings.intensity
    button.existing = settings.existing


CLASSES = (VRC_BLENDSHAPE_PT_main,)
