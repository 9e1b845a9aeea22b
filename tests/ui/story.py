"""What a creator does with the demo avatar, step by step; each step asserts what came of it, and what is seen."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

from . import window
from .window import Folds, Waiting, button, changed, clicks, key, move, picture, seen, settled, state, until

FBX = Path("/mnt/ui/avatar.fbx")
AVATAR = "/mnt/ui/avatar.blend"
MOST_CLICKS = 4  # from the file that was opened to the exported FBX
MOUTH, EYES = ("lip", "mouth"), ("lid", "eye")  # beginnings of the names of landmarks


def tell() -> Waiting:
    """The whole story, as pauses in seconds."""
    yield from open_avatar()
    folds = Folds()
    yield from _generate_and_stop()  # first, while the face is not yet known and takes its time
    yield from _the_short_way(folds)
    yield from _preview(folds)
    yield from _generate_and_undo(folds)
    yield from _framed(folds)
    yield from _sheet(folds)
    yield from _artist_style(folds)
    yield from _whatever_is_selected()
    yield from _in_edit_mode()
    yield from _tune(folds)
    yield from _edit(folds)
    yield from _move_a_landmark(folds)
    yield from _check(folds)
    yield from _left_out()
    yield from _switch_off_at_work(folds)
    yield from _preferences()


def open_avatar() -> Waiting:
    view = bpy.context.preferences.view
    view.show_splash, view.filebrowser_display_type = False, "SCREEN"
    view.language, view.use_translate_interface = os.environ["UI_LANGUAGE"], True
    bpy.ops.preferences.addon_enable(module=window.NAME)
    bpy.app.timers.register(window.tick, persistent=True)
    bpy.ops.wm.open_mainfile(filepath=AVATAR, load_ui=False)
    yield 1.0
    space = window.area().spaces.active
    space.show_region_ui, space.shading.color_type = True, "TEXTURE"  # the colours that the avatar has
    with window.at():
        bpy.ops.view3d.view_axis(type="FRONT")
    space.region_3d.view_location, space.region_3d.view_distance = (0.03, 0, 1.55), 0.36
    yield 1.5
    window.region("UI").active_panel_category = "VRChat"
    yield from until(lambda: state().face == "Body", "the avatar is seen")
    yield from settled()
    yield from picture("1_tab")
    told("the tab is open and names the avatar")


def _the_short_way(folds: Folds) -> Waiting:
    """From the file that was opened to the exported FBX by as few clicks as there are."""
    clicks.clear()
    bare = seen(_screen_box(), 0)
    began = time.monotonic()
    yield from button("vrc_blendshape.generate_visemes(")
    yield from until(lambda: state().running, "it begins")
    yield from picture("2_bar")
    yield from until(_keys, "the keys are there")
    visible = time.monotonic() - began
    yield from until(lambda: not state().running, "it ends")
    assert _keys() == ["Basis", *window.module("core.vocabulary").VISEMES], _keys()
    yield from settled()
    yield from picture("3_made")
    assert changed(bare, seen(_screen_box(), 0)) > 0.001, "nothing is to be seen of what was made"
    assert state().show_preview and state().viseme == "vrc.v_aa", "aa is not shown"
    yield from folds.turn("Export")
    yield from settled()
    yield from picture("9_export")
    yield from folds.button("vrc_blendshape.export_fbx")
    yield from until(lambda: window.area("FILE_BROWSER"), "the file browser opens", 10)
    yield 1.0
    chosen = window.area("FILE_BROWSER").spaces.active.params
    chosen.directory, chosen.filename = str(FBX.parent).encode(), FBX.name
    yield 0.5
    yield from button("file.execute", (0.6, 0.7, 0.8, 0.9), where=("EXECUTE", "FILE_BROWSER"))
    yield from until(lambda: FBX.is_file() and window.area(), "the file is written", 60)
    yield 1.0
    yield from key("Escape")  # Blender 5.2 lists the warnings in a menu under the mouse, until that goes away slowly
    assert FBX.stat().st_size > 100_000, f"{FBX} has {FBX.stat().st_size} bytes"
    count = len(clicks)
    assert count <= MOST_CLICKS, f"it took {count} clicks: {clicks}"
    yield from folds.turn("Export")
    told(
        f"{count} clicks from the opened file to {FBX.name}, {FBX.stat().st_size / 1e6:.1f} MB; "
        f"shapes {visible:.1f} s after the first"
    )


def _preview(folds: Folds) -> Waiting:
    """Preview was unfolded by Generate: the shapes are shown by their buttons, and the mouth is seen to move."""
    yield from button("vrc_blendshape.stop_preview", (0.75,))
    yield from until(lambda: _value("vrc.v_aa") == 0, "the preview ends", 5)
    yield from into_view()
    yield from settled()
    mouth, eyes = _marks(MOUTH), _marks(EYES)
    rest = seen(mouth), seen(eyes)
    yield from button("vrc_blendshape.show_shape(shape='vrc.v_aa')", (0.08, 0.2, 0.35))
    yield from until(lambda: _value("vrc.v_aa") == 1, "aa is shown", 5)
    yield from into_view()
    yield from settled()
    yield from picture("4_preview")
    opened, still = changed(rest[0], seen(mouth)), changed(rest[1], seen(eyes))
    assert opened > 0.1 and still < 0.02, f"aa changes {opened:.0%} of the mouth and {still:.0%} of the eyes"
    yield from button("vrc_blendshape.stop_preview", (0.75,))
    yield from until(lambda: _value("vrc.v_aa") == 0, "the preview ends", 5)
    yield from into_view()
    yield from settled()
    assert changed(rest[0], seen(mouth)) < 0.01, "the mouth is not as it was"
    yield from _speak(rest[0], mouth)
    yield from folds.turn("Preview")
    told(f"aa was shown by its button ({opened:.0%} of the mouth's pixels) and put back")


def _generate_and_stop() -> Waiting:
    before = _keys()
    yield from button("vrc_blendshape.generate_visemes(")
    yield from until(lambda: state().running, "it begins")
    window.forget_gaps()
    yield from into_view()
    yield from key("Escape")
    yield from until(lambda: not state().running, "Esc stops it")
    yield 0.5
    assert _keys() == before, f"Esc left {_keys()}"
    told("Esc stopped it and nothing was changed", gap=True)


def _generate_and_undo(folds: Folds) -> Waiting:
    before = _keys()
    window.forget_gaps()
    yield from button("vrc_blendshape.generate_blink(", (0.75,))
    yield from until(lambda: "vrc.blink" in _keys(), "the keys are there")
    yield from until(lambda: not state().running, "it ends")
    assert len(_keys()) == len(before) + 3, _keys()
    told("Blink made 3 keys", gap=True)
    yield from settled()
    eyes = _marks(EYES)
    shut = seen(eyes)
    yield from into_view()
    yield from key("ctrl+z")
    yield from until(lambda: _keys() == before, "one undo takes all of them back", 5)
    yield from settled()
    assert changed(shut, seen(eyes)) > 0.02, "the eyes are not seen to open again"
    yield from _fold_preview(folds)
    told("one undo took them back, and the eyes opened")


def _framed(folds: Folds) -> Waiting:
    """From behind and afar, Generate brings the face into view, with a picture of each shape; undo leaves the view."""
    before, view = _keys(), window.area().spaces.active.region_3d
    place, distance = view.view_location.copy(), view.view_distance
    with window.at():
        bpy.ops.view3d.view_axis(type="BACK")
    view.view_distance = 6.0
    yield 1.0
    yield from button("vrc_blendshape.generate_emotions(", (0.25,))
    yield from until(lambda: "joy" in _keys() and not state().running, "the keys are there")
    pictures = window.module("blender.session").current().thumbnails
    yield from until(lambda: all(map(pictures.icon, _keys()[1:])), "there is a picture of each shape")
    yield from settled()
    yield from picture("15_framed")
    marks, (low, high) = _marks(MOUTH + EYES), np.sort(_screen_box(), 0)
    assert (marks > low).all() and (marks < high).all(), "the face is not in view"
    assert np.ptp(marks[:, 1]) > 0.1 * (high - low)[1], "the face is small"
    assert view.view_matrix[2][1] < -0.9, "the face is seen from behind"  # towards the viewer is -Y
    yield from into_view()
    yield from key("ctrl+z")
    yield from until(lambda: _keys() == before, "one undo takes all of them back", 5)
    with window.at():
        bpy.ops.view3d.view_axis(type="FRONT")
    view.view_location, view.view_distance = place, distance
    yield 1.0
    told("the face came into view from behind and afar, and each shape has its picture")


def _sheet(folds: Folds) -> Waiting:
    """The contact sheet is stopped by Esc, then drawn, and shown in a window of its own."""
    images = len(bpy.data.images)
    window.forget_gaps()
    yield from window.over("vrc_blendshape.contact_sheet")
    window.mouse("click", 1)  # and Esc at once, for it is drawn within seconds
    yield from key("Escape")
    yield from until(lambda: not state().running, "Esc stops it", 5)
    assert len(bpy.data.images) == images, "Esc left a picture"
    began = time.monotonic()
    yield from button("vrc_blendshape.contact_sheet")
    yield from until(lambda: len(bpy.data.images) > images and not state().running, "the sheet is drawn")
    took = time.monotonic() - began
    yield 2.0
    yield from picture("16_sheet")
    shown = bpy.context.window_manager.windows[-1]
    assert shown.screen.areas[0].spaces.active.image.name == "avatar_shapes.png"
    with bpy.context.temp_override(window=shown):
        bpy.ops.wm.window_close()
    yield 1.0
    yield from _fold_preview(folds)
    told(f"Esc stopped the contact sheet; then it was there {took:.1f} s after its click", gap=True)


def _artist_style(folds: Folds) -> Waiting:
    """Three keys are the artist's own, under names of MMD: the rest is made in their style by one button."""
    before, keys, own = (
        _keys(),
        _body().data.shape_keys.key_blocks,
        {"あ": "vrc.v_aa", "い": "vrc.v_ih", "お": "vrc.v_oh"},
    )
    for name, shape in own.items():
        keys[shape].name = name
    with window.at():
        bpy.ops.vrc_blendshape.clean_up()
    yield from until(lambda: [row.key for row in state().own if row.key] == list(own), "the artist's keys are seen", 5)
    drawn = {name: _places(name) for name in own}
    yield from folds.turn("Artist Style")
    yield from settled()
    yield from picture("17_style")
    yield from folds.button("vrc_blendshape.generate_rest")
    yield from until(lambda: "vrc.blink" in _keys() and not state().running, "the rest is made")
    yield from settled()
    assert set(window.module("core.vocabulary").VISEMES) <= set(_keys())
    for name, shape in own.items():
        assert (_places(name) == drawn[name]).all() and (_places(shape) == drawn[name]).all(), f"{name} was changed"
    yield from _fold_preview(folds)  # above it, and long
    yield from folds.turn("Artist Style")
    with window.at():
        bpy.ops.vrc_blendshape.clean_up()
    _body().shape_key_clear()
    yield from button("vrc_blendshape.generate_visemes(")
    yield from until(lambda: _keys() == before and not state().running, "the visemes are there again")
    yield from _fold_preview(folds)
    told("the rest was made in the style of three own keys")


