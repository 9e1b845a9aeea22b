"""Tools for shape keys: other names, order, clean-up, modifiers applied with them."""

import bpy

from ...keys import apply_modifier
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
        column.operator("vrc_blendshape.join", icon="AUTOMERGE_ON")
        self._modifiers(context.object)

    def _modifiers(self, obj):
        names = apply_modifier.applicable(obj) if obj and obj.type == "MESH" else ()
        if not names:
            return
        column = self.layout.column(align=True)
        column.label(text="Apply Modifier, Keep Keys")
        for name in names:
            button = column.operator("vrc_blendshape.apply_modifier", text=name, icon="MODIFIER", translate=False)
            button.modifier = name


CLASSES = (VRC_BLENDSHAPE_PT_keys,)
