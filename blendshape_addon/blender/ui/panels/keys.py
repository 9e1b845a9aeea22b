"""Tools for shape keys: other names, order, clean-up."""

import bpy

from ..items import CONVENTION_ITEMS
from .tab import SubPanel


class VRC_BLENDSHAPE_PT_keys(SubPanel, bpy.types.Panel):
    bl_label = "Shape Key Tools"

    def draw(self, context):
        self.layout.label(text="Copy Under Other Names")
        row = self.layout.row(align=True)
        for convention, label, _ in CONVENTION_ITEMS:
            row.operator("vrc_blendshape.add_aliases", text=label).convention = convention
        column = self.layout.column(align=True)
        column.operator("vrc_blendshape.sort_keys", icon="SORTSIZE")
        column.operator("vrc_blendshape.adopt_keys", icon="VIEWZOOM")
        column.operator("vrc_blendshape.clean_up", icon="TRASH")


CLASSES = (VRC_BLENDSHAPE_PT_keys,)
