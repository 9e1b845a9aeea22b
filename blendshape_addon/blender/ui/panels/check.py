"""Results of the checks: of the avatar for VRChat, and of each shape."""

import bpy

from ...keys import vrchat_check
from ...translations import translate
from . import messages
from .tab import SubPanel, offer_join, paragraph

_CHECK = 0.68  # share of the width of the longer of two buttons
_ICONS = {"green": "CHECKMARK", "amber": "ERROR", "red": "CANCEL"}


class VRC_BLENDSHAPE_PT_check(SubPanel, bpy.types.Panel):
    bl_label = "Check"

    def draw(self, context):
        layout, state = self.layout, context.window_manager.vrc_blendshape
        row = layout.split(factor=_CHECK, align=True)
        row.operator("vrc_blendshape.check", icon="CHECKMARK")
        back = row.row(align=True)
        back.enabled = bool(state.problem_shape)
        back.operator("vrc_blendshape.back")
        if not state.check_results or state.checked != state.face:
            return
        grades = [result.grade for result in state.check_results]
        worst = max(grades, key=tuple(_ICONS).index)
        paragraph(context, layout, vrchat_check.verdict(grades), icon=_ICONS[worst])
        for result in state.check_results:
            if not result.shape and not result.check:
                paragraph(context, layout, result.message, icon=_ICONS[result.grade])
        fine = sum(result.shape != "" and result.check == "" for result in state.check_results)
        layout.prop(state, "show_fine", text=translate("{count} shapes are fine", count=fine), translate=False)
        for result in state.check_results:
            if result.shape and (result.check or state.show_fine):
                _row(context, layout, state, result)
        offer_join(context, layout)


def _row(context, layout, state, result) -> None:
    """The buttons stand above the text, whose length changes: they stay under the mouse."""
    box = layout.box().column(align=True)
    box.label(text=result.shape, icon=_ICONS[result.grade], translate=False)
    if result.check:
        row = box.row(align=True)
        row.enabled = not result.fixed
        messages.show_button(row, state, result)
        fix = row.row(align=True)
        fix.enabled = result.repairable
        fix.operator("vrc_blendshape.fix_shape", icon="MODIFIER").shape = result.shape
    paragraph(context, box, result.message)


CLASSES = (VRC_BLENDSHAPE_PT_check,)
