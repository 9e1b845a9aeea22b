"""A picture, or the avatar's face as a picture, moves as a clip does, beside Blender."""

import tempfile
from pathlib import Path

import bpy

from ....core.errors import InputError, UserError
from ....core.messages import Message
from ... import settings
from ...io import mesh_io, selection
from ...jobs import one_avatar, training_process
from ...viewport import colours, render
from .. import properties
from .training_tools import TrainingCommand


class VRC_BLENDSHAPE_OT_talking_portrait(TrainingCommand, bpy.types.Operator):
    bl_idname = "vrc_blendshape.talking_portrait"
    bl_description = (
        "Let a picture, or the selected avatar's face as a picture, talk and look around as the clip does: a .mp4, a "
        ".gif, or a folder of .png. Needs the training tools"
    )
    bl_label = "Talking Portrait…"
    started = Message("The portrait is moved in the background: the panel shows the progress.")

    picture: properties.portrait_picture()
    clip: properties.clip()
    filepath: bpy.props.StringProperty(
        name="Movie", description="The .mp4 or .gif file to write, or a folder for pictures", subtype="FILE_PATH"
    )
    filter_glob: bpy.props.StringProperty(default="*.mp4;*.gif", options={"HIDDEN"})

    def invoke(self, context, event):
        if self.stop or bpy.app.background:
            return self.execute(context)
        self.filepath = self.filepath or "portrait.mp4"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def start(self, context):
        base = settings.portrait_base(context)
        if base is None:
            raise InputError("No network that moves portraits is here: docs/portraits.md says how one is made.")
        tools = training_process.tools(settings.training_python(context))
        if not self.clip:
            raise InputError("No clip is chosen: give a movie or a folder of pictures.")
        if not self.filepath:
            raise InputError("No file is named: say where the movie is to be written.")
        folder = tempfile.TemporaryDirectory()
        try:
            picture = Path(bpy.path.abspath(self.picture)) if self.picture else _of_avatar(context, Path(folder.name))
            line = [*tools, "portrait", "animate", "--base", str(base), "--source", str(picture), "--clip",
                    bpy.path.abspath(self.clip), "--out", bpy.path.abspath(self.filepath),
                    *training_process.blender()]  # fmt: skip
            training_process.start(
                "portrait", line, Message("Stopped: nothing was changed."), lambda good: folder.cleanup()
            )
        except UserError:
            folder.cleanup()
            raise


def _of_avatar(context, folder: Path) -> Path:
    """A picture of the selected avatar's face. Raises UserError."""
    objects = selection.avatar_from_selection(context)
    avatar = mesh_io.read(objects)
    face = one_avatar.face_of(avatar, settings.provider(context))
    path = folder / "avatar.png"
    render.portrait(path, avatar, face.points, colours.read(objects, avatar))
    return path


CLASSES = (VRC_BLENDSHAPE_OT_talking_portrait,)
