"""Corrective shapes: what skinning misses, learned or taken from a target, as driven keys or an animation."""

import bpy

from ... import settings
from ...translations import translate
from ...viewport import error_map
from .tab import SubPanel, draw_lines, paragraph, process_button


class VRC_BLENDSHAPE_PT_corrective(SubPanel, bpy.types.Panel):
    bl_label = "Corrective Shapes"

    def draw(self, context):
        layout, options = self.layout, context.scene.vrc_blendshape
        column = layout.column(align=True)
        column.label(text="Target")
        column.prop(options, "corrective_target", text="")
        if options.corrective_target is None:
            column.prop(options, "corrective_path", text="")
        column.label(text="Skinned Frames")
        column.prop(options, "corrective_skinned", text="")
        if settings.training_python(context):
            process_button(context, layout, "corrective", "vrc_blendshape.learn_corrective", "MOD_MESHDEFORM")
        else:
            paragraph(context, layout, "Learning needs the training tools: see the add-on's preferences.")
        column = layout.column(align=True)
        column.label(text="Model")
        column.prop(options, "corrective_model", text="")
        column.prop(options, "corrective_keys")
        column.label(text="Key Poses")
        column.prop(options, "corrective_poses", text="")
        _button(layout, "bake_corrective_keys", options, "SHAPEKEY_DATA", keys=True)
        _button(layout, "bake_corrective_animation", options, "RENDER_ANIMATION")
        obj = context.object
        baked = error_map.baked_on(obj) if obj and obj.type == "MESH" else None
        if baked:
            _result(context, layout, baked)
        row = layout.row(align=True)
        row.enabled = bool(baked)
        row.operator("vrc_blendshape.show_corrective_error", text="Skinned", icon="COLOR").after = False
        row.operator("vrc_blendshape.show_corrective_error", text="With Keys", icon="COLOR").after = True
        row.operator("vrc_blendshape.hide_corrective_error", text="", icon="HIDE_ON")
        layout.operator("vrc_blendshape.save_corrective_drivers", icon="FILE_TICK")
        layout.operator("vrc_blendshape.remove_corrective_keys", icon="X")


def _button(layout, name: str, options, icon: str, keys: bool = False) -> None:
    """A Bake button, with the panel's settings."""
    button = layout.operator(f"vrc_blendshape.{name}", icon=icon)
    button.model = options.corrective_model
    button.target = options.corrective_target.name if options.corrective_target else ""
    button.path = options.corrective_path
    if keys:
        button.keys, button.poses = options.corrective_keys, options.corrective_poses


def _result(context, layout, baked) -> None:
    """How far the mesh is from the target without and with the keys, and what the colours of its error mean."""
    box = layout.box()
    paragraph(context, box, "Off the target, skinned → with keys:")
    rows = (
        translate("On average {a:.2f} → {b:.2f} mm", a=baked.before.mean, b=baked.after.mean),
        translate("95 % below {a:.2f} → {b:.2f} mm", a=baked.before.q95, b=baked.after.q95),
        translate("Moving {a:.2f} → {b:.2f} mm", a=baked.before.moving, b=baked.after.moving),
        translate("At rest {a:.2f} → {b:.2f} mm", a=baked.before.resting, b=baked.after.resting),
        translate("Blue 0 mm, red {most:.1f} mm", most=float(baked.map_before.max())),
    )
    draw_lines(box, list(rows))


CLASSES = (VRC_BLENDSHAPE_PT_corrective,)
