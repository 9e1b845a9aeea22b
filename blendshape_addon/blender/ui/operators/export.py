"""The Export buttons."""

from pathlib import Path

import bpy

from ....core.errors import UserError
from ....core.messages import Message
from ...io import files
from ...io.mesh_io import avatar_from_selection
from ...keys import fbx_verify
from ...translations import translate
from ...viewport import preview


class _Export:
    """Writes the selected avatar, with its armature and nothing else, to a file of the kind `suffix`."""

    bl_options = {"REGISTER"}
    suffix: str

    filepath: bpy.props.StringProperty(subtype="FILE_PATH")

    def invoke(self, context, event):
        self.filepath = self.filepath or str(Path(bpy.data.filepath or "avatar").with_suffix(self.suffix))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context):
        path = Path(bpy.path.abspath(self.filepath)).with_suffix(self.suffix)
        preview.stop()
        try:
            objects = avatar_from_selection(context)
            files.save(path, objects)
            checked = self.verify(path, objects)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        for message in files.left_out(objects):
            self.report({"WARNING"}, translate(message))
        self.report({"INFO"}, translate(checked))
        return {"FINISHED"}

    def verify(self, path, objects) -> Message:
        """Check the written file; returns the message to report."""
        return Message("Exported {file}.", file=path.name)


class VRC_BLENDSHAPE_OT_export_fbx(_Export, bpy.types.Operator):
    """Export the selected avatar with its armature as FBX, as Unity and VRChat want it"""

    bl_idname = "vrc_blendshape.export_fbx"
    bl_label = "Export FBX for VRChat"
    suffix = ".fbx"

    filter_glob: bpy.props.StringProperty(default="*.fbx", options={"HIDDEN"})

    def verify(self, path, objects):
        count = fbx_verify.count_keys(path, objects)
        return Message("Exported {file}: {count} shape keys, read back and compared.", file=path.name, count=count)


class VRC_BLENDSHAPE_OT_export_glb(_Export, bpy.types.Operator):
    """Export the selected avatar with its armature as GLB"""

    bl_idname = "vrc_blendshape.export_glb"
    bl_label = "Export GLB"
    suffix = ".glb"

    filter_glob: bpy.props.StringProperty(default="*.glb", options={"HIDDEN"})


CLASSES = (VRC_BLENDSHAPE_OT_export_fbx, VRC_BLENDSHAPE_OT_export_glb)
