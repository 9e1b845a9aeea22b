"""The shapes that the avatar has, group by group."""

import bpy

from ....core.messages import Message
from ...translations import translate
from ..items import GROUP_LABELS
from .main import icon_of
from .tab import SubPanel, paragraph


class VRC_BLENDSHAPE_PT_shapes(SubPanel, bpy.types.Panel):
    bl_label = "Shape Keys on the Avatar"

    def draw(self, context):
        for group in context.window_manager.vrc_blendshape.groups:
            box = self.layout.box()
            name = GROUP_LABELS[group.name]
            title = translate("{group}: {there} of {wanted}", group=name, there=group.present, wanted=group.wanted)
            box.label(text=title, icon=icon_of(group), translate=False)
            if group.present:
                own = group.present - group.ours
                if own:
                    whose = Message("{ours} made by this tool, {own} your own or edited.", ours=group.ours, own=own)
                else:
                    whose = Message("Made by this tool.")
                paragraph(context, box, whose)
            if group.empty:
                paragraph(context, box, Message("Empty: {names}.", names=group.empty))
            if group.duplicates:
                paragraph(context, box, Message("Same as another: {names}.", names=group.duplicates))
            if group.missing and group.present:
                paragraph(context, box, Message("Missing: {names}.", names=group.missing))


CLASSES = (VRC_BLENDSHAPE_PT_shapes,)
