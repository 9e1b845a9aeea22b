"""The pictures of the guide: the panels beside the demo avatar, taken in a real window and cut to what they show.

`tell` plays in Blender and notes what of each picture is to stay; `cut` makes the files of docs/img of that.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import bpy
import numpy as np

from . import window
from .window import PICTURES, Waiting, picture, settled, state, until

NOTED = "guide.json"  # beside the pictures: of each what stays of it
_WIDE = 520  # pixels of the 3D view beside the sidebar that stay
_DOWN = 400  # pixels below the upper edge of the view where the middle of the face is seen, in the middle of what stays
_TALL = 400  # pixels from its brows to its chin
_STEP = 900  # pixels that a picture of one of the three steps is high
_MAIN = 500  # pixels that the panel with the Generate buttons takes
_BODY = 480  # pixels that a body is high …
_MIDDLE = 360  # … and its middle is above the lower edge of the view
_ABOVE = 795  # pixels above the panel of the body
_BELOW = 14  # pixels that stay below the last panel
_TABS = 30  # pixels at the right edge of a sidebar that its tabs take
_PLAIN = 3  # of 255: what pixels of an empty part of the sidebar differ by
_QUALITY = 82  # of a JPEG file
_KEPT: dict[str, tuple[int, int, int, int]] = {}


def tell() -> Waiting:
    """All pictures, as pauses in seconds."""
    english = os.environ["UI_LANGUAGE"] == "en_US"
    yield from _open()
    if english:
        yield from _take("step_1", high=_STEP)
    yield from _run("generate_visemes")
    pictures = window.module("blender.session").current().thumbnails
    yield from until(lambda: pictures.icon("vrc.v_ou") and not pictures.at_work, "there is a picture of each shape")
    yield from _take("preview")
    if english:
        yield from _take("step_2", high=_STEP)
    state().show_preview = False
    _unfold("export")
    if english:
        yield from _take("step_3", high=_STEP)
    yield from _take("export", with_view=False, skip=_MAIN)
    _unfold("one_shape")
    state().tuned = "vrc.v_aa"
    yield from _take("tuning")
    yield from _run("generate_blink")
    state().show_preview = False
    with window.at():
        bpy.ops.vrc_blendshape.stop_preview()
    yield from _landmarks()
    yield from _check()
    yield from body()
    yield from _preferences()
    note()


def note() -> None:
    """Say what stays of the pictures that were taken."""
    Path(PICTURES, NOTED).write_text(json.dumps(_KEPT), encoding="utf-8")


def cut(folder: Path, target: Path, language: str) -> list[Path]:
    """Cut the pictures in `folder` and put them into `target`, those of another language than English under names with
    its code; returns what was written."""
    suffix = "" if language == "en_US" else f".{language[:2]}"
    written = []
    for name, (x, y, width, height) in json.loads((folder / NOTED).read_text(encoding="utf-8")).items():
        taken = bpy.data.images.load(str(folder / f"{name}.png"))
        columns, rows = taken.size
        pixels = np.array(taken.pixels[:], np.float32).reshape(rows, columns, 4)  # row 0 at the bottom, as y counts
        part = pixels[y : y + height, x : x + width]
        image = bpy.data.images.new(name, width, height)
        image.pixels.foreach_set(np.ascontiguousarray(part).reshape(-1))
        image.file_format = "JPEG"
        written.append(target / f"{name}{suffix}.jpg")
        image.save(filepath=str(written[-1]), quality=_QUALITY)
    return written


def _open() -> Waiting:
    _window()
    bpy.ops.wm.open_mainfile(filepath=f"{PICTURES}/avatar.blend", load_ui=False)
    yield 1.0
    yield from _front()
    yield from until(lambda: state().face == "Body", "the avatar is seen")
    yield from settled()
    _look_at_the_face()
    yield from settled()


def body() -> Waiting:
    """A body that was made of a photo, beside its table."""
    _window()
    bpy.ops.wm.open_mainfile(filepath=f"{PICTURES}/body.blend", load_ui=False)
    yield 1.0
    preferences = bpy.context.preferences.addons[window.NAME].preferences
    networks = window.module("blender.settings").body_networks(bpy.context)
    networks.mkdir(parents=True, exist_ok=True)
    (networks / "here.onnx").touch()  # the panel shows as it does once everything is there
    preferences.training_python = "/usr/bin/python3"
    options = bpy.context.scene.vrc_blendshape
    measured = next(obj for obj in bpy.data.objects if obj.type == "ARMATURE")
    tall = max((measured.matrix_world @ bone.tail_local).z for bone in measured.data.bones)
    options.body_photo, options.body_height = f"{PICTURES}/photo.png", 100 * float(Path(PICTURES, "height").read_text())
    yield from _front()
    with window.at():
        bpy.ops.view3d.view_all(use_all_regions=False)
    view, region = window.area().spaces.active.region_3d, window.region("WINDOW")
    view.view_distance *= tall / _BODY / _metres_per_pixel(view, region)
    scale = _metres_per_pixel(view, region)
    view.view_location = (-(region.width - _WIDE) / 2 * scale, 0, tall / 2 + (region.height / 2 - _MIDDLE) * scale)
    _unfold("body")
    yield 3.0  # the preview of the photo is drawn in the background
    with window.at("UI"):
        bpy.ops.view2d.pan(deltay=-1000)  # to its end
    yield from _take("body", skip=_ABOVE)


def _window() -> None:
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.view.language, preferences.view.use_translate_interface = os.environ["UI_LANGUAGE"], True
    preferences.system.use_region_overlap = False  # nothing of the avatar behind the sidebar
    bpy.ops.preferences.addon_enable(module=window.NAME)


def _front() -> Waiting:
    """The avatar from the front, and the tab beside it."""
    space = window.area().spaces.active
    space.show_region_ui, space.shading.color_type = True, "TEXTURE"
    space.show_region_toolbar = space.show_region_tool_header = space.overlay.show_text = False
    with window.at():
        bpy.ops.view3d.view_axis(type="FRONT")
    yield 1.5
    window.region("UI").active_panel_category = "VRChat"


def _look_at_the_face() -> None:
    """Bring the face to its place in the view, see _WIDE, _DOWN and _TALL."""
    view, region = window.area().spaces.active.region_3d, window.region("WINDOW")
    head = bpy.data.objects["Body"]
    top = max(vertex.co.z for vertex in head.data.vertices)
    tall = 0.17  # metres from the demo avatar's brows to its chin
    view.view_distance *= tall / _TALL / _metres_per_pixel(view, region)
    scale = _metres_per_pixel(view, region)
    aside, up = -(region.width - _WIDE) / 2, _DOWN - region.height / 2
    view.view_location = (aside * scale, 0, top - 0.13 + up * scale)


def _metres_per_pixel(view: bpy.types.RegionView3D, region: bpy.types.Region) -> float:
    view.update()
    return 2 / (view.perspective_matrix[0].to_3d().length * region.width)


def _unfold(name: str = "") -> None:
    """Let the sub-panel of this name and no other be unfolded. A panel remembers how it was under its name in Blender,
    so each gets another one."""
    panels = window.module("blender.ui.panels").CLASSES
    for cls in reversed(panels):
        bpy.utils.unregister_class(cls)
    for cls in panels:
        if hasattr(cls, "bl_parent_id") and "HIDE_HEADER" not in cls.bl_options:
            cls.bl_idname = f"{cls.__name__}_{len(_KEPT)}"
            cls.bl_options = set() if cls.__name__.endswith(f"_PT_{name}") else {"DEFAULT_CLOSED"}
        bpy.utils.register_class(cls)
    window.region("UI").active_panel_category = "VRChat"


def _run(name: str, **values: object) -> Waiting:
    """Press a button and wait until its work is done."""
    with window.at():
        getattr(bpy.ops.vrc_blendshape, name)("INVOKE_DEFAULT", **values)
    yield from until(lambda: not state().running, f"{name} ends")
    _look_at_the_face()
    yield from settled()


def _take(name: str, with_view: bool = True, skip: int = 0, high: int | None = None) -> Waiting:
    """Take a picture of the sidebar, with the 3D view beside it or without, `skip` pixels from its top; as high as its
    panels, or `high` pixels."""
    yield from settled()
    side = window.region("UI")
    _keep(name, side.x - (_WIDE if with_view else 0), side)
    left, low, width, height = _KEPT[name]
    _KEPT[name] = left, low, width, height - skip
    if high is not None:
        _KEPT[name] = left, low + height - high, width, high
    yield from picture(name)


def _keep(name: str, left: int, panels: bpy.types.Region) -> None:
    """Note that of a picture stays what is right of a column of the screen, down to the last of the `panels`."""
    right, top, bottom = panels.x + panels.width, panels.y + panels.height, panels.y
    screen = window.screen()[::-1]  # row 0 at the bottom
    plain = np.ptp(screen[bottom:top, panels.x + 4 : right - _TABS].astype(int), axis=1).max(1) <= _PLAIN
    low = max(bottom + int(np.argmin(plain)) - _BELOW, bottom)
    _KEPT[name] = left, low, right - left, top - low


def _landmarks() -> Waiting:
    _unfold("landmarks")
    with window.at():
        bpy.ops.vrc_blendshape.edit_landmarks("INVOKE_DEFAULT")
    yield from until(lambda: state().editing_landmarks == "MOVING", "the landmarks can be moved")
    yield from settled()
    index = window.module("core.vocabulary").LANDMARK_INDEX["mouth_corner_l"]
    mode = window.module("blender.session").current().landmark_mode
    view = window.region("WINDOW")
    corner = np.array([*mode.editor.landmarks[index, :3], 1.0])
    clip = np.array(window.area().spaces.active.region_3d.perspective_matrix) @ corner
    across, up = (clip[:2] / clip[3] + 1) / 2
    for step in (2, 1, 0):  # until it is under the mouse
        window.move(view.x + across * view.width + step, view.y + up * view.height)
        yield 0.2
    yield from _take("landmarks")
    yield from window.key("Escape")
    yield from until(lambda: not state().editing_landmarks, "Esc ends it")


def _check() -> Waiting:
    """With a fault that was put in, so that its buttons are to be seen."""
    points = bpy.data.objects["Body"].data.shape_keys.key_blocks["vrc.v_oh"].points
    for point in points:
        if point.co.z < 0.1:
            point.co.x += 0.01
    _unfold("check")
    yield from _run("check")
    yield from _take("check")


def _preferences() -> Waiting:
    area = window.area()
    area.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "VRChat"
    yield 0.5
    bpy.ops.preferences.addon_expand(module=window.NAME)
    state().show_models = True
    area.tag_redraw()
    yield 1.0
    view = window.region("WINDOW", "PREFERENCES")
    _keep("preferences", view.x, view)
    yield from picture("preferences")