def _whatever_is_selected() -> Waiting:
    """An armature means its avatar; a cube beside it is asked about, with a button that is pressed."""
    with window.at():
        bpy.ops.object.select_all(action="DESELECT")
        rig = bpy.data.objects["Armature"]
        rig.select_set(True)
        bpy.context.view_layer.objects.active = rig
    yield 0.6
    assert (state().face, state().problem) == ("Body", ""), state().problem
    with window.at():
        bpy.ops.mesh.primitive_cube_add(size=0.1, location=(2, 0, 0))
    cube = bpy.context.object
    yield from until(lambda: state().problem, "the cube is asked about", 3)
    yield from settled()
    yield from picture("12_which")
    yield from button('vrc_blendshape.use_face(name="Body"')
    yield from until(lambda: state().face == "Body", "the face is used", 3)
    assert bpy.context.object == _body() and not state().problem
    bpy.data.objects.remove(cube)
    yield 0.5
    told("the armature meant its avatar, and the cube was asked about")


def _in_edit_mode() -> Waiting:
    """Blink is pressed in Edit Mode, which is there again afterwards; two undos take back what was made."""
    before = _keys()
    yield from into_view()
    yield from key("Tab")
    yield from until(lambda: _body().mode == "EDIT", "Edit Mode is entered", 5)
    yield 0.6
    assert state().face == "Body", "the panel lost the avatar"
    yield from button("vrc_blendshape.generate_blink(", (0.75,))
    yield from until(lambda: "vrc.blink" in _keys() and not state().running, "the keys are there")
    yield 0.5
    assert _body().mode == "EDIT", f"{_body().mode} is there in the place of Edit Mode"
    yield from into_view()
    yield from key("ctrl+z")
    yield from key("ctrl+z")
    yield 0.5
    assert _keys() == before, f"after two undos there are {_keys()}"
    if bpy.context.object.mode == "EDIT":
        yield from key("Tab")
    yield from until(lambda: _body().mode == "OBJECT", "Edit Mode is left", 5)
    yield from settled()
    told("Edit Mode was left for Blink and entered again")


