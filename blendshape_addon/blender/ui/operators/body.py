"""A body from a photo, measured beside Blender and imported; and an avatar's proportions after it, or after numbers."""

import csv
import io
import json
import tempfile
from pathlib import Path

import bpy

from ....core.avatar import proportions as core_proportions
from ....core.errors import InputError, OutputError, UserError
from ....core.messages import Message
from ... import session, settings
from ...io import body as body_io
from ...io import files, selection
from ...jobs import training_process
from ...keys import proportions
from ...stored import measurements
from ...translations import translate
from .. import modes, properties
from .training_tools import TrainingCommand

_CM = 100.0


class VRC_BLENDSHAPE_OT_prepare_body(TrainingCommand, bpy.types.Operator):
    bl_idname = "vrc_blendshape.prepare_body"
    bl_description = "Download the networks that find people in photos, once. Needs the training tools"
    bl_label = "Get the Networks"
    started = Message("Downloading in the background: the panel shows when it is done.")

    def invoke(self, context, event):
        if self.stop:
            return self.execute(context)
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=translate("Download?"),
            message=translate(
                "The package mediapipe 0.10.14 (36 MB, by Google, Apache-2.0) is downloaded from the Python package "
                "index once; two networks of 12 MB are made of it and stay."
            ),
        )

    def start(self, context):
        tools = training_process.tools(settings.training_python(context))
        folder = settings.body_networks(context)
        files.require_writable(folder)
        line = [*tools, "body", "prepare", "--out", str(folder)]
        training_process.start("body prepare", line, Message("Stopped: nothing was changed."))


class VRC_BLENDSHAPE_OT_measure_body(TrainingCommand, bpy.types.Operator):
    bl_idname = "vrc_blendshape.measure_body"
    bl_description = (
        "Measure the person in the photo and import a rigged body of these proportions. Needs the training tools"
    )
    bl_label = "Make the Body"
    started = Message("Measuring in the background: the panel shows when it is done.")

    photo: properties.body_photo()
    side: properties.body_side()
    height: properties.body_height()
    kind: properties.body_kind()
    clothes: properties.body_clothes()

    def start(self, context):
        tools = training_process.tools(settings.training_python(context))
        if not self.photo:
            raise InputError("No photo is chosen: choose a picture of the whole person from the front.")
        folder, scene = tempfile.TemporaryDirectory(), context.scene.name
        out, table, picture = (Path(folder.name) / name for name in ("body.glb", "body.json", "body.png"))

        def after(good: bool) -> None:
            try:
                if good and scene in bpy.data.scenes:
                    _take(bpy.data.scenes[scene], out, table, picture)
            except UserError as error:
                session.current().training.messages["body"] = error.message
            finally:
                folder.cleanup()

        line = [*tools, "body", bpy.path.abspath(self.photo), "--networks", str(settings.body_networks(context)),
                "--out", str(out), "--measurements", str(table), "--overlay", str(picture)]  # fmt: skip
        line += ["--side", bpy.path.abspath(self.side)] if self.side else []
        line += ["--height", f"{self.height:g}"] if self.height else []
        line += ["--gender", self.kind.lower()] if self.kind != "FOUND" else []
        line += ["--clothes", self.clothes.lower()]
        try:
            training_process.start("body", line, Message("Stopped: nothing was changed."), after)
        except UserError:
            folder.cleanup()
            raise


def _take(scene: bpy.types.Scene, out: Path, table: Path, picture: Path) -> None:
    """Import the body that was made into the window that shows `scene`, or where none does, into the one there is."""
    windows = [window for window in bpy.context.window_manager.windows if window.scene == scene]
    with bpy.context.temp_override(**({"window": windows[0]} if windows else {})):
        modes.leave(bpy.context)  # the body is selected then, so the mode is not entered again
        rig = body_io.take(out, table, picture)
        bpy.context.scene.vrc_blendshape.proportions_like = rig
        if not bpy.app.background:
            bpy.ops.ed.undo_push(message=translate("Body from Photo"))


class _Table:
    """Mixin of an operator on the table of the selected body."""

    @classmethod
    def poll(cls, context):
        return measurements.of(context.object) is not None


