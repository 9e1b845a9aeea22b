"""An avatar's own recipes: changed part by part, saved for others and loaded."""

from pathlib import Path

import bpy

from ....core.errors import InputError, UserError
from ....core.messages import Message
from ....core.style import recipe_file, recipes
from ... import settings
from ...io import files
from ...io.selection import avatar_from_selection
from ...keys import inventory, shape_keys
from ...stored import tuning
from ...translations import translate
from .. import state


class _OnTuning:
    """Does `work` on the selected avatar's tuning, in one undo step, and reports the message that it returns."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context):
        try:
            objects = avatar_from_selection(context)
            face = inventory.face_of(objects)
            props = tuning.holder(objects, face).vrc_blendshape
            said = self.work(context, props, shape_keys.preset_of(face, context.scene.vrc_blendshape.preset))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if said:
            self.report({"INFO"}, translate(said))
        state.refresh(context)
        return {"FINISHED"}


class _OnRecipe(_OnTuning):
    """Changes the recipe of the shape that the panel shows, in the style that the avatar has."""

    def work(self, context, props, preset):
        shape = context.window_manager.vrc_blendshape.tuned
        if shape not in recipes.RECIPE_SHAPES:
            raise InputError(
                "{shape} is what the network learned: only visemes and emotions have a recipe.", shape=shape
            )
        if not preset:
            raise InputError("Which style this avatar has is not known yet: generate a shape, or choose one.")
        own = tuning.recipe(props, preset, shape)
        if own is None:
            style = recipe_file.load(settings.own_recipes(context))[preset]
            own = tuning.put_recipe(props, preset, shape, style.parts[shape], style.opens.get(shape, 0.0))
        return self.change(props, own)


class VRC_BLENDSHAPE_OT_edit_recipe(_OnRecipe, bpy.types.Operator):
    """Give this avatar its own recipe for this shape, starting with the recipe of its style"""

    bl_idname = "vrc_blendshape.edit_recipe"
    bl_label = "Edit Recipe"

    def change(self, props, own):
        return None


class VRC_BLENDSHAPE_OT_add_recipe_part(_OnRecipe, bpy.types.Operator):
    """Add a part to this recipe"""

    bl_idname = "vrc_blendshape.add_recipe_part"
    bl_label = "Add Part"

    def change(self, props, own):
        own.parts.add().word = recipe_file.LEARNED


class VRC_BLENDSHAPE_OT_remove_recipe_part(_OnRecipe, bpy.types.Operator):
    """Remove this part from the recipe"""

    bl_idname = "vrc_blendshape.remove_recipe_part"
    bl_label = "Remove Part"

    part: bpy.props.IntProperty(options={"HIDDEN"})

    def change(self, props, own):
        if not 0 <= self.part < len(own.parts):
            raise InputError("The recipe of {shape} has no part number {number}.", shape=own.name, number=self.part + 1)
        own.parts.remove(self.part)


class VRC_BLENDSHAPE_OT_reset_recipe(_OnRecipe, bpy.types.Operator):
    """Remove this avatar's own recipe for this shape and use the recipe of its style again"""

    bl_idname = "vrc_blendshape.reset_recipe"
    bl_label = "Use the Style's Recipe"

    def change(self, props, own):
        tuning.remove_recipe(props, own)


class VRC_BLENDSHAPE_OT_save_recipes(_OnTuning, bpy.types.Operator):
    """Save the recipes of this avatar that differ from the bundled ones, for other avatars and other people"""

    bl_idname = "vrc_blendshape.save_recipes"
    bl_label = "Save Recipes"
    bl_options = {"REGISTER", "INTERNAL"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: bpy.props.StringProperty(default="*.toml", options={"HIDDEN"})

    def invoke(self, context, event):
        self.filepath = self.filepath or str(Path(bpy.data.filepath or "avatar").with_suffix(".toml"))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def work(self, context, props, preset):
        path = Path(bpy.path.abspath(self.filepath)).with_suffix(".toml")
        styles = recipe_file.load(settings.own_recipes(context), tuning.changes(props))
        document = recipe_file.differing(styles)
        if not document:
            raise InputError("There is nothing to save: every recipe of this avatar is the bundled one.")
        files.write_text(path, recipe_file.text(document))
        return Message("Saved {file}.", file=path.name)


class VRC_BLENDSHAPE_OT_load_recipes(_OnTuning, bpy.types.Operator):
    """Load recipes from a file as this avatar's own, in place of those that it has"""

    bl_idname = "vrc_blendshape.load_recipes"
    bl_label = "Load Recipes"

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: bpy.props.StringProperty(default="*.toml", options={"HIDDEN"})

    def invoke(self, context, event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def work(self, context, props, preset):
        path = Path(bpy.path.abspath(self.filepath))
        styles = recipe_file.load(path)
        props.recipes.clear()
        for name, table in recipe_file.read(path).items():
            style = styles[name]
            own = {*table, *table.get(recipe_file.OPENS, ())}
            for shape in (shape for shape in recipes.RECIPE_SHAPES if shape in own):
                tuning.put_recipe(props, name, shape, style.parts[shape], style.opens.get(shape, 0.0))
        return Message("Loaded {count} recipes: generate again to see them.", count=len(props.recipes))


CLASSES = (
    VRC_BLENDSHAPE_OT_edit_recipe,
    VRC_BLENDSHAPE_OT_add_recipe_part,
    VRC_BLENDSHAPE_OT_remove_recipe_part,
    VRC_BLENDSHAPE_OT_reset_recipe,
    VRC_BLENDSHAPE_OT_save_recipes,
    VRC_BLENDSHAPE_OT_load_recipes,
)