def _speak(rest: np.ndarray, mouth: tuple) -> Waiting:
    """Preview is unfolded: the mouth is seen to speak, ends by itself, and the timeline gets the line and loses it."""
    held = window.module("blender.session").current()
    spoken = bpy.context.scene.vrc_blendshape.spoken_language
    assert os.environ["UI_LANGUAGE"].startswith(spoken.lower()), f"it would speak {spoken}"
    yield from button("vrc_blendshape.speak(", (0.2, 0.3))
    yield from until(lambda: changed(rest, seen(mouth)) > 0.02, "the mouth speaks", 10)
    yield from until(lambda: held.spoken is None, "the line ends", 20)
    assert all(_value(name) == 0 for name in window.module("core.vocabulary").VISEMES)
    yield from button("vrc_blendshape.speak_on_timeline", (0.75,))
    yield from until(lambda: _body().data.shape_keys.animation_data, "keyframes are made", 10)
    assert bpy.context.scene.sync_mode == "AUDIO_SYNC"
    yield from into_view()
    yield from key("ctrl+z")
    yield from until(lambda: not _body().data.shape_keys.animation_data, "one undo takes them back", 10)
    told("the mouth spoke, on the timeline as well, and one undo took that back")


def _tune(folds: Folds) -> Waiting:
    """A slider changes the shape that is shown at once; what else it concerns waits for Apply."""
    yield from _fold_preview(folds)
    full = {name: _peak(name) for name in ("vrc.v_aa", "vrc.v_oh")}
    yield from folds.turn("Edit One Shape")
    _body().vrc_blendshape.strength_vrc_v_aa = 0.5  # as its slider does
    share = _peak("vrc.v_aa") / full["vrc.v_aa"]
    assert abs(share - 0.5) < 0.01, f"at half the strength aa moves {share:.2f} times as far"
    assert _value("vrc.v_aa") == 1 and state().changes == 0, "aa is shown, and nothing waits"
    _body().vrc_blendshape.strength_visemes = 0.8
    assert state().changes == 1 and "vrc.v_oh" in state().waiting and "vrc.v_aa" not in state().waiting
    yield from settled()
    yield from picture("5_tuning")
    yield from folds.button("vrc_blendshape.apply_tuning")
    yield from until(lambda: not state().running and state().changes == 0, "the others are made anew")
    shares = [_peak(name) / whole for name, whole in full.items()]
    assert np.allclose(shares, (0.4, 0.8), atol=0.01), f"aa and oh move {shares} times as far"
    yield from settled()
    told("aa followed its slider, and Apply made the other visemes anew")


