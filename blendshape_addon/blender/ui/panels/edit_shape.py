"""The buttons that edit a shape key by hand, drawn in the panel Edit One Shape in place of its tuning."""

from ....core.messages import Message
from ...stored import editing
from ...translations import translate


def draw(layout, face) -> None:
    """What can be done to the key of `face` that is edited."""
    name = editing.name_of(face)
    row = layout.row()
    if face.mode == "OBJECT":
        row.operator("vrc_blendshape.edit_shape", icon="SCULPTMODE_HLT").shape = name
    else:
        row.label(text=translate(Message("Editing {shape}.", shape=name)), icon="SCULPTMODE_HLT", translate=False)
    column = layout.column(align=True)
    column.operator("vrc_blendshape.smooth_here", icon="MOD_SMOOTH")
    row = column.row(align=True)
    row.operator("vrc_blendshape.copy_side", text="Left to Right").to = "RIGHT"
    row.operator("vrc_blendshape.copy_side", text="Right to Left").to = "LEFT"
    row = column.row(align=True)
    row.operator("vrc_blendshape.reset_here", text="To Generated").to = "GENERATED"
    row.operator("vrc_blendshape.reset_here", text="To Rest").to = "REST"
    row = layout.row(align=True)
    row.operator("vrc_blendshape.keep_edit", icon="CHECKMARK")
    row.operator("vrc_blendshape.discard_edit", icon="X")
