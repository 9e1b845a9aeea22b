"""A body from a photo with its measurements, and an avatar's proportions after it."""

import bpy

from ....core.avatar.proportions import LENGTHS
from ....core.messages import Message
from ... import settings
from ...stored import measurements
from ...translations import translate
from .tab import SubPanel, paragraph, process_button

_MEASURED = {
    "height": Message("Height"), "chest": Message("Chest"), "waist": Message("Waist"), "hip": Message("Hip"),
    "inseam": Message("Inseam"), "shoulder_width": Message("Shoulder Width"), "arm_length": Message("Arm Length"),
    "thigh": Message("Thigh"), "neck": Message("Neck"),
}  # fmt: skip
_PICTURE = 10.0  # icons that the picture is tall


class VRC_BLENDSHAPE_PT_body(SubPanel, bpy.types.Panel):
    bl_label = "Body from Photo"

    def draw(self, context):
        layout, options = self.layout, context.scene.vrc_blendshape
        column = layout.column(align=True)
        column.label(text="Photo")
        column.prop(options, "body_photo", text="")
        column.label(text="Side Photo")
        column.prop(options, "body_side", text="")
        column = layout.column()
        column.prop(options, "body_height")
        column.prop(options, "body_kind", text="")
        column.prop(options, "body_clothes", text="")
        if not settings.training_python(context):
            paragraph(context, layout, "Measuring needs the training tools: see the add-on's preferences.")
        elif not any(settings.body_networks(context).glob("*.onnx")):
            paragraph(context, layout, "The networks that find people in photos are downloaded once.", icon="INFO")
            process_button(context, layout, "body prepare", "vrc_blendshape.prepare_body", "IMPORT")
        else:
            self._button(context, layout, options)
        if measured := measurements.of(context.object):
            _table(context, layout, measured)

    def _button(self, context, layout, options) -> None:
        process_button(
            context, layout, "body", "vrc_blendshape.measure_body", "OUTLINER_OB_ARMATURE",
            {"photo": options.body_photo, "side": options.body_side, "height": options.body_height,
             "kind": options.body_kind, "clothes": options.body_clothes},
        )  # fmt: skip


class VRC_BLENDSHAPE_PT_proportions(SubPanel, bpy.types.Panel):
    bl_label = "Proportions"

    def draw(self, context):
        layout, options = self.layout, context.scene.vrc_blendshape
        column = layout.column(align=True)
        column.label(text="Like")
        column.prop(options, "proportions_like", text="")
        column = layout.column(align=True)
        column.label(text="Or lengths in cm; 0 leaves one as it is")
        for name in LENGTHS:
            column.prop(options, f"proportions_{name}")
        button = layout.operator("vrc_blendshape.fit_proportions", icon="CON_ARMATURE")
        button.like = options.proportions_like.name if options.proportions_like else ""
        for name in LENGTHS:
            setattr(button, name, getattr(options, f"proportions_{name}"))


def _table(context, layout, measured) -> None:
    """What was measured of the person, and the outline over the photo."""
    box = layout.box()
    column = box.column(align=True)
    for name, value in measured.centimetres.items():
        row = column.split(factor=0.65)
        row.label(text=translate(_MEASURED[name]) if name in _MEASURED else name, translate=False)
        row.label(text=translate("{length:.1f} cm", length=value), translate=False)
    if measured.relative:
        paragraph(context, box, "No height was given: the figures are right if the height is.", icon="INFO")
    row = box.row(align=True)
    row.operator("vrc_blendshape.copy_measurements", icon="COPYDOWN")
    row.operator("vrc_blendshape.save_measurements", icon="FILE_TICK")
    image = bpy.data.images.get(measured.picture)
    if image is not None and (preview := image.preview_ensure()):
        box.template_icon(icon_value=preview.icon_id, scale=_PICTURE)


CLASSES = (VRC_BLENDSHAPE_PT_body, VRC_BLENDSHAPE_PT_proportions)