def _edit(folds: Folds) -> Waiting:
    """Edit One Shape is unfolded: a key is smoothed in Sculpt Mode, undone, and discarded exactly."""
    before = _places("vrc.v_aa")
    yield from folds.button("vrc_blendshape.edit_shape")
    yield from until(lambda: _body().mode == "SCULPT", "Sculpt Mode is entered", 10)
    assert _body().data.use_mirror_x and _body().active_shape_key.name == "vrc.v_aa"
    yield from folds.button("vrc_blendshape.smooth_here")
    yield from until(lambda: (_places("vrc.v_aa") != before).any(), "the shape is smoothed", 10)
    yield from settled()
    yield from picture("14_edit")
    yield from into_view()
    yield from key("ctrl+z")
    yield from until(lambda: (_places("vrc.v_aa") == before).all(), "one undo takes it back", 10)
    assert _body().mode == "SCULPT"
    yield from key("ctrl+shift+z")
    yield from until(lambda: (_places("vrc.v_aa") != before).any(), "and redo brings it", 10)
    yield from folds.button("vrc_blendshape.discard_edit", (0.75,))
    yield from until(lambda: _body().mode == "OBJECT", "Discard leaves Sculpt Mode", 10)
    assert (_places("vrc.v_aa") == before).all(), "the key is not as it was"
    yield from settled()
    yield from folds.turn("Edit One Shape")
    told("a key was smoothed in Sculpt Mode, undone, redone and discarded exactly")


