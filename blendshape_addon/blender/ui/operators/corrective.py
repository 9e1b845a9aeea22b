"""Corrective shapes: learned beside Blender, baked as driven keys or as an animation, and their error as colours."""

import re
import tempfile
from pathlib import Path

import bpy

from ....core.corrective import frames as core_frames
from ....core.corrective import model as models
from ....core.corrective.bake import parse_wanted
from ....core.errors import InputError, UserError
from ....core.messages import Message
from ... import session, settings
from ...io import files, mesh_frames, point_cache, rig_motion, selection
from ...jobs import corrective, training_process
from ...keys import corrective_keys
from ...translations import translate
from ...viewport import error_map
from .. import properties
from .background import Background
from .training_tools import TrainingCommand

_CONDITION_FRAMES = 3  # frames that a learned model looks at, as measured in docs/corrective.md


def _source(target: str, path: str) -> corrective.Source:
    """The source that an operator's properties name. Raises InputError for an object that is not there."""
    if target:
        obj = bpy.data.objects.get(target)
        if obj is None or obj.type != "MESH":
            raise InputError("There is no mesh named “{name}”.", name=target)
        return corrective.Source(object=obj)
    return corrective.Source(path=Path(bpy.path.abspath(path)) if path else None)


def _selected(context) -> bpy.types.Object:
    """The selected mesh. Raises InputError where nothing usable is selected."""
    return selection.avatar_from_selection(context, any_mesh=True)[0]


class VRC_BLENDSHAPE_OT_learn_corrective(TrainingCommand, bpy.types.Operator):
    bl_idname = "vrc_blendshape.learn_corrective"
    bl_description = (
        "Learn what skinning misses of the target, over the frames of the animation. Needs the training tools"
    )
    bl_label = "Learn Corrections"
    started = Message("Learning in the background: the panel shows the progress.")

    target: properties.corrective_target_name()
    path: properties.corrective_path()
    skinned: properties.corrective_skinned()

    def start(self, context):
        tools = training_process.tools(settings.training_python(context))
        obj = _selected(context)
        skinned, target = self._frames(context.scene, obj)
        core_frames.check_pair(skinned, target, _CONDITION_FRAMES)
        corrective.require_near(obj.name, skinned.positions, target.positions)
        name = "_".join(re.findall(r"\w+", obj.name))
        out = settings.learned_folder(context) / "corrective" / f"{name}.onnx"
        files.require_writable(out.parent)
        folder, scene = tempfile.TemporaryDirectory(), context.scene.name

        def after(good: bool) -> None:
            folder.cleanup()
            if good and scene in bpy.data.scenes:
                bpy.data.scenes[scene].vrc_blendshape.corrective_model = str(out)

        try:
            for name, frames in (("skinned", skinned), ("target", target)):
                core_frames.write(Path(folder.name) / f"{name}.npz", frames)
            line = [*tools, "corrective", "train", "-src", str(Path(folder.name) / "skinned.npz"),
                    "-tar", str(Path(folder.name) / "target.npz"), "--num_frames", str(len(skinned.positions)),
                    "--num_condition_frames", str(_CONDITION_FRAMES), "--model_saved_path", folder.name,
                    "--out", str(out)]  # fmt: skip
            training_process.start("corrective", line, Message("Stopped: nothing was changed."), after)
        except UserError:
            folder.cleanup()
            raise
        except OSError as error:
            folder.cleanup()
            raise InputError(
                "{path} cannot be written: check the folder and the free space.", path=folder.name
            ) from error

    def _frames(self, scene, obj) -> tuple[core_frames.Frames, core_frames.Frames]:
        """Skinned and target frames of the mesh. Raises InputError."""
        source = _source(self.target, self.path)
        if self.skinned:
            skinned = corrective.frames_of(scene, _source("", self.skinned), (), obj, None)
            frames = range(scene.frame_start, scene.frame_start + len(skinned.positions))
            return skinned, corrective.frames_of(scene, source, frames, obj, skinned.positions[0])
        if rig_motion.armature_of(obj) is None:
            frames = range(scene.frame_start, scene.frame_end + 1)
            skinned = mesh_frames.read_object(scene, obj, frames)
            return skinned, corrective.frames_of(scene, source, frames, obj, skinned.positions[0])
        motion = corrective.motion_of(scene, obj, by_model=False)
        skinned = corrective.skinned_frames(obj, motion)
        target = corrective.target_of(scene, obj, motion, skinned, source)
        return skinned, core_frames.Frames(target, skinned.corners, skinned.sizes, obj.name)


