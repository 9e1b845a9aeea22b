"""An artist's style: which own key is which shape, what is lacking made in their style, and a model of it to share."""

import re
import tempfile
from pathlib import Path

import bpy

from ....core.avatar import key_names
from ....core.errors import UserError
from ....core.messages import Message
from ....core.vocabulary import ALL_SHAPES, BLINKS, EMOTIONS, VISEMES
from ... import settings
from ...io import files
from ...io.selection import avatar_from_selection
from ...jobs import training_process
from ...keys import artist_keys, inventory
from ...stored import own_keys, tuning
from ...translations import translate
from .. import model_list, state
from .generate import Generate
from .training_tools import TrainingCommand


class VRC_BLENDSHAPE_OT_generate_rest(Generate, bpy.types.Operator):
    """Make the visemes, emotions and blinks that the avatar lacks in the style of its own keys, at once"""

    bl_idname = "vrc_blendshape.generate_rest"
    bl_label = "Make the Rest in My Style"
    names = (*VISEMES, *EMOTIONS, *BLINKS)


class VRC_BLENDSHAPE_OT_share_style(TrainingCommand, bpy.types.Operator):
    bl_idname = "vrc_blendshape.share_style"
    bl_description = (
        "Train a style model from the shape keys of the selected avatar, for other avatars and other people. Needs the "
        "training tools and at least ten keys with known names"
    )
    bl_label = "Share This Style"
    started = Message("Learning in the background: the panel shows the progress.")

    def start(self, context):
        tools = training_process.tools(settings.training_python(context))
        objects = avatar_from_selection(context)
        out = settings.learned_folder(context) / f"{_name_of(objects)}.onnx"
        files.require_writable(out.parent)
        folder = tempfile.TemporaryDirectory()
        try:
            copy = Path(folder.name) / f"{out.stem}.glb"
            files.save(copy, objects)
            scene = context.scene.name

            def after(good: bool) -> None:
                folder.cleanup()
                if good and scene in bpy.data.scenes:
                    bpy.data.scenes[scene].vrc_blendshape.model = out.stem
                model_list.refresh(bpy.context)

            line = [*tools, "adapt", str(copy), "--output", str(out), "--style", *training_process.blender()]
            training_process.start("adapt", line, Message("Stopped: nothing was changed."), after)
        except UserError:
            folder.cleanup()
            raise


def _candidates(self, context, text: str) -> list[str]:
    try:
        return artist_keys.candidates(avatar_from_selection(context))
    except UserError:
        return []


class VRC_BLENDSHAPE_OT_choose_own_key(bpy.types.Operator):
    """Choose which of your own keys is used as this shape; none: the shape is made"""

    bl_idname = "vrc_blendshape.choose_own_key"
    bl_label = "Choose Your Key"
    bl_options = {"REGISTER", "UNDO"}

    shape: bpy.props.EnumProperty(name="Shape", items=[(name, name, "") for name in ALL_SHAPES], default="vrc.v_aa")
    key: bpy.props.StringProperty(
        name="Your Key", description="Your own key that is used; empty: none, the shape is made", search=_candidates
    )

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self, title=translate(self.bl_label))

    def execute(self, context):
        try:
            objects = avatar_from_selection(context)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        names = artist_keys.candidates(objects)
        if self.key and self.key not in names:
            self.report({"ERROR"}, translate("The key {key} moves nothing or is not there.", key=self.key))
            return {"CANCELLED"}
        said = own_keys.read(objects) | {self.shape: self.key}
        if key_names.pick(names).get(self.shape, own_keys.NONE) == self.key:  # what its name says anyway
            del said[self.shape]
        own_keys.keep(objects, tuning.holder(objects, inventory.face_of(objects)), said)
        state.refresh(context)
        state.redraw(context)
        return {"FINISHED"}


def _name_of(objects) -> str:
    """What the model is called: after the .blend file and the object that has most keys."""
    face = max(objects, key=lambda obj: len(obj.data.shape_keys.key_blocks) if obj.data.shape_keys else 0)
    parts = [Path(bpy.data.filepath).stem, face.name]
    return "_".join(re.findall(r"\w+", " ".join(parts)))


CLASSES = (VRC_BLENDSHAPE_OT_choose_own_key, VRC_BLENDSHAPE_OT_generate_rest, VRC_BLENDSHAPE_OT_share_style)