class VRC_BLENDSHAPE_OT_copy_measurements(_Table, bpy.types.Operator):
    """Copy the table to the clipboard, for a spreadsheet"""

    bl_idname = "vrc_blendshape.copy_measurements"
    bl_label = "Copy"
    bl_options = {"REGISTER"}

    def execute(self, context):
        context.window_manager.clipboard = _written(measurements.of(context.object), "\t")
        self.report({"INFO"}, translate("The measurements are in the clipboard."))
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_save_measurements(_Table, bpy.types.Operator):
    """Write the table as .csv or .json"""

    bl_idname = "vrc_blendshape.save_measurements"
    bl_label = "Save"
    bl_options = {"REGISTER"}

    filepath: bpy.props.StringProperty(
        name="Measurements", description="The .csv or .json file to write", subtype="FILE_PATH"
    )
    filter_glob: bpy.props.StringProperty(default="*.csv;*.json", options={"HIDDEN"})

    def invoke(self, context, event):
        if not self.filepath:
            self.filepath = "measurements.csv"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        path = Path(bpy.path.abspath(self.filepath))
        measured = measurements.of(context.object)
        try:
            if path.suffix.lower() not in (".csv", ".json"):
                raise OutputError("{file} has to end in .csv or .json.", file=path.name)
            if path.suffix.lower() == ".csv":
                files.write_text(path, _written(measured, ","))
            else:
                document = {"unit": "cm", "relative": measured.relative, "measurements": dict(measured.centimetres)}
                files.write_text(path, json.dumps(document, indent=1) + "\n")
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        self.report({"INFO"}, translate("Saved {file}", file=path.name))
        return {"FINISHED"}


def _written(measured: measurements.Measured, separator: str) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter=separator, lineterminator="\n")
    table.writerow(["measurement", "relative" if measured.relative else "centimetres"])
    table.writerows((name, f"{value:.1f}") for name, value in measured.centimetres.items())
    return text.getvalue()


class VRC_BLENDSHAPE_OT_fit_proportions(bpy.types.Operator):
    """Give the selected avatar other arms, legs, trunk and neck: its skeleton, its meshes and all its keys"""

    bl_idname = "vrc_blendshape.fit_proportions"
    bl_label = "Fit Proportions of This Avatar"
    bl_options = {"REGISTER", "UNDO"}

    like: bpy.props.StringProperty(
        name="Like", description="Name of the armature whose lengths are taken", options={"HIDDEN"}
    )
    height: properties.proportion("height")
    torso: properties.proportion("torso")
    neck: properties.proportion("neck")
    shoulders: properties.proportion("shoulders")
    arm: properties.proportion("arm")
    leg: properties.proportion("leg")

    def execute(self, context):
        with modes.object_mode(context, translate(self.bl_label)):
            try:
                self._fit(context)
            except UserError as error:
                self.report({"ERROR"}, translate(error))
                return {"CANCELLED"}
        return {"FINISHED"}

    def _fit(self, context) -> None:
        objects = selection.avatar_from_selection(context, any_mesh=True)
        rig = proportions.require_rig(objects)
        wanted = self._like(rig) if self.like else {}
        wanted |= {name: getattr(self, name) / _CM for name in core_proportions.LENGTHS if getattr(self, name)}
        if not wanted:
            raise InputError("No length is given: choose a body to be like, or give a length other than 0.")
        meshes = proportions.skinned(rig)
        proportions.require_all_editable(meshes)
        body = proportions.body_of(rig, meshes)
        proportions.require_free(body, rig)
        proportions.apply(context, rig, meshes, body, core_proportions.fit(body, wanted))
        for obj in meshes:
            session.current().corrective.pop(obj.name, None)
        found = proportions.body_of(rig, meshes).lengths
        for name in wanted:
            self.report(
                {"INFO"},
                translate(
                    "{name}: {before:.1f} → {after:.1f} cm",
                    name=core_proportions.LENGTHS[name],
                    before=_CM * body.lengths[name],
                    after=_CM * found[name],
                ),
            )
        keys = sum(len(obj.data.shape_keys.key_blocks) - 1 for obj in meshes if obj.data.shape_keys)
        self.report(
            {"INFO"},
            translate(
                "“{name}” has its new proportions; {keys} shape keys were taken along.", name=rig.name, keys=keys
            ),
        )

    def _like(self, rig: bpy.types.Object) -> dict[str, float]:
        """Metres of the body that this one is to be like. Raises InputError."""
        other = bpy.data.objects.get(self.like)
        if other is None or other.type != "ARMATURE":
            raise InputError("There is no armature named “{name}”.", name=self.like)
        if other == rig:
            raise InputError("“{name}” cannot be fitted to itself: select the avatar that is to change.", name=rig.name)
        return dict(proportions.body_of(other, proportions.skinned(other)).lengths)


CLASSES = (
    VRC_BLENDSHAPE_OT_prepare_body,
    VRC_BLENDSHAPE_OT_measure_body,
    VRC_BLENDSHAPE_OT_copy_measurements,
    VRC_BLENDSHAPE_OT_save_measurements,
    VRC_BLENDSHAPE_OT_fit_proportions,
)