class _Corrected(Background):
    """Mixin of an operator that works on the selected mesh and on what a model or a target makes of it."""

    any_mesh = True

    model: properties.corrective_model()
    target: properties.corrective_target_name()
    path: properties.corrective_path()

    def _model(self, context):
        """The chosen model; None where the target is taken as it is."""
        return models.load(Path(bpy.path.abspath(self.model)), settings.provider(context)) if self.model else None

    def _motion(self, context, obj):
        """Motion and skinned frames of `obj`, and the target's frames, None where a model makes them."""
        motion = corrective.motion_of(context.scene, obj, bool(self.model))
        skinned = corrective.skinned_frames(obj, motion)
        if self.model:
            return motion, skinned, None
        source = _source(self.target, self.path)
        return motion, skinned, corrective.target_of(context.scene, obj, motion, skinned, source)


class VRC_BLENDSHAPE_OT_bake_corrective_keys(_Corrected, bpy.types.Operator):
    """Make shape keys of what skinning misses, at the key poses that matter most, driven by bones. Your own stay"""

    bl_idname = "vrc_blendshape.bake_corrective_keys"
    bl_label = "Bake Corrective Keys"
    bl_options = {"REGISTER", "UNDO"}

    keys: properties.corrective_keys()
    poses: properties.corrective_poses()

    def work(self, context, avatar):
        obj, count, wanted = _selected(context), self.keys, parse_wanted(self.poses)
        selection.require_editable(obj)
        model = self._model(context)
        motion, skinned, target = self._motion(context, obj)
        further = corrective.further_motion(obj, motion) if model else None
        frames = corrective.skinned_frames(obj, further) if further else None

        def run(progress):
            corrected, notes, more = target, [], None
            if model is not None:
                corrected, notes = corrective.corrected_by(
                    model, skinned, lambda share: progress(0.4 * share, Message("correcting frames"))
                )
            if model is not None and frames is not None:
                more = (
                    further.poses,
                    corrective.corrected_by(
                        model, frames, lambda share: progress(0.4 + 0.2 * share, Message("correcting frames"))
                    )[0],
                )
            baked = corrective.bake(
                motion, skinned, corrected, count, wanted,
                lambda share: progress(0.6 + 0.4 * share, Message("choosing key poses")), more,
            )  # fmt: skip
            baked.notes += notes
            return baked

        return run

    def finish(self, context, objects, avatar, result):
        obj = objects[0]
        corrective.write(obj, result)
        session.current().corrective[obj.name] = result
        for note in result.notes:
            self.report({"WARNING"}, translate(note))
        message = Message(
            "{count} corrective keys on “{name}”: {before:.2f} mm off the target where it moves, {after:.2f} mm with "
            "them.",
            count=len(result.keys),
            name=obj.name,
            before=result.before.moving,
            after=result.after.moving,
        )
        self.report({"INFO"}, translate(message))


