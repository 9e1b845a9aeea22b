"""Base of operators whose work takes seconds: in a thread where there is a window, directly where there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from ....core.avatar.avatar import Avatar
from ....core.errors import FaceNotFound, InputError, UserError
from ....core.pipeline import Progress
from ... import session
from ...io import avatar_objects, mesh_io, selection
from ...jobs.thread import Task
from ...translations import translate
from ...viewport import landmark_modal
from ...viewport.events import is_navigation_event
from .. import modes, state

_log = logging.getLogger(__name__)
_TICK = 0.1  # seconds between checks of the task


class Background:
    """Mixin of an operator on the selected avatar.

    `work(context, avatar)` returns a function of a progress that needs nothing of Blender; `finish(context, objects,
    avatar, result)` writes what it returned. Both are on the main thread, in object mode, both may raise UserError.
    `finish` may be a generator: Blender draws between its steps.
    Whatever mode Blender was in is entered again at the end. any_mesh: see selection.avatar_from_selection.
    """

    any_mesh = False
    _ending: Iterator[set[str]] | None = None
    _left = modes.Left("", "OBJECT")

    @classmethod
    def poll(cls, context):
        shown = context.window_manager.vrc_blendshape
        return not shown.running and not shown.editing_landmarks

    def execute(self, context):
        """Run directly: for scripts, the command line and the redo panel."""
        with modes.object_mode(context, self._undo_step()):
            return self._execute(context)

    def _execute(self, context) -> set[str]:
        try:
            objects, avatar, work = self._begin(context)
            with _in_status_bar(context) as progress:
                result = work(progress)
            for _ in self.finish(context, objects, avatar, result) or ():
                pass
        except FaceNotFound as error:
            return self._refuse(avatar_objects.with_left_out(error, objects))
        except UserError as error:
            return self._refuse(error)
        except Exception:
            _log.exception("%s failed", self.bl_idname)
            raise
        if bpy.app.background:
            return self._finished(context)
        state.refresh_soon()  # a slider of the redo panel is followed the sooner
        return {"FINISHED"}

    def invoke(self, context, event):
        if bpy.app.background:
            return self.execute(context)
        self._left = modes.leave(context)
        try:
            objects, self._avatar, work = self._begin(context)
        except UserError as error:
            self._left.enter(context)
            return self._refuse(error)
        # Objects are named, since undo or a script may replace them before the work is done.
        self._names = [obj.name for obj in objects]
        shown = context.window_manager.vrc_blendshape
        shown.running, shown.cancel, shown.fraction, shown.stage = True, False, 0.0, translate("Reading")
        self._task = Task(work)
        timer = context.window_manager.event_timer_add(_TICK, window=context.window)
        session.current().background = session.BackgroundTask(self._task, timer)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        shown = context.window_manager.vrc_blendshape
        if self._ending:
            return self._end(context) if event.type == "TIMER" else {"RUNNING_MODAL"}
        if shown.cancel or (event.type == "ESC" and event.value == "PRESS"):
            self.cancel(context)
            self._left.enter(context)
            self.report({"INFO"}, translate("Stopped: nothing was changed."))
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"} if is_navigation_event(context, event) else {"RUNNING_MODAL"}
        shown.fraction, shown.stage = self._task.fraction, _stage(self._task)
        context.workspace.status_text_set(translate("Blendshape Generator: {stage} · Esc stops it", stage=shown.stage))
        state.redraw(context)
        if self._task.done:
            self._ending = self._steps(context)
        return {"PASS_THROUGH"}

    def _end(self, context) -> set[str]:
        """Do one step of the end; between two of them Blender draws, but takes nothing that would change the scene."""
        done: set[str] = set()
        try:
            done = next(self._ending)
        except FaceNotFound as error:
            leave()
            done = self._ask_for_landmarks(error)
        except UserError as error:
            done = self._refuse(error)
        except Exception:
            _log.exception("%s failed", self.bl_idname)
            done = {"CANCELLED"}
            raise
        finally:
            if done:
                leave()
                self._left.enter(context, self._undo_step())
        return done or {"RUNNING_MODAL"}

    def _steps(self, context) -> Iterator[set[str]]:
        """Yield nothing while there is more to do, in the end what the operator returns."""
        result = self._task.result()
        objects = self._still_the_same()
        yield set()
        for _ in self.finish(context, objects, self._avatar, result) or ():
            yield set()
        yield set()
        yield self._finished(context)

    def cancel(self, context):
        """Called by Blender too, when a file is opened or it quits."""
        leave()

    def _undo_step(self) -> str:
        return translate(self.bl_label) if "UNDO" in self.bl_options else ""

    def _begin(self, context) -> tuple[list[mesh_io.Object], Avatar, Callable[[Progress], Any]]:
        _log.info("%s", self.bl_idname)
        objects = selection.avatar_from_selection(context, any_mesh=self.any_mesh)
        avatar = mesh_io.read(objects)
        return objects, avatar, self.work(context, avatar)

    def _still_the_same(self) -> list[mesh_io.Object]:
        objects = [bpy.data.objects.get(name) for name in self._names]
        if None in objects or mesh_io.read(objects).content != self._avatar.content:
            raise InputError("The avatar was changed while this ran, so nothing was written: try again.")
        return objects

    def _finished(self, context) -> set[str]:
        state.refresh(context)
        return {"FINISHED"}

    def _ask_for_landmarks(self, error: FaceNotFound) -> set[str]:
        """Let the user correct the best guess of the face's landmarks."""
        objects = [bpy.data.objects[name] for name in self._names if name in bpy.data.objects]
        error = avatar_objects.with_left_out(error, objects) if objects else error
        if error.guess is None:
            return self._refuse(error)
        try:
            landmark_modal.start(landmark_modal.of(self._still_the_same(), self._avatar, error.guess, translate(error)))
        except UserError as changed:
            return self._refuse(changed)
        self.report(
            {"WARNING"}, translate("{refusal} Or move the landmarks in the 3D view to their places.", refusal=error)
        )
        return {"CANCELLED"}

    def _refuse(self, error: UserError) -> set[str]:
        _log.info("%s was refused", self.bl_idname, exc_info=error)
        self.report({"ERROR"}, translate(error))
        return {"CANCELLED"}


