"""The buttons that edit a shape key by hand, drawn in the panel Edit One Shape."""

from ....core.messages import Message
from ...stored import editing
from .tab import paragraph


def draw(context, layout, face, shape: str) -> None:
    """The way into Sculpt Mode; while a key is edited, what can be done to it."""
    box = layout.box()
    name = editing.name_of(face)
    if not name:
        row = box.row()
        row.enabled = face.data.shape_keys is not None and shape in face.data.shape_keys.key_blocks
        row.operator("vrc_blendshape.edit_shape", icon="SCULPTMODE_HLT").shape = shape
        return
    if face.mode == "OBJECT":
        box.operator("vrc_blendshape.edit_shape", icon="SCULPTMODE_HLT").shape = name
    else:
        paragraph(context, box, Message("Editing {shape}.", shape=name), icon="SCULPTMODE_HLT")
    column = box.column(align=True)
    column.operator("vrc_blendshape.smooth_here", icon="MOD_SMOOTH")
    row = column.row(align=True)
    row.operator("vrc_blendshape.copy_side", text="Left to Right").to = "RIGHT"
    row.operator("vrc_blendshape.copy_side", text="Right to Left").to = "LEFT"
    row = column.row(align=True)
    row.operator("vrc_blendshape.reset_here", text="To Generated").to = "GENERATED"
    row.operator("vrc_blendshape.reset_here", text="To Rest").to = "REST"
    row = box.row(align=True)
    row.operator("vrc_blendshape.keep_edit", icon="CHECKMARK")
    row.operator("vrc_blendshape.discard_edit", icon="X")
