"""What each part of the avatar was recognised as, to be corrected where that is wrong."""

import bpy

from ...stored import parts
from ...translations import translate
from ..items import PART_LABELS
from .tab import SubPanel, paragraph


class VRC_BLENDSHAPE_PT_avatar(SubPanel, bpy.types.Panel):
    bl_label = "Parts of the Avatar"

    def draw(self, context):
        layout = self.layout
        state = context.window_manager.vrc_blendshape
        objects = [bpy.data.objects[row.name] for row in state.objects if row.name in bpy.data.objects]
        layout.operator("vrc_blendshape.recognise", icon="VIEWZOOM")
        if not any(parts.recognised(obj) for obj in objects):
            paragraph(context, layout, "Recognise Parts, or any Generate button, fills this list.")
            return
        column, hidden = layout.column(align=True), 0
        for obj in objects:
            for material, recognised in parts.recognised(obj).items():
                corrected = parts.corrections(obj).get(material)
                if recognised == "OTHER" and not corrected and not state.show_all:
                    hidden += 1
                else:
                    _part(column, obj.name, material, recognised, corrected)
        if hidden or state.show_all:
            text = translate("Parts not of the face")
            if hidden:
                text = translate("{count} parts not of the face", count=hidden)
            layout.prop(state, "show_all", text=text, translate=False)


def _part(layout, name: str, material: str, recognised: str, corrected: str | None) -> None:
    found = [corrected] if corrected else recognised.split(",")  # a newer version may know other parts
    words = ", ".join(translate(PART_LABELS.get(part, part)) for part in found)
    row = layout.split(factor=0.5, align=True)
    label = name if material == parts.WHOLE else f"{name}: {material}"
    row.label(text=label, icon="USER" if corrected else "NONE", translate=False)
    choice = row.operator_menu_enum("vrc_blendshape.correct_part", "part", text=words, translate=False)
    choice.object, choice.material = name, material


CLASSES = (VRC_BLENDSHAPE_PT_avatar,)
