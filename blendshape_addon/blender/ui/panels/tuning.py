"""The avatar's tuning: strengths, masks, and the recipe of a single shape."""

import bpy

from ....core.errors import UserError
from ....core.style import recipe_file
from ....core.style.recipes import PRESETS, RECIPE_SHAPES
from ....core.style.tuning import EVERY
from ....core.vocabulary import VISEMES
from ... import settings
from ...keys import shape_keys
from ...stored import editing, tuning
from ...stored.tuning import mask_of, strength_of
from ...translations import translate
from ..items import GROUP_NAMES
from . import edit_shape
from .main import generate_button
from .tab import SubPanel, paragraph


class _Tuning(SubPanel):
    """Shows properties that are stored with the avatar."""

    def draw(self, context):
        state = context.window_manager.vrc_blendshape
        obj, face = bpy.data.objects.get(state.holder), bpy.data.objects.get(state.face)
        if obj is None or face is None:
            paragraph(context, self.layout, "Select the avatar's face mesh.")
            return
        column = self.layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        self.show(context, column, obj.vrc_blendshape, face)


class VRC_BLENDSHAPE_PT_tuning(_Tuning, bpy.types.Panel):
    bl_label = "Tuning"

    def show(self, context, layout, props, face):
        _waiting(context, layout)
        for group, label in GROUP_NAMES.items():
            layout.prop(props, strength_of(group), text=label)
        layout.prop_search(props, mask_of(EVERY), face, "vertex_groups")
        layout.prop(props, "asymmetric")


class VRC_BLENDSHAPE_PT_one_shape(_Tuning, bpy.types.Panel):
    bl_label = "Edit One Shape"

    def show(self, context, layout, props, face):
        state, scene_settings = context.window_manager.vrc_blendshape, context.scene.vrc_blendshape
        if editing.name_of(face):
            edit_shape.draw(layout, face)
            return
        _waiting(context, layout)
        layout.prop(state, "tuned", text="")
        layout.prop(props, strength_of(state.tuned))
        layout.prop_search(props, mask_of(state.tuned), face, "vertex_groups")
        if state.tuned in RECIPE_SHAPES:
            _recipe(context, layout.box(), props, face)
        row = layout.row(align=True)
        row.enabled = not state.running and not state.editing_landmarks
        generate_button(row, "regenerate_shape", scene_settings, icon="FILE_REFRESH").shape = state.tuned
        row.operator("vrc_blendshape.show_shape", text="", icon="HIDE_OFF").shape = state.tuned
        row = layout.row()
        row.enabled = face.data.shape_keys is not None and state.tuned in face.data.shape_keys.key_blocks
        row.operator("vrc_blendshape.edit_shape", icon="SCULPTMODE_HLT").shape = state.tuned
        row = layout.row(align=True)
        row.operator("vrc_blendshape.save_recipes", icon="EXPORT")
        row.operator("vrc_blendshape.load_recipes", icon="IMPORT")
        if state.tuned in state.edited.split(", "):
            paragraph(context, layout, "You have edited or fixed this key: it stays as it is.", icon="USER")
        elif state.tuning_said and state.viseme == state.tuned:
            paragraph(context, layout, state.tuning_said, icon="ERROR")


def _waiting(context, layout) -> None:
    """The button that makes anew what waits, always in its place."""
    state = context.window_manager.vrc_blendshape
    row = layout.row()
    row.enabled = state.changes > 0 and not state.running and not state.editing_landmarks
    if state.changes == 1:
        text = translate("1 change waits: Apply")
    elif state.changes:
        text = translate("{count} changes wait: Apply", count=state.changes)
    else:
        text = translate("All changes are applied")
    row.operator("vrc_blendshape.apply_tuning", text=text, icon="CHECKMARK", translate=False)


def _recipe(context, box, props, face) -> None:
    """The avatar's own recipe of the shape, to be changed; else how to begin."""
    preset = shape_keys.preset_of(face, context.scene.vrc_blendshape.preset)
    own = tuning.recipe(props, preset, context.window_manager.vrc_blendshape.tuned)
    if own is None:
        _usual(context, box, preset)
        return
    box.label(text=translate(PRESETS[preset]), icon="USER", translate=False)
    for number, part in enumerate(own.parts):
        row = box.row(align=True)
        row.use_property_split = False
        row.prop(part, "word", text="")
        row.prop(part, "weight", text="")
        row.operator("vrc_blendshape.remove_recipe_part", text="", icon="X").part = number
    if own.name in VISEMES:
        box.prop(own, "opening")
    row = box.row(align=True)
    row.operator("vrc_blendshape.add_recipe_part", icon="ADD")
    row.operator("vrc_blendshape.reset_recipe", icon="LOOP_BACK")


def _usual(context, box, preset: str) -> None:
    """What the shape is made of in a style, and how to change it."""
    if not preset:
        paragraph(context, box, "To change its recipe, generate a shape first, or choose a style.")
        return
    try:
        style = recipe_file.load(settings.own_recipes(context))[preset]
    except UserError as error:
        paragraph(context, box, error.message, icon="ERROR")
        return
    box.label(text=translate(PRESETS[preset]), translate=False)
    lines = box.column(align=True)
    lines.scale_y = 0.8
    for word, weight in style.parts[context.window_manager.vrc_blendshape.tuned].items():
        lines.label(text=f"{word}  {weight:g}", translate=False)
    box.operator("vrc_blendshape.edit_recipe", icon="GREASEPENCIL")


CLASSES = (VRC_BLENDSHAPE_PT_tuning, VRC_BLENDSHAPE_PT_one_shape)
