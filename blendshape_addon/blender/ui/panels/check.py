"""Would VRChat take it, and are its shapes fit?"""

import bpy

from ...translations import translate
from .tab import SubPanel, paragraph

_ICONS = {"green": "CHECKMARK", "amber": "ERROR", "red": "CANCEL"}


class VRC_BLENDSHAPE_PT_check(SubPanel, bpy.types.Panel):
    bl_label = "Check"

    def draw(self, context):
        layout, state = self.layout, context.window_manager.vrc_blendshape
        layout.operator("vrc_blendshape.check", icon="CHECKMARK")
        if not state.verdicts or state.checked != state.face:
            return
        for verdict in state.verdicts:
            if not verdict.shape:
                paragraph(context, layout, verdict.sentence, icon=_ICONS[verdict.grade])
        fine = sum(verdict.shape != "" and verdict.check == "" for verdict in state.verdicts)
        layout.prop(state, "show_fine", text=translate("{count} shapes are fine", count=fine), translate=False)
        for verdict in state.verdicts:
            if verdict.check or (verdict.shape and state.show_fine):
                _row(context, layout, verdict)


def _row(context, layout, verdict) -> None:
    box = layout.box()
    paragraph(context, box, f"{verdict.shape}: {verdict.sentence}", icon=_ICONS[verdict.grade])
    if not verdict.check:
        return
    buttons = box.row(align=True)
    button = buttons.operator("vrc_blendshape.show_problem", icon="RESTRICT_SELECT_OFF")
    button.shape, button.check = verdict.shape, verdict.check
    if verdict.mendable:
        buttons.operator("vrc_blendshape.fix_shape", icon="MODIFIER").shape = verdict.shape


CLASSES = (VRC_BLENDSHAPE_PT_check,)