def _move_a_landmark(folds: Folds) -> Waiting:
    index = window.module("core.vocabulary").LANDMARK_INDEX
    yield from into_view()
    yield from settled()
    mouth = _marks(MOUTH)
    bare = seen(mouth)
    yield from _edit_landmarks(folds)
    yield from picture("6_landmarks")
    assert changed(bare, seen(mouth)) > 0.1, "no landmarks are to be seen"
    mode = window.module("blender.session").current().landmark_mode
    before = mode.editor.landmarks.copy()
    yield from _drag(before[index["mouth_corner_l"], :3])
    yield from picture("7_dragging")
    window.mouse("mouseup", 1)
    yield 0.3
    yield from key("Return")
    yield from until(lambda: not state().editing_landmarks, "Enter keeps the landmarks", 10)
    kept = window.module("blender.stored.landmarks").read([_body()])
    moved = np.linalg.norm(kept[:, :3] - before[:, :3], axis=1) * 1000
    left, right = moved[index["mouth_corner_l"]], moved[index["mouth_corner_r"]]
    assert left > 2 and abs(left - right) < 1, f"the corners of the mouth moved by {left:.1f} and {right:.1f} mm"
    others = np.delete(moved, [index["mouth_corner_l"], index["mouth_corner_r"]])
    assert others.max() < 0.01, f"another landmark moved by {others.max():.2f} mm"
    yield from into_view()
    yield from settled()
    assert changed(bare, seen(mouth)) < 0.01, "landmarks are still drawn over the face"
    yield from folds.turn("Face Landmarks")
    told(f"a landmark was moved by {left:.1f} mm, and the one opposite with it")


def _check(folds: Folds) -> Waiting:
    """Check tells of every shape; a fault that was put in is shown in Edit Mode and in view, with the list beside it;
    Back brings the view back, too."""
    points = _body().data.shape_keys.key_blocks["vrc.v_oh"].points
    feet = [number for number, point in enumerate(points) if point.co.z < 0.1]
    for number in feet:
        points[number].co.x += 0.01
    places = np.array([_body().matrix_world @ points[number].co for number in feet])
    view = window.area().spaces.active.region_3d
    stand = view.view_location.copy()
    yield from folds.turn("Check")
    yield from folds.button("vrc_blendshape.check", (0.3,))
    yield from until(lambda: len(state().check_results) > 0 and not state().running, "the check tells", 60)
    yield from into_view()
    yield from settled()
    yield from picture("8_check")
    rows = [(row.shape, row.check) for row in state().check_results]
    assert {shape for shape, _ in rows} >= set(window.module("core.vocabulary").VISEMES)
    assert ("vrc.v_oh", "outside") in rows
    yield from folds.button('vrc_blendshape.show_problem(shape="vrc.v_oh", check="outside"', (0.3,))
    yield from until(lambda: _body().mode == "EDIT", "Edit Mode is entered", 20)
    yield from into_view()
    yield from settled()
    yield from picture("13_show_me")
    assert _body().data.total_vert_sel == len(feet), f"{_body().data.total_vert_sel} of {len(feet)} are selected"
    seen_at, (low, high) = _on_screen(places), np.sort(_screen_box(), 0)
    assert (seen_at > low).all() and (seen_at < high).all(), "the feet are not in view"
    assert [(row.shape, row.check) for row in state().check_results] == rows and state().face == "Body"
    yield from folds.button("vrc_blendshape.back", (0.75,))
    yield from until(lambda: _body().mode == "OBJECT", "Back leaves Edit Mode", 5)
    yield from settled()
    assert (view.view_location - stand).length < 1e-5, "the view is another one than before"
    yield from folds.button('vrc_blendshape.fix_shape(shape="vrc.v_oh"', (0.75,))
    yield from until(lambda: any(row.fixed for row in state().check_results), "it is fixed", 20)
    moved = max(abs(points[number].co.x - _body().data.vertices[number].co.x) for number in feet)
    assert moved < 1e-5, f"the feet still move by {moved:.4f} m"
    yield from settled()
    yield from folds.turn("Check")
    told("the check told of every viseme, showed a fault and the way back, and fixed it")


