"""Tools for shape keys: other names, order, clean-up, modifiers applied with them."""

import bpy

from ...keys import apply_modifier
from ..items import CONVENTION_ITEMS
from .tab import SubPanel


class VRC_BLENDSHAPE_PT_keys(SubPanel, bpy.types.Panel):
    bl_label = "Shape Key Tools"

    def draw(self, context):
        self.layout.label(text="Copy Under Other Names")
        names = self.layout.column(align=True)
        row = names.row(align=True)
        for convention, label, _ in CONVENTION_ITEMS:
            place = names if convention == "UNIFIED" else row  # whose words need the whole width
            place.operator("vrc_blendshape.add_aliases", text=label).convention = convention
        column = self.layout.column(align=True)
        column.operator("vrc_blendshape.sort_keys", icon="SORTSIZE")
        column.operator("vrc_blendshape.adopt_keys")
        column.operator("vrc_blendshape.clean_up", icon="TRASH")
        column.operator("vrc_blendshape.join", icon="AUTOMERGE_ON")
        state = context.window_manager.vrc_blendshape
        self._modifiers([bpy.data.objects[row.name] for row in state.objects if row.name in bpy.data.objects])

    def _modifiers(self, objects):
        """Of the face first, which is the first of `objects`, then of the avatar's other meshes."""
        found = [(obj.name, name) for obj in objects for name in apply_modifier.applicable(obj)]
        if not found:
            return
        column = self.layout.column(align=True)
        column.label(text="Apply Modifier, Keep Keys")
        for obj, name in found:
            text = name if obj == objects[0].name else f"{obj}: {name}"
            button = column.operator("vrc_blendshape.apply_modifier", text=text, icon="MODIFIER", translate=False)
            button.object, button.modifier = obj, name


CLASSES = (VRC_BLENDSHAPE_PT_keys,)
