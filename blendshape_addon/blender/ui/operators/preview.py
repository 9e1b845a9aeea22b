"""Operators that preview shapes: one by one, and all on a contact sheet. The avatar is not changed."""

import tempfile
from pathlib import Path

import bpy

from ....core.errors import UserError
from ....core.vocabulary import KNOWN_SHAPES
from ... import settings
from ...io import mesh_io, selection
from ...jobs import one_avatar
from ...translations import translate
from ...viewport import preview, render, speaking
from .background import Background


def previewed(context) -> list[mesh_io.Object]:
    """The objects to preview. Raises InputError when they have no shapes."""
    objects = selection.avatar_from_selection(context)
    preview.require_shapes(objects)
    return objects


class Preview:
    """Sets the keys of the selected avatar for a while: `show(context, objects)` does, after a sentence was stopped."""

    bl_options = {"INTERNAL"}

    def execute(self, context):
        try:
            objects = previewed(context)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        speaking.stop()
        self.show(context, objects)
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_show_shape(Preview, bpy.types.Operator):
    """Show this shape on the avatar; Stop Preview brings the keys' own values back"""

    bl_idname = "vrc_blendshape.show_shape"
    bl_label = "Show Shape"

    shape: bpy.props.EnumProperty(items=[(name, name, "") for name in KNOWN_SHAPES], default="vrc.v_aa")

    def show(self, context, objects):
        context.window_manager.vrc_blendshape.viseme = self.shape
        preview.show(objects, preview.mixed(context.scene.vrc_blendshape, {self.shape: 1.0}))


class VRC_BLENDSHAPE_OT_stop_preview(bpy.types.Operator):
    """Put every shape key back to the value it had before the preview"""

    bl_idname = "vrc_blendshape.stop_preview"
    bl_label = "Stop Preview"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        speaking.stop()
        preview.stop()
        context.window_manager.vrc_blendshape.viseme = ""
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_contact_sheet(Background, bpy.types.Operator):
    """Draw every shape side by side, open the picture in an image editor and save it beside the file"""

    bl_idname = "vrc_blendshape.contact_sheet"
    bl_label = "Contact Sheet"
    bl_options = {"REGISTER"}

    def work(self, context, avatar):
        previewed(context)
        provider = settings.provider(context)
        return lambda progress: one_avatar.analysis_of(avatar, provider, progress)

    def finish(self, context, objects, avatar, result):
        saved = bpy.data.filepath
        with tempfile.TemporaryDirectory() as private:
            folder = Path(saved).parent if saved else Path(private)
            path = folder / f"{Path(saved).stem if saved else 'avatar'}_shapes.png"
            render.sheet(path, avatar, result.face.points, preview.shapes(objects, avatar))
            image = bpy.data.images.load(str(path), check_existing=True)
            image.reload()
            if not saved:
                image.pack()
        if not bpy.app.background:
            _open(context, image)
        if saved:
            self.report({"INFO"}, translate("Saved {file} beside the file.", file=path.name))
        else:
            self.report({"INFO"}, translate("The file is not saved yet, so the picture is in it."))


def _open(context, image: bpy.types.Image) -> None:
    """Show `image` in an image editor that is open, else in a window of its own."""
    areas = [area for window in context.window_manager.windows for area in window.screen.areas]
    area = next((area for area in areas if area.type == "IMAGE_EDITOR"), None)
    if area is None:
        bpy.ops.wm.window_new()
        area = context.window_manager.windows[-1].screen.areas[0]
        area.type = "IMAGE_EDITOR"
    area.spaces.active.image = image
    area.tag_redraw()


CLASSES = (
    VRC_BLENDSHAPE_OT_show_shape,
    VRC_BLENDSHAPE_OT_stop_preview,
    VRC_BLENDSHAPE_OT_contact_sheet,
)