def _left_out() -> Waiting:
    """What is said of a shape that was left out stays below the buttons until it is made weaker."""
    gate = window.module("core.quality.gate")
    checks = window.module("core.quality.checks")
    kept = gate.repair, gate.REPAIRS, checks.LIMITS
    gate.repair = lambda anatomy, name, offset, red, measures: offset
    gate.REPAIRS = replace(gate.REPAIRS, weaker=())
    checks.LIMITS = replace(checks.LIMITS, peak_mm=0.75 * 1000 * _peak("vrc.v_aa"))
    try:
        state().tuned = "vrc.v_aa"
        _body().vrc_blendshape.strength_vrc_v_aa = 1.0
        yield from button("vrc_blendshape.generate_visemes(")
        yield from until(lambda: len(state().left_out) > 0 and not state().running, "something is left out")
        shape = state().left_out[0].shape
        yield from settled()
        yield from picture("14_left_out")
        yield from button("vrc_blendshape.show_problem", (0.2, 0.3))
        yield from until(lambda: _mode() == "EDIT", "Edit Mode is entered", 20)
        yield from settled()
        yield from button("vrc_blendshape.back", (0.2, 0.3))
        yield from until(lambda: _mode() == "OBJECT", "Back leaves Edit Mode", 5)
        yield from button("vrc_blendshape.make_weaker", (0.5, 0.6))
        yield from until(lambda: shape in _keys() and not state().running, "it is made weaker")
        assert shape not in [row.shape for row in state().left_out]
    finally:
        gate.repair, gate.REPAIRS, checks.LIMITS = kept
    yield from settled()
    told(f"{shape} was left out, shown and made weaker")


def _switch_off_at_work(folds: Folds) -> Waiting:
    """The add-on is switched off while a job runs, and while a landmark is dragged; it can be switched on again."""
    index = window.module("core.vocabulary").LANDMARK_INDEX
    bpy.app.timers.unregister(window.tick)
    keys = _keys()
    yield from button("vrc_blendshape.generate_all(", (0.75,))
    yield from until(lambda: state().running, "it begins")
    task = window.module("blender.session").current().background.task
    assert (yield from window.timer_runs()), "a timer looks at the work"
    assert state().running, "it still runs"
    yield from _switch_off()
    yield from until(lambda: task.done, "the work in the background ends")
    yield from _switch_on()
    yield from _edit_landmarks(folds)
    mode = window.module("blender.session").current().landmark_mode
    before = mode.editor.landmarks.copy()
    yield from _drag(before[index["mouth_corner_l"], :3])
    assert (mode.editor.landmarks != before).any(), "the landmark follows the mouse"
    yield from _switch_off()
    window.mouse("mouseup", 1)
    yield 0.3
    yield from key("Return")
    yield from _switch_on()
    kept = window.module("blender.stored.landmarks").read([_body()])
    assert np.allclose(kept[:, :3], before[:, :3], atol=1e-6), "what was dragged is not saved"
    assert _keys() == keys, f"there are {_keys()}"
    told("switched off while it worked, the add-on left nothing behind")


def _switch_off() -> Waiting:
    """As by the tick in the preferences; nothing of the add-on is left, no timer either."""
    session = window.module("blender.session")
    overlay = session.current().overlay
    with window.at():
        bpy.ops.preferences.addon_disable(module=window.NAME)
    assert not session.exists()
    for timer in (window.module("blender.ui.state")._later, window.module("blender.jobs.training_process").watch):
        assert not bpy.app.timers.is_registered(timer), f"the timer {timer} runs"
    try:
        bpy.types.SpaceView3D.draw_handler_remove(overlay, "WINDOW")
    except ValueError:
        pass  # it has been removed
    else:
        raise AssertionError("landmarks are still drawn")
    yield from into_view()
    yield from key("Escape")
    window.area().tag_redraw()
    yield 0.5  # Blender takes operators that wait for the mouse out of its list at the next event
    assert not window.left_by_the_add_on(), window.left_by_the_add_on()
    assert not (yield from window.timer_runs()), "a timer is left"


def _switch_on() -> Waiting:
    bpy.ops.preferences.addon_enable(module=window.NAME)
    yield 0.5
    window.region("UI").active_panel_category = "VRChat"
    yield from until(lambda: state().face == "Body", "the avatar is seen again")
    yield from settled()


