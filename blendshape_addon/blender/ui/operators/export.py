"""The Export buttons."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy

from ....core.errors import UserError
from ...io import files
from ...io.selection import avatar_from_selection
from ...keys import join, read_back, vrchat_check, vrm_expressions
from ...stored import joined
from ...translations import translate
from ...viewport import preview
from .. import modes
from .check import report_join


class _Export:
    """Writes the selected avatar, with its armature and nothing else, to a file of the kind `suffix`."""

    bl_options = {"REGISTER", "UNDO"}
    suffix: str

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # the file dialog asks before overwriting
    join: bpy.props.BoolProperty(
        name="Join into Face Mesh",
        description="Join teeth, tongue, lashes and whatever else carries shape keys of the face into the face mesh "
        "first, in the scene too: VRChat plays visemes and eyelids on one mesh",
    )

    def invoke(self, context, event):
        self.filepath = self.filepath or str(Path(bpy.data.filepath or "avatar.blend").with_suffix(self.suffix))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context):
        """Called by the file dialog at each change of the name, which it then marks where there is such a file."""
        named = bpy.path.ensure_ext(self.filepath, self.suffix)
        changed = Path(self.filepath).name != "" and named != self.filepath
        if changed:
            self.filepath = named
        return changed

    def execute(self, context):
        with modes.object_mode(context, translate(self.bl_label)), _pointer_waits(context):
            return self._write(context)

    def _write(self, context) -> set[str]:
        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), self.suffix))
        preview.stop()
        changed = False
        try:
            objects = avatar_from_selection(context)
            if self.join:
                done = join.join(objects)
                objects, changed = done.objects, bool(done.parts)
                report_join(self, done)
            self.prepare(objects)
            count = files.save(path, objects, lambda file: read_back.count_keys(file, objects))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"FINISHED"} if changed else {"CANCELLED"}  # what was joined can be undone
        for message in files.left_out(objects):
            self.report({"WARNING"}, translate(message))
        for finding in vrchat_check.apart(objects):
            self.report({"WARNING"}, translate(finding.message))
        self.report(
            {"INFO"},
            translate("Exported {file}: {count} shape keys, read back and compared.", file=path.name, count=count),
        )
        return {"FINISHED"}

    def prepare(self, objects):
        """What this kind of file needs in the scene before it is written."""


@contextmanager
def _pointer_waits(context) -> Iterator[None]:
    """Show the pointer that asks to wait: Blender's exporters hold the window, and draw nothing meanwhile."""
    window = None if bpy.app.background else context.window
    if window:
        window.cursor_modal_set("WAIT")
    try:
        yield
    finally:
        if window:
            window.cursor_modal_restore()


class VRC_BLENDSHAPE_OT_export_fbx(_Export, bpy.types.Operator):
    """Export the selected avatar with its armature as FBX, as Unity and VRChat want it"""

    bl_idname = "vrc_blendshape.export_fbx"
    bl_label = "Export FBX for VRChat"
    suffix = ".fbx"

    filter_glob: bpy.props.StringProperty(default="*.fbx", options={"HIDDEN"})


class VRC_BLENDSHAPE_OT_export_glb(_Export, bpy.types.Operator):
    """Export the selected avatar with its armature as GLB"""

    bl_idname = "vrc_blendshape.export_glb"
    bl_label = "Export GLB"
    suffix = ".glb"

    filter_glob: bpy.props.StringProperty(default="*.glb", options={"HIDDEN"})


class VRC_BLENDSHAPE_OT_export_vrm(_Export, bpy.types.Operator):
    """Export the selected avatar as VRM, with its keys bound to the expressions that have none"""

    bl_idname = "vrc_blendshape.export_vrm"
    bl_label = "Export VRM"
    suffix = ".vrm"

    filter_glob: bpy.props.StringProperty(default="*.vrm", options={"HIDDEN"})

    def prepare(self, objects):
        vrm_expressions.bind_all(objects, joined.into(objects))


CLASSES = (VRC_BLENDSHAPE_OT_export_fbx, VRC_BLENDSHAPE_OT_export_glb, VRC_BLENDSHAPE_OT_export_vrm)
