"""What a creator does with the demo avatar, step by step; each step asserts what came of it."""

from __future__ import annotations

import os
from pathlib import Path

import bpy
import numpy as np

from . import window
from .window import Folds, Waiting, button, key, move, picture, settled, state, until

FBX = Path("/mnt/ui/avatar.fbx")
AVATAR = "/mnt/ui/avatar.blend"


def tell() -> Waiting:
    """The whole story, as pauses in seconds."""
    yield from _open()
    yield from _generate_and_stop()
    yield from _generate_and_undo()
    folds = Folds()
    yield from _preview(folds)
    yield from _tune(folds)
    yield from _move_a_landmark(folds)
    yield from _check(folds)
    yield from _export(folds)
    yield from _switch_off_at_work(folds)
    yield from _preferences()


def _open() -> Waiting:
    view = bpy.context.preferences.view
    view.show_splash, view.filebrowser_display_type = False, "SCREEN"
    view.language, view.use_translate_interface = os.environ["UI_LANGUAGE"], True
    bpy.ops.preferences.addon_enable(module=window.NAME)
    bpy.app.timers.register(window.tick, persistent=True)
    bpy.ops.wm.open_mainfile(filepath=AVATAR, load_ui=False)
    yield 1.0
    space = window.area().spaces.active
    space.show_region_ui = True
    with window.at():
        bpy.ops.view3d.view_axis(type="FRONT")
    space.region_3d.view_location, space.region_3d.view_distance = (0.03, 0, 1.55), 0.36
    yield 1.5
    window.region("UI").active_panel_category = "VRChat"
    yield from until(lambda: state().face == "Body", "the avatar is seen")
    yield from settled()
    yield from picture("1_tab")
    _told("the tab is open and names the avatar")


def _generate_and_stop() -> Waiting:
    yield from button("vrc_blendshape.generate_visemes(")
    yield from until(lambda: state().running, "it begins")
    window.forget_gaps()
    yield from _into_view()
    yield from key("Escape")
    yield from until(lambda: not state().running, "Esc stops it")
    yield 0.5
    assert _keys() == [], f"Esc left {_keys()}"
    _told("Esc stopped it and nothing was changed", gap=True)


def _generate_and_undo() -> Waiting:
    for again in (False, True):
        window.forget_gaps()
        yield from button("vrc_blendshape.generate_visemes(")
        yield from until(lambda: state().fraction > 0.1, "the bar moves")
        if not again:
            yield from picture("2_bar")
        yield from until(_keys, "the keys are there")
        yield from until(lambda: not state().running, "it ends")
        visemes = list(window.module("core.vocabulary").VISEMES)
        assert _keys() == ["Basis", *visemes], _keys()
        _told("Generate Visemes made 15 keys", gap=True)
        if not again:
            yield from _into_view()
            yield from key("ctrl+z")
            yield from until(lambda: not _keys(), "one undo takes all of them back", 5)
            _told("one undo took them back")
    yield from settled()
    yield from picture("3_made")


def _preview(folds: Folds) -> Waiting:
    yield from folds.unfold("Preview")
    yield from folds.button("vrc_blendshape.show_shape(shape='vrc.v_aa')", (0.1,))
    yield from until(lambda: _body().data.shape_keys.key_blocks["vrc.v_aa"].value == 1, "aa is shown", 5)
    yield from _into_view()
    yield from settled()
    yield from picture("4_preview")
    yield from folds.button("vrc_blendshape.stop_preview", (0.75,))
    yield from until(lambda: _body().data.shape_keys.key_blocks["vrc.v_aa"].value == 0, "the preview ends", 5)
    yield from folds.fold()
    _told("aa was shown by its button and put back")


def _tune(folds: Folds) -> Waiting:
    full = _peak("vrc.v_aa")
    yield from folds.unfold("Edit One Shape")
    _body().vrc_blendshape.strength_vrc_v_aa = 0.5
    yield from folds.button("vrc_blendshape.regenerate_shape", (0.4,))
    yield from until(lambda: not state().running and _peak("vrc.v_aa") < 0.9 * full, "aa is made anew")
    yield from _into_view()
    yield from settled()
    yield from picture("5_tuning")
    share = _peak("vrc.v_aa") / full
    assert abs(share - 0.5) < 0.01, f"at half the strength aa moves {share:.2f} times as far"
    yield from folds.fold()
    _told("aa alone was made anew at half its strength")


