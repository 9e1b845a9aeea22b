"""What each part of the avatar was recognised as, to be corrected where that is wrong."""

import bpy

from .. import avatar_parts
from ..operators.parts import LABELS
from .tab import SubPanel, paragraph


class VRC_BLENDSHAPE_PT_avatar(SubPanel, bpy.types.Panel):
    bl_label = "Parts of the Avatar"

    def draw(self, context):
        layout = self.layout
        state = context.window_manager.vrc_blendshape
        objects = [bpy.data.objects[row.name] for row in state.objects if row.name in bpy.data.objects]
        layout.operator("vrc_blendshape.recognise", icon="VIEWZOOM")
        if not any(avatar_parts.recognised(obj) for obj in objects):
            paragraph(context, layout, "Recognise Parts, or any Generate button, fills this list.")
            return
        column, hidden = layout.column(align=True), 0
        for obj in objects:
            for material, seen in avatar_parts.recognised(obj).items():
                told = avatar_parts.corrections(obj).get(material)
                if seen == "OTHER" and not told and not state.show_all:
                    hidden += 1
                else:
                    _part(column, obj.name, material, seen, told)
        if hidden or state.show_all:
            parts = f"{hidden} part{'s' if hidden > 1 else ''}"
            layout.prop(state, "show_all", text=f"{parts} not of the face" if hidden else "Parts not of the face")


def _part(layout, name: str, material: str, seen: str, told: str | None) -> None:
    words = LABELS[told] if told else ", ".join(LABELS[part] for part in seen.split(","))
    row = layout.split(factor=0.5, align=True)
    label = name if material == avatar_parts.WHOLE else f"{name}: {material}"
    row.label(text=label, icon="USER" if told else "NONE")
    choice = row.operator_menu_enum("vrc_blendshape.correct_part", "part", text=words)
    choice.object, choice.material = name, material


CLASSES = (VRC_BLENDSHAPE_PT_avatar,)
