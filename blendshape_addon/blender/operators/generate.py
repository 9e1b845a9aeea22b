"""The Generate buttons."""

from contextlib import contextmanager

import bpy

from ...core.errors import UserError
from ...core.vocabulary import ALL_SHAPES, ARKIT, EMOTIONS, VISEMES
from .. import job, preferences, properties, shape_keys
from ..mesh_io import avatar_from_selection


class _Generate:
    """Makes `names` on the selected avatar, in one undo step."""

    bl_options = {"REGISTER", "UNDO"}
    names: tuple[str, ...]

    preset: properties.preset()
    intensity: properties.intensity()
    existing: properties.existing()

    def execute(self, context):
        try:
            with _progress(context) as progress:
                done = job.run(
                    avatar_from_selection(context),
                    self.names,
                    intensity=self.intensity,
                    preset=self.preset.lower(),
                    own_recipes=preferences.own_recipes(context),
                    existing=self.existing,
                    provider=preferences.provider(context),
                    progress=progress,
                )
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        report, written = done.generated.report, done.written
        for row in report["shapes"]:
            if not row["ok"]:
                self.report({"WARNING"}, f"{row['name']}: {'; '.join(row['notes'])}")
        if written.kept:
            self.report({"WARNING"}, f"Kept your own {', '.join(written.kept)}.")
        count, style = len(written.made + written.replaced), shape_keys.style_of(done.face_object)
        self.report({"INFO"}, f"Made {count} shape keys on {done.face_object.name} in {style}.")
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_generate_visemes(_Generate, bpy.types.Operator):
    """Make the 15 VRChat visemes on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_visemes"
    bl_label = "Generate Visemes"
    names = VISEMES


class VRC_BLENDSHAPE_OT_generate_emotions(_Generate, bpy.types.Operator):
    """Make five emotions on the selected avatar: angry, fun, joy, sorrow, surprised"""

    bl_idname = "vrc_blendshape.generate_emotions"
    bl_label = "Generate Emotions"
    names = EMOTIONS


class VRC_BLENDSHAPE_OT_generate_face_tracking(_Generate, bpy.types.Operator):
    """Make the 52 ARKit shapes for face tracking on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_face_tracking"
    bl_label = "Generate Face Tracking"
    names = ARKIT


class VRC_BLENDSHAPE_OT_generate_all(_Generate, bpy.types.Operator):
    """Make visemes, emotions, blinks and face tracking shapes on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_all"
    bl_label = "Generate All"
    names = ALL_SHAPES


@contextmanager
def _progress(context):
    """Yield a progress(fraction, stage) that shows in the cursor and the status bar."""
    manager, workspace = context.window_manager, context.workspace
    manager.progress_begin(0, 100)

    def show(fraction: float, stage: str) -> None:
        manager.progress_update(int(fraction * 100))
        if workspace:
            workspace.status_text_set(f"Blendshape Generator: {stage}")

    try:
        yield show
    finally:
        manager.progress_end()
        if workspace:
            workspace.status_text_set(None)


CLASSES = (
    VRC_BLENDSHAPE_OT_generate_visemes,
    VRC_BLENDSHAPE_OT_generate_emotions,
    VRC_BLENDSHAPE_OT_generate_face_tracking,
    VRC_BLENDSHAPE_OT_generate_all,
)