def leave() -> None:
    """Stop the work in the background, if there is any, and restore the window."""
    background = session.current().background
    if background is None:
        return
    session.current().background = None
    background.task.stop()
    context = bpy.context
    context.window_manager.vrc_blendshape.running = False
    context.window_manager.event_timer_remove(background.timer)
    if context.workspace:
        context.workspace.status_text_set(None)
    state.redraw(context)


def _stage(task: Task) -> str:
    left = task.seconds_left
    words = translate(task.stage).capitalize() or translate("Reading")
    return (
        words
        if left is None
        else translate("{stage}, about {seconds} s left", stage=words, seconds=max(1, round(left)))
    )


@contextmanager
def _in_status_bar(context) -> Iterator[Progress]:
    """Yield a progress(fraction, stage) that shows in the cursor and the status bar."""
    manager, workspace = context.window_manager, context.workspace
    manager.progress_begin(0, 100)

    def show(fraction: float, stage: str) -> None:
        manager.progress_update(int(fraction * 100))
        if workspace:
            workspace.status_text_set(translate("Blendshape Generator: {stage}", stage=translate(stage)))

    try:
        yield show
    finally:
        manager.progress_end()
        if workspace:
            workspace.status_text_set(None)


class VRC_BLENDSHAPE_OT_cancel(bpy.types.Operator):
    """Stop what is running; nothing is changed"""

    bl_idname = "vrc_blendshape.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        context.window_manager.vrc_blendshape.cancel = True
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_cancel,)
