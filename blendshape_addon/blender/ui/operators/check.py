"""Operators that check shapes, show a fault on the mesh and repair it."""

from collections.abc import Iterable

import bpy
import numpy as np

from ....core.errors import FaceNotFound, InputError, UserError
from ....core.messages import Message, join_messages
from ....core.quality.checks import AMBER, GREEN, RED, ShapeReport
from ....core.quality.repair import repair_shape
from ... import session, settings
from ...io import mesh_io, selection
from ...jobs import one_avatar
from ...keys import inventory, join, shape_check, shape_keys, vrchat_check
from ...translations import translate
from ...viewport import framing, preview, problem_view
from .. import left_out, modes, state
from .background import Background

_REPORTED = {GREEN: "INFO", AMBER: "WARNING", RED: "WARNING"}


class VRC_BLENDSHAPE_OT_check(Background, bpy.types.Operator):
    """Check whether VRChat accepts the selected avatar and whether its shape keys are usable"""

    bl_idname = "vrc_blendshape.check"
    bl_label = "Check Shape Keys"
    bl_options = {"REGISTER"}

    def work(self, context, avatar):
        shapes = preview.shapes(selection.avatar_from_selection(context))
        provider = settings.provider(context)
        strengths = _strengths(selection.avatar_from_selection(context))

        def measure(progress):
            if not shapes:
                return [], None
            try:
                analysis = one_avatar.analysis_of(avatar, provider, progress)
            except FaceNotFound as error:
                return [], Message("The shapes could not be measured: {reason}", reason=error)
            return shape_check.reports(analysis.anatomy, shapes, strengths), None

        return measure

    def finish(self, context, objects, avatar, result):
        rows, trouble = result
        shown = context.window_manager.vrc_blendshape
        shown.checked = inventory.take(objects).face.name
        shown.check_results.clear()
        findings = vrchat_check.readiness(objects)
        if trouble:
            findings.append(vrchat_check.Finding(AMBER, trouble))
        for finding in findings:
            entry = shown.check_results.add()
            entry.grade, entry.message, entry.check = finding.grade, translate(finding.message), finding.name
            self.report({_REPORTED[finding.grade]}, entry.message)
        _write_down(shown.check_results, rows)
        for row in rows:
            if row.grade == RED:
                self.report({"WARNING"}, f"{row.name}: {translate(join_messages(row.notes))}")
        grades = [entry.grade for entry in shown.check_results]
        said = vrchat_check.verdict(grades)  # last, where the status bar shows it
        self.report({"INFO"} if set(grades) == {GREEN} else {"WARNING"}, translate(said))


def _strengths(objects) -> dict[str, float]:
    made = session.current().made_with
    return shape_check.strengths_of(
        inventory.face_of(objects), {name: options.intensity for name, options in made.items()}
    )


class _OnShape:
    """Works on one shape of the selected avatar, in object mode; it may be one that was left out."""

    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    shape: bpy.props.StringProperty(name="Shape", options={"HIDDEN"})

    def execute(self, context):
        preview.stop()
        left = modes.leave(context)
        try:
            objects = left_out.objects(self.shape) or selection.avatar_from_selection(context)
            avatar = mesh_io.read(objects)
            shapes = preview.shapes(objects)
            if self.shape not in (shape.name for shape in shapes):
                shapes.append(left_out.shape(self.shape, avatar))
            if shapes[-1] is None:
                raise InputError("This avatar has no key {shape}.", shape=self.shape)
            analysis = one_avatar.analysis_of(avatar, settings.provider(context))
            self.work(context, objects, avatar, analysis.anatomy, shapes, left)
        except UserError as error:
            left.enter(context)
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_show_problem(_OnShape, bpy.types.Operator):
    """Select the vertices with this problem in Edit Mode, with the shape key active; Go Back restores what was there"""

    bl_idname = "vrc_blendshape.show_problem"
    bl_label = "Show Me"

    check: bpy.props.StringProperty(name="Check", options={"HIDDEN"})

    def work(self, context, objects, avatar, anatomy, shapes, left):
        found = shape_check.where(anatomy, shapes, self.shape, self.check)
        if avatar.copied is not None:
            found = found[~avatar.copied[found]]
        if len(found) == 0:
            raise InputError("There is no place on the mesh to show for this any more in {shape}.", shape=self.shape)
        number = int(np.bincount(avatar.object_id[found]).argmax())
        obj = objects[number]
        chosen = found[avatar.object_id[found] == number] - int(np.searchsorted(avatar.object_id, number))
        places = framing.posed(obj, avatar.vertices[found[avatar.object_id[found] == number]])
        problem_view.show(context, obj, self.shape, chosen.tolist(), left.mode)
        if not bpy.app.background:
            framing.bring(context, places, avatar.size)
        shown = context.window_manager.vrc_blendshape
        shown.problem_shape, shown.problem_check = self.shape, self.check
        said = translate(
            "{count} vertices of “{name}” are selected in {shape}.", count=len(chosen), name=obj.name, shape=self.shape
        )
        self.report({"INFO"}, said)


