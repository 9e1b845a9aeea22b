"""Which shapes are there already, group by group."""

import bpy

from .main import GROUPS, icon_of
from .tab import SubPanel, paragraph


class VRC_BLENDSHAPE_PT_shapes(SubPanel, bpy.types.Panel):
    bl_label = "Shape Keys There"

    def draw(self, context):
        for group in context.window_manager.vrc_blendshape.groups:
            box = self.layout.box()
            box.label(text=f"{GROUPS[group.name]}: {group.there} of {group.wanted}", icon=icon_of(group))
            if group.there:
                own = group.there - group.ours
                told = f"{group.ours} made by this tool, {own} your own or edited." if own else "Made by this tool."
                paragraph(context, box, told)
            if group.empty:
                paragraph(context, box, f"Empty: {group.empty}.")
            if group.twins:
                paragraph(context, box, f"Same as another: {group.twins}.")
            if group.missing and group.there:
                paragraph(context, box, f"Missing: {group.missing}.")


CLASSES = (VRC_BLENDSHAPE_PT_shapes,)
