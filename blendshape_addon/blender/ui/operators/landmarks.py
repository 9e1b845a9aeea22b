"""Operators that find, move, store and remove landmarks."""

import bpy
import numpy as np

from ....core.errors import UserError
from ... import session, settings
from ...io.selection import avatar_from_selection
from ...jobs import one_avatar
from ...stored import landmarks
from ...translations import translate
from ...viewport import landmark_modal
from ...viewport.landmark_events import LandmarkEventHandler
from .. import state
from .background import Background


class VRC_BLENDSHAPE_OT_edit_landmarks(Background, bpy.types.Operator):
    bl_idname = "vrc_blendshape.edit_landmarks"
    bl_description = (
        "Find the face and show its landmarks over the 3D view, where you can move them. What you place is saved with"
        " the avatar and used from then on"
    )
    bl_label = "Edit Landmarks"
    bl_options = {"REGISTER"}
    any_mesh = True

    def work(self, context, avatar):
        provider = settings.provider(context)
        return lambda progress: one_avatar.face_of(avatar, provider, progress)

    def finish(self, context, objects, avatar, result):
        mode = landmark_modal.of(objects, avatar, np.column_stack([result.points, result.confidence]))
        if bpy.app.background:  # nobody to move them: they are kept as they are
            self.report({"INFO"}, translate("Saved the landmarks with “{name}”.", name=mode.keep()))
        else:
            landmark_modal.start(mode)


class VRC_BLENDSHAPE_OT_move_landmarks(bpy.types.Operator):
    """Move the landmarks in the 3D view"""

    bl_idname = "vrc_blendshape.move_landmarks"
    bl_label = "Move Landmarks"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, context):
        return session.current().landmark_mode is not None

    def invoke(self, context, event):
        self._events = LandmarkEventHandler(session.current().landmark_mode)
        context.window_manager.vrc_blendshape.editing_landmarks = "MOVING"
        context.workspace.status_text_set(" ".join(map(translate, landmark_modal.KEYS)))
        context.window_manager.modal_handler_add(self)
        state.redraw(context)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        wanted = context.window_manager.vrc_blendshape.editing_landmarks
        if wanted == "MOVING":
            wanted = self._events.handle(context, event)
            state.redraw(context)
        if wanted == "KEEP":
            return self._keep(context)
        if wanted == "LEAVE":
            self.cancel(context)
            self.report({"INFO"}, translate("The landmarks were not changed."))
            return {"CANCELLED"}
        return {wanted}

    def cancel(self, context):
        """Called by Blender too, when a file is opened or it quits."""
        leave()

    def _keep(self, context) -> set[str]:
        try:
            name = session.current().landmark_mode.keep()
        except UserError as error:
            self.cancel(context)
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        self.cancel(context)
        context.window_manager.vrc_blendshape.show_landmarks = False
        self.report({"INFO"}, translate("Saved the landmarks with “{name}”: the next run uses them.", name=name))
        return {"FINISHED"}


def leave() -> None:
    """End the mode in which landmarks are moved, if it is on; moves that were not saved are lost."""
    if session.current().landmark_mode is None:
        return
    landmark_modal.stop()
    context = bpy.context
    context.window_manager.vrc_blendshape.editing_landmarks = ""
    if context.workspace:
        context.workspace.status_text_set(None)
    state.redraw(context)


class VRC_BLENDSHAPE_OT_end_landmarks(bpy.types.Operator):
    """End the moving of landmarks"""

    bl_idname = "vrc_blendshape.end_landmarks"
    bl_label = "Save Landmarks"
    bl_options = {"INTERNAL"}

    wanted: bpy.props.EnumProperty(
        items=[("KEEP", "Save", "Save them with the avatar"), ("LEAVE", "Cancel", "Forget what was moved")],
        default="KEEP",
    )

    def execute(self, context):
        context.window_manager.vrc_blendshape.editing_landmarks = self.wanted
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_remove_landmarks(bpy.types.Operator):
    """Remove the landmarks that you placed; the next run finds the face again"""

    bl_idname = "vrc_blendshape.remove_landmarks"
    bl_label = "Remove Placed Landmarks"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        try:
            removed = landmarks.remove(avatar_from_selection(context))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        self.report(
            {"INFO"},
            translate("Removed the landmarks.") if removed else translate("No landmarks are saved with this avatar."),
        )
        return {"FINISHED"}


CLASSES = (
    VRC_BLENDSHAPE_OT_edit_landmarks,
    VRC_BLENDSHAPE_OT_move_landmarks,
    VRC_BLENDSHAPE_OT_end_landmarks,
    VRC_BLENDSHAPE_OT_remove_landmarks,
)