class VRC_BLENDSHAPE_OT_bake_corrective_animation(_Corrected, bpy.types.Operator):
    """Write the corrected animation as a point cache that the mesh follows, for films and renders"""

    bl_idname = "vrc_blendshape.bake_corrective_animation"
    bl_label = "Bake Animation"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(
        name="Point Cache", description="The .pc2 file to write; empty: beside the .blend file", subtype="FILE_PATH"
    )

    def work(self, context, avatar):
        obj, scene = _selected(context), context.scene
        selection.require_editable(obj)
        self._file(obj)
        model = self._model(context)
        if rig_motion.armature_of(obj) is None:
            frames = range(scene.frame_start, scene.frame_end + 1)
            skinned, motion = mesh_frames.read_object(scene, obj, frames), None
            target = None
            if model is None:
                found = corrective.frames_of(scene, _source(self.target, self.path), frames, obj, skinned.positions[0])
                core_frames.check_pair(skinned, found)
                target = found.positions
        else:
            motion, skinned, target = self._motion(context, obj)
            frames = motion.frames
            if not frames:
                raise InputError("“{name}” has no animation that could be baked.", name=obj.name)

        matrices = mesh_frames.matrices_of(scene, obj, frames)

        def run(progress):
            points = target
            if model is not None:
                points, _ = corrective.corrected_by(
                    model, skinned, lambda share: progress(share, Message("correcting frames"))
                )
            if motion is None:
                return points, matrices, frames[0]
            corrective.require_near(skinned.name, skinned.positions, points)
            return motion.moved_points(points), matrices, frames[0]

        return run

    def finish(self, context, objects, avatar, result):
        points, matrices, first = result
        path = self._file(objects[0])
        corrective.bake_animation(objects[0], points, matrices, first, path)
        message = Message(
            "“{name}” follows {file} on {count} frames: remove its modifier {modifier} to have skinning back.",
            name=objects[0].name,
            file=path.name,
            count=len(points),
            modifier=point_cache.MODIFIER,
        )
        self.report({"INFO"}, translate(message))

    def _file(self, obj) -> Path:
        """Where the cache goes. Raises InputError where nothing says that."""
        if self.filepath:
            return Path(bpy.path.abspath(self.filepath)).with_suffix(".pc2")
        if not bpy.data.filepath:
            raise InputError("Save the .blend file first: the point cache is written beside it.")
        return Path(bpy.data.filepath).with_name(f"{Path(bpy.data.filepath).stem}_{obj.name}.pc2")


class VRC_BLENDSHAPE_OT_remove_corrective_keys(bpy.types.Operator):
    """Remove the corrective keys that were baked on the selected mesh and not edited since, with their drivers"""

    bl_idname = "vrc_blendshape.remove_corrective_keys"
    bl_label = "Remove Corrective Keys"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        try:
            obj = _selected(context)
            selection.require_editable(obj)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        count = corrective_keys.remove(obj)
        session.current().corrective.pop(obj.name, None)
        self.report({"INFO"}, translate("Removed {count} corrective keys of “{name}”.", count=count, name=obj.name))
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_save_corrective_drivers(bpy.types.Operator):
    """Write how the corrective keys are driven, as JSON, to set them up in Unity: FBX and GLB hold no drivers"""

    bl_idname = "vrc_blendshape.save_corrective_drivers"
    bl_label = "Save Driver Table"
    bl_options = {"REGISTER"}

    filepath: bpy.props.StringProperty(name="Driver Table", description="The .json file to write", subtype="FILE_PATH")
    filter_glob: bpy.props.StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context, event):
        if not self.filepath:
            self.filepath = "drivers.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        try:
            obj = _selected(context)
            text = corrective.driver_table(obj, error_map.baked_on(obj))
            path = Path(bpy.path.abspath(self.filepath)).with_suffix(".json")
            files.write_text(path, text)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        self.report({"INFO"}, translate("Saved {file}", file=path.name))
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_show_corrective_error(bpy.types.Operator):
    """Colour the mesh by how far it is from the target on average: blue is near, red is far"""

    bl_idname = "vrc_blendshape.show_corrective_error"
    bl_label = "Show Error"
    bl_options = {"REGISTER", "UNDO"}

    after: bpy.props.BoolProperty(name="With Keys", description="Show what the keys leave", default=False)

    def execute(self, context):
        try:
            obj = _selected(context)
            baked = error_map.baked_on(obj)
            if baked is None:
                raise InputError("Nothing was baked on “{name}” yet: press Bake Corrective Keys first.", name=obj.name)
            error_map.show(
                context, obj, baked.map_after if self.after else baked.map_before, float(baked.map_before.max())
            )
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_hide_corrective_error(bpy.types.Operator):
    """Take the colours off the mesh again"""

    bl_idname = "vrc_blendshape.hide_corrective_error"
    bl_label = "Hide Error"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        try:
            error_map.hide(context, _selected(context))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (
    VRC_BLENDSHAPE_OT_learn_corrective,
    VRC_BLENDSHAPE_OT_bake_corrective_keys,
    VRC_BLENDSHAPE_OT_bake_corrective_animation,
    VRC_BLENDSHAPE_OT_remove_corrective_keys,
    VRC_BLENDSHAPE_OT_save_corrective_drivers,
    VRC_BLENDSHAPE_OT_show_corrective_error,
    VRC_BLENDSHAPE_OT_hide_corrective_error,
)
