"""An avatar's tuning: applied to the shapes that wait, and its own recipes changed, saved for others and loaded."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import bpy

from ....core.avatar.avatar import Avatar
from ....core.errors import InputError, UserError
from ....core.messages import Message, join_messages
from ....core.options import GenerateOptions
from ....core.pipeline import GenerationResult, Progress
from ....core.style import recipe_file, recipes
from ... import session, settings
from ...io import files, mesh_io
from ...io.selection import avatar_from_selection
from ...jobs import live, one_avatar
from ...keys import inventory, shape_keys
from ...stored import tuning
from ...translations import translate
from .. import state
from .background import Background


class _OnTuning:
    """Does `work` on the selected avatar's tuning, in one undo step, and reports the message that it returns."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context):
        try:
            objects = avatar_from_selection(context)
            face = inventory.face_of(objects)
            props = tuning.holder(objects, face).vrc_blendshape
            with tuning.untold():
                said = self.work(context, props, shape_keys.preset_of(face, context.scene.vrc_blendshape.preset))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if said:
            self.report({"INFO"}, translate(said))
        state.refresh(context)
        if (told := session.current().on_tuned) and "UNDO" in self.bl_options:
            told(context, context.window_manager.vrc_blendshape.tuned)
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
        return Message("Loaded {count} recipes: Apply makes the shapes that change by them.", count=len(props.recipes))


def made_again(
    context, objects: Sequence[mesh_io.Object], avatar: Avatar, names: Sequence[str]
) -> list[GenerateOptions]:
    """The options to make shapes again with the present tuning, together those that were made with the same options;
    where this session made none, those of the panel, in the style that the avatar has. Raises InputError, see
    tuning.read."""
    present, face = tuning.read(objects), inventory.face_of(objects)
    made, panel = session.current().made_with, context.scene.vrc_blendshape
    usual = GenerateOptions(
        expressions=names,
        intensity=panel.intensity,
        preset=shape_keys.preset_of(face, panel.preset) or "auto",
        own_recipes=settings.own_recipes(context),
        provider=settings.provider(context),
        model=settings.learned_model(context, panel.model),
        existing=panel.existing.lower(),
    )
    usual = one_avatar.with_own_keys(objects, avatar, usual)
    alike: dict[int, tuple[GenerateOptions, list[str]]] = {}
    for name in names:
        options = made.get(name, usual)
        alike.setdefault(id(options), (options, []))[1].append(name)
    return [
        replace(options, expressions=together, tuning=present, existing=live.without_backups(options))
        for options, together in alike.values()
    ]


class VRC_BLENDSHAPE_OT_apply_tuning(Background, bpy.types.Operator):
    """Make the shapes anew whose tuning was changed since they were made; keys that you edited or fixed stay"""

    bl_idname = "vrc_blendshape.apply_tuning"
    bl_label = "Apply Tuning"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def work(self, context, avatar):
        """A function that makes them, together those that were made with the same options."""
        names = [name for name in context.window_manager.vrc_blendshape.waiting.split(", ") if name]
        if not names:
            raise InputError("Nothing waits: every shape is made with the present tuning.")
        self._runs = made_again(context, avatar_from_selection(context), avatar, names)
        return partial(_compute, avatar, self._runs)

    def finish(self, context, objects, avatar, result):
        made, kept = [], []
        for options, generated in zip(self._runs, result, strict=True):
            for row in generated.report["shapes"]:
                if not row["ok"]:
                    reasons = join_messages(row["notes"])
                    said = translate("{name} was left out: {reasons}.", name=row["name"], reasons=reasons)
                    self.report({"WARNING"}, said)
            written = one_avatar.write(objects, avatar, generated, options).written
            made += [*written.made, *written.replaced]
            kept += written.kept
        context.window_manager.vrc_blendshape.tuning_said = ""
        if kept:
            self.report({"WARNING"}, translate("Kept your own {names}.", names=", ".join(kept)))
        if made:
            self.report({"INFO"}, translate("Made anew: {names}.", names=", ".join(made)))


def _compute(avatar: Avatar, runs: Sequence[GenerateOptions], progress: Progress) -> list[GenerationResult]:
    share = 1 / len(runs)

    def part(number: int, fraction: float, stage: str) -> None:
        progress((number + fraction) * share, stage)

    return [one_avatar.compute(avatar, run, partial(part, number)) for number, run in enumerate(runs)]


CLASSES = (
    VRC_BLENDSHAPE_OT_edit_recipe,
    VRC_BLENDSHAPE_OT_add_recipe_part,
    VRC_BLENDSHAPE_OT_remove_recipe_part,
    VRC_BLENDSHAPE_OT_reset_recipe,
    VRC_BLENDSHAPE_OT_save_recipes,
    VRC_BLENDSHAPE_OT_load_recipes,
    VRC_BLENDSHAPE_OT_apply_tuning,
)
