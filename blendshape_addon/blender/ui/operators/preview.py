"""Operators that preview shapes: one by one, and all on a contact sheet. The avatar is not changed."""

from collections.abc import Sequence
from pathlib import Path

import bpy

from ....core.errors import UserError
from ....core.vocabulary import KNOWN_SHAPES, VISEMES
from ... import settings
from ...io import mesh_io, selection
from ...jobs import one_avatar
from ...translations import translate
from ...viewport import colours, framing, preview, render, speaking
from .background import Background

_TELLING = ("vrc.v_aa", "joy", "vrc.blink", "jawOpen")  # which shape is shown first of those that were made
_LOOKING = 0.3  # of a contact sheet's time, finding the face
_OPENING = 0.2  # seconds after which a new window has its size


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
        choose(context, objects, self.shape)


def choose(context, objects: Sequence[mesh_io.Object], shape: str) -> None:
    """Show `shape` on `objects` from now on, fully where the strength was at nothing."""
    state = context.window_manager.vrc_blendshape
    state.viseme = shape
    if state.before:
        state.before = False
    if state.strength == 0:
        state.strength = 1.0
    preview.show_chosen(context, objects)


def present(context, done: one_avatar.Done, names: Sequence[str]) -> None:
    """Let the user see what was made: the most telling of the shapes `names` on the face, in view, and all below."""
    keys = done.face_object.data.shape_keys.key_blocks
    there = [name for name in names if name in keys]
    if not there:
        return
    state = context.window_manager.vrc_blendshape
    state.ready = _ready(there)
    state.show_preview = True
    choose(context, done.objects, next((name for name in _TELLING if name in there), there[0]))
    if not bpy.app.background:
        framing.frame(context, done.face_object, done.generated.face.points)


def _ready(names: Sequence[str]) -> str:
    count = len(names)
    if set(names) <= set(VISEMES):
        return translate("{count} visemes ready: look through them here.", count=count)
    return translate("{count} shapes ready: look through them here.", count=count)


class VRC_BLENDSHAPE_OT_stop_preview(bpy.types.Operator):
    """Put every shape key back to the value it had before the preview"""

    bl_idname = "vrc_blendshape.stop_preview"
    bl_label = "Stop Preview"
    bl_options = {"INTERNAL"}

    def execute(self, context):
        speaking.stop()
        preview.stop()
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_contact_sheet(Background, bpy.types.Operator):
    """Draw every shape side by side, open the picture in an image editor and save it beside the file"""

    bl_idname = "vrc_blendshape.contact_sheet"
    bl_label = "Contact Sheet"
    bl_options = {"REGISTER"}

    def work(self, context, avatar):
        objects = previewed(context)
        provider, paint = settings.provider(context), colours.read(objects, avatar)
        window = context.window
        aspect = window.width / window.height if window and window.height else render.ASPECT
        sheet = render.Sheet.of(preview.shapes(objects), aspect)
        size = sheet.cell(window.width if window else 0)

        def draw(progress):
            first = one_avatar.analysis_of(avatar, provider, lambda done, what: progress(_LOOKING * done, what))
            faces = render.Faces(avatar, first.face.points, paint, size)
            return render.pixels(sheet.draw(faces, lambda done: progress(_LOOKING + (1 - _LOOKING) * done, "drawing")))

        return draw

    def finish(self, context, objects, avatar, result):
        saved = bpy.data.filepath
        path = Path(saved).with_name(f"{Path(saved).stem}_shapes.png") if saved else Path("avatar_shapes.png")
        image = render.picture(path.name, result)
        yield
        if saved:
            render.write(path, image)
            image.filepath = str(path)
            image.source = "FILE"
            self.report({"INFO"}, translate("Saved {file} beside the file.", file=path.name))
        else:
            image.pack()
            self.report({"INFO"}, translate("The file is not saved yet, so the picture is in it."))
        yield
        if not bpy.app.background:
            _open(context, image)


def _open(context, image: bpy.types.Image) -> None:
    """Show `image` in an image editor that is open, else in a window of its own."""
    areas = [area for window in context.window_manager.windows for area in window.screen.areas]
    area = next((area for area in areas if area.type == "IMAGE_EDITOR"), None)
    if area is None:
        bpy.ops.wm.window_new()
        area = context.window_manager.windows[-1].screen.areas[0]
        area.type = "IMAGE_EDITOR"
    area.spaces.active.image = image
    bpy.app.timers.register(_fit, first_interval=_OPENING)


def _fit() -> None:
    """Fit the picture into the image editors that show a sheet, once they have their sizes."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            region = next((region for region in area.regions if region.type == "WINDOW"), None)
            if area.type == "IMAGE_EDITOR" and region and area.spaces.active.image:
                with bpy.context.temp_override(window=window, area=area, region=region):
                    bpy.ops.image.view_all(fit_view=True)


CLASSES = (
    VRC_BLENDSHAPE_OT_show_shape,
    VRC_BLENDSHAPE_OT_stop_preview,
    VRC_BLENDSHAPE_OT_contact_sheet,
)
