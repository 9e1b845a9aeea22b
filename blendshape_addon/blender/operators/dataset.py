"""The Generate Dataset button: a folder of avatars becomes training data beside Blender."""

import bpy

from ...core.errors import InputError, UserError
from ...core.sentence import Sentence
from .. import background, preferences
from ..translations import told

KEPT = Sentence("Stopped: what was made is kept, and the same button goes on from there.")


class VRC_BLENDSHAPE_OT_generate_dataset(bpy.types.Operator):
    """Make training data of a folder of avatars, in the background; needs the training tools"""

    bl_idname = "vrc_blendshape.generate_dataset"
    bl_label = "Generate Dataset"
    bl_options = {"REGISTER"}

    avatars: bpy.props.StringProperty(
        name="Avatars", description="Folder of .blend .glb .gltf .vrm .fbx .obj files", subtype="DIR_PATH"
    )
    out: bpy.props.StringProperty(name="Dataset", description="Folder that the dataset goes into", subtype="DIR_PATH")
    licence: bpy.props.StringProperty(
        name="Licence", description="Under which these avatars may be used, such as CC0; the dataset says so"
    )
    faces: bpy.props.IntProperty(
        name="Faces of Each Avatar", description="The avatar itself, and itself warped into others", default=60, min=1
    )
    distil: bpy.props.BoolProperty(
        name="Fill In Missing Shapes",
        description="Let this tool's own network make what an avatar has no shape keys for; the dataset says so",
        default=False,
    )
    stop: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"}, default=False)

    def invoke(self, context, event):
        if self.stop:
            return self.execute(context)
        return context.window_manager.invoke_props_dialog(self, width=420)

    def execute(self, context):
        if self.stop:
            if background.run:
                background.run.stop()
            return {"FINISHED"}
        try:
            background.start("generate", self._command(context), KEPT)
        except UserError as error:
            self.report({"ERROR"}, told(error))
            return {"CANCELLED"}
        if ended := background.follow():
            good, said = ended
            self.report({"INFO"} if good else {"ERROR"}, told(said))
            return {"FINISHED"} if good else {"CANCELLED"}
        self.report({"INFO"}, told("The dataset is made in the background: the panel shows how far it is."))
        return {"FINISHED"}

    def _command(self, context) -> list[str]:
        """The generator's command line. Raises InputError, in a sentence, when something is missing."""
        tools = background.tools(preferences.training_python(context))
        avatars, out = (bpy.path.abspath(folder) for folder in (self.avatars, self.out))
        for value, request in (
            (avatars, Sentence("Give the folder of avatars and try again.")),
            (out, Sentence("Give a folder for the dataset and try again.")),
            (self.licence, Sentence("Give a licence and try again.")),
        ):  # fmt: skip
            if not value:
                raise InputError(request)
        line = [*tools, "generate", avatars, "--out", out, "--licence", self.licence, "--faces", str(self.faces)]
        return [*line, *background.blender(), *(["--distil"] if self.distil else [])]


CLASSES = (VRC_BLENDSHAPE_OT_generate_dataset,)
