"""Results of the checks: of the avatar for VRChat, and of each shape."""

import bpy

from ...keys import vrchat_check
from ...translations import translate
from .tab import SubPanel, offer_join, paragraph

_ICONS = {"green": "CHECKMARK", "amber": "ERROR", "red": "CANCEL"}


class VRC_BLENDSHAPE_PT_check(SubPanel, bpy.types.Panel):
    bl_label = "Check"

    def draw(self, context):
        layout, state = self.layout, context.window_manager.vrc_blendshape
        layout.operator("vrc_blendshape.check", icon="CHECKMARK")
        if not state.check_results or state.checked != state.face:
            return
        grades = [result.grade for result in state.check_results]
        worst = max(grades, key=tuple(_ICONS).index)
        paragraph(context, layout, vrchat_check.verdict(grades), icon=_ICONS[worst])
        for result in state.check_results:
            if not result.shape and not result.check:
                paragraph(context, layout, result.message, icon=_ICONS[result.grade])
        offer_join(context, layout)
        fine = sum(result.shape != "" and result.check == "" for result in state.check_results)
        layout.prop(state, "show_fine", text=translate("{count} shapes are fine", count=fine), translate=False)
        for result in state.check_results:
            if result.shape and (result.check or state.show_fine):
                _row(context, layout, result)


def _row(context, layout, result) -> None:
    box = layout.box()
    paragraph(context, box, f"{result.shape}: {result.message}", icon=_ICONS[result.grade])
    if not result.check:
        return
    buttons = box.row(align=True)
    button = buttons.operator("vrc_blendshape.show_problem", icon="RESTRICT_SELECT_OFF")
    button.shape, button.check = result.shape, result.check
    if result.repairable:
        buttons.operator("vrc_blendshape.fix_shape", icon="MODIFIER").shape = result.shape


CLASSES = (VRC_BLENDSHAPE_PT_check,)