class VRC_BLENDSHAPE_OT_back(bpy.types.Operator):
    """Go back to the mode and the selection that were there before Show Me"""

    bl_idname = "vrc_blendshape.back"
    bl_label = "Go Back"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    def execute(self, context):
        shown = context.window_manager.vrc_blendshape
        shown.problem_shape = shown.problem_check = ""
        problem_view.back(context)
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_fix_shape(_OnShape, bpy.types.Operator):
    """Clamp and smooth this shape where a check found a fault; a key of your own stays as a backup under a new name"""

    bl_idname = "vrc_blendshape.fix_shape"
    bl_label = "Fix"

    def work(self, context, objects, avatar, anatomy, shapes, left):
        (shape,) = (shape for shape in shapes if shape.name == self.shape)
        strengths = _strengths(objects)
        (before,) = shape_check.reports(anatomy, [shape], strengths)
        checks = shape_check.repairable(before)
        repaired = repair_shape(anatomy, shape, checks)
        (after,) = shape_check.reports(anatomy, [repaired], strengths)
        unrepaired = [check for check in shape_check.repairable(after) if after.grades[check] == before.grades[check]]
        helped = [check for check in checks if check not in unrepaired]
        if not helped or any(after.grades[c] == RED != before.grades.get(c) for c in after.grades):
            raise InputError("{shape} could not be fixed: generate it again.", shape=self.shape)
        backups = shape_keys.rewrite(objects, avatar, repaired)
        _update_rows(context.window_manager.vrc_blendshape.check_results, after)
        if unrepaired:
            done = translate(
                "Fixed {shape}, but a fault is left: {fault}.", shape=self.shape, fault=after.sentences[unrepaired[0]]
            )
        else:
            done = translate("Fixed {shape}.", shape=self.shape)
        if backups:
            done += " " + translate("Your own key is kept as {key}.", key=backups[0])
        left.enter(context, translate(self.bl_label))
        self.report({"INFO"}, done)


def _write_down(check_results, rows: Iterable[ShapeReport]) -> None:
    """Add `rows` to the results that the panel shows."""
    for row in rows:
        for name, message in row.sentences.items() or [("", Message("is fine"))]:
            _fill(check_results.add(), row, name, translate(message))


def _update_rows(check_results, row: ShapeReport) -> None:
    """Bring the rows of a shape up to date where they are, so that none moves under the mouse; new ones come last."""
    there = [result for result in check_results if result.shape == row.name]
    for result in there:
        if result.check in row.sentences:
            _fill(result, row, result.check, translate(row.sentences[result.check]))
        else:
            result.grade, result.message, result.repairable, result.fixed = GREEN, translate("fixed"), False, True
    known = {result.check for result in there}
    for name, message in row.sentences.items():
        if name not in known:
            _fill(check_results.add(), row, name, translate(message))


def _fill(result, row: ShapeReport, check: str, message: str) -> None:
    result.shape, result.check, result.message = row.name, check, message
    result.grade = row.grades.get(check, GREEN)
    result.repairable = check in shape_check.repairable(row)


class VRC_BLENDSHAPE_OT_join(bpy.types.Operator):
    bl_idname = "vrc_blendshape.join"
    bl_label = "Join into Face Mesh"
    bl_description = (
        "Join teeth, tongue, lashes and whatever else carries shape keys of the face into the face mesh: VRChat plays "
        "visemes and eyelids on one mesh. Keys, weights, materials and UV maps stay"
    )
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        preview.stop()
        try:
            with modes.object_mode(context, translate(self.bl_label)):
                done = join.join(selection.avatar_from_selection(context))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        report_join(self, done)
        if not done.parts:
            return {"CANCELLED"}
        bpy.ops.object.select_all(action="DESELECT")
        done.face.select_set(True)
        context.view_layer.objects.active = done.face
        results = context.window_manager.vrc_blendshape.check_results
        for number in reversed(range(len(results))):
            if results[number].check == vrchat_check.APART:
                results.remove(number)
        state.refresh(context)
        return {"FINISHED"}


def report_join(operator: bpy.types.Operator, done: join.Joined) -> None:
    """Say what was joined, what was not and why."""
    for message in (*done.left_out, *done.notes):
        operator.report({"WARNING"}, translate(message))
    operator.report({"INFO"}, translate(join.summary(done)))


CLASSES = (
    VRC_BLENDSHAPE_OT_check,
    VRC_BLENDSHAPE_OT_show_problem,
    VRC_BLENDSHAPE_OT_back,
    VRC_BLENDSHAPE_OT_fix_shape,
    VRC_BLENDSHAPE_OT_join,
)
