"""Which shapes are there already, group by group."""

import bpy

from ...core.sentence import Sentence
from ..translations import told
from .main import GROUPS, icon_of
from .tab import SubPanel, paragraph


class VRC_BLENDSHAPE_PT_shapes(SubPanel, bpy.types.Panel):
    bl_label = "Shape Keys on the Avatar"

    def draw(self, context):
        for group in context.window_manager.vrc_blendshape.groups:
            box = self.layout.box()
            name = GROUPS[group.name]
            title = told("{group}: {there} of {wanted}", group=name, there=group.there, wanted=group.wanted)
            box.label(text=title, icon=icon_of(group), translate=False)
            if group.there:
                own = group.there - group.ours
                if own:
                    whose = Sentence("{ours} made by this tool, {own} your own or edited.", ours=group.ours, own=own)
                else:
                    whose = Sentence("Made by this tool.")
                paragraph(context, box, whose)
            if group.empty:
                paragraph(context, box, Sentence("Empty: {names}.", names=group.empty))
            if group.twins:
                paragraph(context, box, Sentence("Same as another: {names}.", names=group.twins))
            if group.missing and group.there:
                paragraph(context, box, Sentence("Missing: {names}.", names=group.missing))


CLASSES = (VRC_BLENDSHAPE_PT_shapes,)