def _preferences() -> Waiting:
    view = window.area()
    view.type = "PREFERENCES"
    bpy.context.preferences.active_section = "ADDONS"
    bpy.context.window_manager.addon_search = "VRChat"
    yield 0.5
    bpy.ops.preferences.addon_expand(module=window.NAME)
    state().show_models = True
    view.tag_redraw()
    yield 1.0
    problems = {row.name: row.problem for row in state().models if row.problem}
    assert len(state().models) >= 2 and not problems, f"bundled models cannot be used: {problems}"
    yield from picture("10_preferences")
    state().models[0].unfolded = True
    view.tag_redraw()
    yield 1.0
    yield from picture("11_card")
    told("the preferences list the models")


def _fold_preview(folds: Folds) -> Waiting:
    """Generate unfolds it each time."""
    if state().show_preview:
        yield from folds.turn("Preview")


def _edit_landmarks(folds: Folds) -> Waiting:
    """Open the panel of landmarks and show them; it stays open."""
    yield from folds.turn("Face Landmarks")
    yield from folds.button("vrc_blendshape.edit_landmarks")
    yield from until(lambda: state().editing_landmarks == "MOVING", "the landmarks can be moved")
    yield from settled()


def _drag(point: np.ndarray) -> Waiting:
    """Press the mouse on a point of the world, metres, and move it to the right; it stays pressed."""
    x, y = _on_screen(point)
    for step in range(3):  # until it is under the mouse
        move(x + 2 - step, y)
        yield 0.15
    window.mouse("mousedown", 1)
    for step in range(1, 9):
        move(x + 2 * step, y)
        yield 0.08


def _body():
    return bpy.data.objects["Body"]


def _mode() -> str:
    """The mode of the active object."""
    return bpy.context.view_layer.objects.active.mode


def _value(name: str) -> float:
    return _body().data.shape_keys.key_blocks[name].value


def _marks(kinds: tuple[str, ...]) -> np.ndarray:
    """(n, 2) where in the window the landmarks of these kinds are seen, as the face was found last."""
    (_, analysis), *_ = window.module("blender.session").current().analysed.values()
    names = window.module("core.vocabulary").LANDMARKS
    return _on_screen(analysis.face.points[[name.startswith(kinds) for name in names], :3])


def _screen_box() -> np.ndarray:
    """(2, 2) the corners of the 3D view beside the sidebar: what is seen of the avatar."""
    view, side = window.region("WINDOW"), window.region("UI")
    return np.array([(view.x + 60, view.y + 60), (side.x - 10, view.y + view.height - 60)], float)


def _keys() -> list[str]:
    keys = _body().data.shape_keys
    return [key.name for key in keys.key_blocks] if keys else []


def _places(name: str) -> np.ndarray:
    """(V, 3) places of the vertices in a key."""
    return window.module("blender.io.mesh_io").coordinates(_body().data.shape_keys.key_blocks[name].points)


def _peak(name: str) -> float:
    """How far a key moves the vertex that it moves farthest, metres."""
    mesh_io, keys = window.module("blender.io.mesh_io"), _body().data.shape_keys
    offsets = mesh_io.coordinates(keys.key_blocks[name].points) - mesh_io.coordinates(keys.reference_key.points)
    return float(np.linalg.norm(offsets, axis=1).max())


def into_view() -> Waiting:
    """The mouse over the avatar, where keys go to the 3D view."""
    view = window.region("WINDOW")
    move(view.x + view.width * 0.3, view.y + view.height * 0.3)
    yield 0.3


def _on_screen(points: np.ndarray) -> np.ndarray:
    """(n, 2) where in the window (n, 3) points of the world, metres, are seen; (2,) for (3,)."""
    view = window.region("WINDOW")
    matrix = np.array(view.data.perspective_matrix, float)
    screen = window.module("core.geometry.camera").Screen(matrix, view.width, view.height)
    return np.array([view.x, view.y]) + screen.project(np.atleast_2d(points))[:, :2].reshape(*points.shape[:-1], 2)


def told(words: str, gap: bool = False) -> None:
    stage = window.stage or "before it"
    more = f" (longest gap of the main thread: {window.longest:.2f} s, {stage}; {window.busiest:.2f} s of work)"
    more = more if gap else ""
    print(f"ok: {words}{more}", flush=True)