def _move_a_landmark(folds: Folds) -> Waiting:
    index = window.module("core.vocabulary").LANDMARK_INDEX
    yield from _edit_landmarks(folds)
    yield from picture("6_landmarks")
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
    yield from folds.fold()
    _told(f"a landmark was moved by {left:.1f} mm, and the one opposite with it")


def _check(folds: Folds) -> Waiting:
    yield from folds.unfold("Check")
    yield from folds.button("vrc_blendshape.check")
    yield from until(lambda: len(state().check_results) > 0 and not state().running, "the check tells", 60)
    yield from _into_view()
    yield from settled()
    yield from picture("8_check")
    assert {row.shape for row in state().check_results} >= set(window.module("core.vocabulary").VISEMES)
    yield from folds.fold()
    _told("the check told of every viseme")


def _export(folds: Folds) -> Waiting:
    yield from folds.unfold("Export")
    yield from _into_view()
    yield from settled()
    yield from picture("9_export")
    yield from folds.button("vrc_blendshape.export_fbx")
    yield from until(lambda: window.area("FILE_BROWSER"), "the file browser opens", 10)
    yield 1.0
    browser = window.region("WINDOW", "FILE_BROWSER")
    chosen = window.area("FILE_BROWSER").spaces.active.params
    chosen.directory, chosen.filename = str(FBX.parent).encode(), FBX.name
    yield 0.5
    move(browser.x + browser.width / 2, browser.y + browser.height / 2)
    yield 0.3
    yield from key("Return")
    yield from until(lambda: FBX.is_file() and window.area(), "the file is written", 60)
    yield 1.0
    assert FBX.stat().st_size > 100_000, f"{FBX} has {FBX.stat().st_size} bytes"
    _told(f"{FBX.name} was written, {FBX.stat().st_size / 1e6:.1f} MB")


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
    _told("switched off while it worked, the add-on left nothing behind")


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
    yield from _into_view()
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
    assert [row.problem for row in state().models] == ["", ""], "both bundled models can be used"
    yield from picture("10_preferences")
    state().models[0].unfolded = True
    view.tag_redraw()
    yield 1.0
    yield from picture("11_card")
    _told("the preferences list the models")


def _edit_landmarks(folds: Folds) -> Waiting:
    """Open the panel of landmarks and show them; it stays open."""
    yield from folds.unfold("Face Landmarks")
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


def _keys() -> list[str]:
    keys = _body().data.shape_keys
    return [key.name for key in keys.key_blocks] if keys else []


def _peak(name: str) -> float:
    """How far a key moves the vertex that it moves farthest, metres."""
    mesh_io, keys = window.module("blender.io.mesh_io"), _body().data.shape_keys
    offsets = mesh_io.coordinates(keys.key_blocks[name].points) - mesh_io.coordinates(keys.reference_key.points)
    return float(np.linalg.norm(offsets, axis=1).max())


def _into_view() -> Waiting:
    """The mouse over the avatar, where keys go to the 3D view."""
    view = window.region("WINDOW")
    move(view.x + view.width * 0.3, view.y + view.height * 0.3)
    yield 0.3


def _on_screen(point: np.ndarray) -> tuple[float, float]:
    """Where in the window a point of the world, metres, is seen."""
    view = window.region("WINDOW")
    matrix = np.array(view.data.perspective_matrix, float)
    ((x, y),) = (
        window.module("core.geometry.camera").Screen(matrix, view.width, view.height).project(point[None])[:, :2]
    )
    return view.x + x, view.y + y


def _told(words: str, gap: bool = False) -> None:
    more = f" (longest gap of the main thread: {window.longest:.2f} s, {window.stage or 'before it'})" if gap else ""
    print(f"ok: {words}{more}", flush=True)
