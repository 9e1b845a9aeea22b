"""The Generate Dataset button: a folder of avatars becomes training data beside Blender."""

import bpy

from ....core.errors import InputError
from ....core.messages import Message
from ... import settings
from ...jobs import training_process
from .training_tools import TrainingCommand

STOPPED = Message("Stopped: what was made is kept, and the same button goes on from there.")


class VRC_BLENDSHAPE_OT_generate_dataset(TrainingCommand, bpy.types.Operator):
    """Make training data from a folder of avatars, in the background; needs the training tools"""

    bl_idname = "vrc_blendshape.generate_dataset"
    bl_label = "Generate Dataset"
    started = Message("Making the dataset in the background: the panel shows the progress.")

    avatars: bpy.props.StringProperty(
        name="Avatars", description="Folder of .blend .glb .gltf .vrm .fbx .obj files", subtype="DIR_PATH"
    )
    out: bpy.props.StringProperty(name="Dataset", description="Folder that the dataset goes into", subtype="DIR_PATH")
    licence: bpy.props.StringProperty(
        name="Licence", description="Licence of these avatars, such as CC0; the dataset records it"
    )
    faces: bpy.props.IntProperty(
        name="Faces per Avatar", description="The avatar itself and its warped variants", default=60, min=1
    )
    distil: bpy.props.BoolProperty(
        name="Fill In Missing Shapes",
        description="Let this tool's own network make the shapes that an avatar lacks; the dataset records it",
        default=False,
    )

    def invoke(self, context, event):
        if self.stop:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, width=420)

    def start(self, context):
        training_process.start("generate", self._command(context), STOPPED)

    def _command(self, context) -> list[str]:
        """The generator's command line. Raises InputError when something is missing."""
        tools = training_process.tools(settings.training_python(context))
        avatars, out = (bpy.path.abspath(folder) for folder in (self.avatars, self.out))
        for value, request in (
            (avatars, Message("Give the folder of avatars and try again.")),
            (out, Message("Give a folder for the dataset and try again.")),
            (self.licence, Message("Give a licence and try again.")),
        ):  # fmt: skip
            if not value:
                raise InputError(request)
        line = [*tools, "generate", avatars, "--out", out, "--licence", self.licence, "--faces", str(self.faces)]
        return [*line, *training_process.blender(), *(["--distil"] if self.distil else [])]


CLASSES = (VRC_BLENDSHAPE_OT_generate_dataset,)
