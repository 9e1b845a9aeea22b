"""The Export button."""

from pathlib import Path

import bpy

from ...core.errors import UserError
from .. import files
from ..mesh_io import avatar_from_selection


class VRC_BLENDSHAPE_OT_export_fbx(bpy.types.Operator):
    """Export the selected avatar with its armature as FBX, as Unity and VRChat want it"""

    bl_idname = "vrc_blendshape.export_fbx"
    bl_label = "Export FBX for VRChat"
    bl_options = {"REGISTER"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")
    filter_glob: bpy.props.StringProperty(default="*.fbx", options={"HIDDEN"})

    def invoke(self, context, event):
        self.filepath = self.filepath or str(Path(bpy.data.filepath or "avatar").with_suffix(".fbx"))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        path = Path(bpy.path.abspath(self.filepath)).with_suffix(".fbx")
        try:
            files.save(path, avatar_from_selection(context))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Exported {path.name}.")
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_export_fbx,)
