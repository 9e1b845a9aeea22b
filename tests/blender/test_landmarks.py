"""Landmarks kept with the avatar, moved in the mode and used by the next run."""

from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from helpers import HEAD_CENTRE, PlantedFace, deltas, fingerprint

from blendshape_addon.blender import session
from blendshape_addon.blender.io import mesh_io
from blendshape_addon.blender.stored import landmarks
from blendshape_addon.blender.viewport import landmark_modal, landmark_overlay
from blendshape_addon.blender.viewport.landmark_events import LandmarkEventHandler
from blendshape_addon.core.detection import detect
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARK_MIRROR, LANDMARKS

operators = bpy.ops.vrc_blendshape
NOSE, CHEEK = LANDMARK_INDEX["nose_tip"], LANDMARK_INDEX["cheek_l"]
COUNT = len(LANDMARKS)


def some() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (COUNT, 4))


def test_they_move_with_the_object(figure):
    body, points = figure["body"], some()
    landmarks.keep([body], body, points)
    assert landmarks.read([body]) == pytest.approx(points)
    before = body.matrix_world.copy()
    figure["rig"].location, figure["rig"].scale = (1, 2, 3), (2, 2, 2)
    figure["rig"].rotation_euler = (0.3, 0.2, 0.1)
    bpy.context.view_layer.update()
    change = np.array(body.matrix_world @ before.inverted())
    there = landmarks.read([body])
    assert there[:, :3] == pytest.approx(points[:, :3] @ change[:3, :3].T + change[:3, 3], abs=1e-5)
    assert there[:, 3] == pytest.approx(points[:, 3])


def test_they_survive_saving_and_appending(figure, tmp_path):
    body, points, path = figure["body"], some(), str(tmp_path / "kept.blend")
    landmarks.keep([body], body, points)
    bpy.ops.wm.save_as_mainfile(filepath=path, check_existing=False)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert landmarks.read(bpy.data.objects) == pytest.approx(points)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with bpy.data.libraries.load(path) as (_, wanted):
        wanted.objects = ["Body"]
    assert landmarks.read(wanted.objects) == pytest.approx(points)


def test_only_one_object_of_an_avatar_has_them_and_they_can_be_removed(figure):
    body, hair = figure["body"], figure["hair"]
    landmarks.keep([body, hair], hair, some())
    landmarks.keep([body, hair], body, some() + 1)
    assert landmarks.holder([hair]) is None
    assert landmarks.read([hair, body]) == pytest.approx(some() + 1)
    assert operators.remove_landmarks() == {"FINISHED"}
    assert landmarks.read([hair, body]) is None
    assert mesh_io.read([body]).manual_landmarks is None


def test_what_another_version_kept_is_left_aside(figure):
    figure["body"]["vrc_blendshape_landmarks"] = {"nose_tip": [0.0, 0.0, 0.0, 1.0]}
    assert mesh_io.read([figure["body"]]).manual_landmarks is None


def test_the_next_run_uses_them_and_searches_nothing(person, monkeypatch):
    operators.generate_blink()
    found = deltas(person["Body"], "vrc.blink")
    assert operators.edit_landmarks() == {"FINISHED"}
    points = landmarks.read([person["Body"]])
    assert points.shape == (COUNT, 4)
    monkeypatch.setattr(detect, "find", lambda *a, **k: pytest.fail("searched"))
    operators.generate_blink()
    assert deltas(person["Body"], "vrc.blink") == pytest.approx(found, abs=1e-4)
    lids = [i for i, name in enumerate(LANDMARKS) if name.startswith(("lid", "eye"))]
    points[lids, 2] += 0.008
    landmarks.keep([person["Body"]], person["Body"], points)
    operators.generate_blink()
    assert abs(deltas(person["Body"], "vrc.blink") - found).max() > 1e-3


def test_placed_landmarks_that_make_no_face_cost_no_keys(figure):
    body = figure["body"]
    landmarks.keep([body], body, some())
    before = fingerprint(body)
    with pytest.raises(RuntimeError, match="The landmarks that you placed make no face"):
        operators.generate_visemes()
    assert fingerprint(body) == before


@pytest.fixture
def mode(figure):
    """Moving landmarks that lie on the figure's head."""
    objects = [figure["body"], figure["hair"]]
    points = PlantedFace(np.eye(3)).points
    session.current().landmark_mode = landmark_modal.of(
        objects, mesh_io.read(objects), np.column_stack([points, np.zeros(COUNT)])
    )
    yield session.current().landmark_mode
    landmark_modal.stop()


def test_keeping_puts_them_with_the_object_that_has_the_face(figure, mode):
    mode.editor.grab()
    at = mode.editor.landmarks[CHEEK, :3]
    mode.editor.drag(CHEEK, at + (0.004, -1, 0), np.array([0, 1.0, 0]))
    assert mode.keep() == "Body"
    kept = landmarks.read([figure["body"]])
    assert kept[CHEEK, 0] == pytest.approx(at[0] + 0.004, abs=1e-6)
    assert np.flatnonzero(kept[:, 3] == 1).tolist() == sorted([CHEEK, LANDMARK_MIRROR[CHEEK]])


def test_an_avatar_that_has_gone_keeps_nothing(figure, mode):
    bpy.data.objects.remove(figure["body"])
    with pytest.raises(InputError, match="no longer there"):
        mode.keep()


class Mouse:
    """Feeds events to the mode as Blender does, over a view from the front of 600 by 600 pixels at (100, 50) that shows
    0.3 m, with a sidebar over its right edge."""

    def __init__(self, mode) -> None:
        self.mode, self.events = mode, LandmarkEventHandler(mode)
        matrix = np.eye(4)
        matrix[:3] = [[1 / 0.15, 0, 0, 0], [0, 0, 1 / 0.15, -HEAD_CENTRE[2] / 0.15], [0, 0.1, 0, 0]]
        self.view = SimpleNamespace(
            type="WINDOW", x=100, y=50, width=600, height=600, data=SimpleNamespace(perspective_matrix=matrix)
        )
        sidebar = SimpleNamespace(type="UI", x=650, y=50, width=50, height=600)
        area = SimpleNamespace(type="VIEW_3D", regions=[self.view, sidebar])
        preferences = SimpleNamespace(system=SimpleNamespace(ui_scale=1.0))  # which Blender leaves at 0 with no window
        self.context = SimpleNamespace(screen=SimpleNamespace(areas=[area]), preferences=preferences)
        self.at = (0, 0)

    def over(self, index: int, right: int = 0, up: int = 0, **keys) -> str:
        """Move to so many pixels beside where a landmark is now."""
        place = self.mode.editor.landmarks[index, :3] - HEAD_CENTRE
        self.at = (400 + round(place[0] * 2000) + right, 350 + round(place[2] * 2000) + up)
        return self("MOUSEMOVE", "NOTHING", **keys)

    def __call__(self, kind: str, value: str = "PRESS", ctrl: bool = False, shift: bool = False) -> str:
        event = SimpleNamespace(type=kind, value=value, ctrl=ctrl, shift=shift, mouse_x=self.at[0], mouse_y=self.at[1])
        return self.events.handle(self.context, event)


@pytest.fixture
def mouse(mode):
    return Mouse(mode)


def moved(mouse, before: np.ndarray) -> list[int]:
    return np.flatnonzero((mouse.mode.editor.landmarks != before).any(1)).tolist()


def test_a_landmark_is_dragged_with_the_one_opposite_and_alone_with_shift(mouse):
    before = mouse.mode.editor.landmarks
    twin = LANDMARK_MIRROR[CHEEK]
    for shift, expected in ((False, sorted([CHEEK, twin])), (True, [CHEEK])):
        assert mouse.over(CHEEK, right=2) == "PASS_THROUGH" and mouse.mode.hovered == CHEEK
        assert mouse("LEFTMOUSE") == "RUNNING_MODAL"
        mouse.over(CHEEK, right=12, shift=shift)
        assert mouse("LEFTMOUSE", "RELEASE") == "RUNNING_MODAL"
        assert moved(mouse, before) == expected
        assert mouse.mode.editor.landmarks[CHEEK, 0] - before[CHEEK, 0] == pytest.approx(0.006, abs=0.0006)
        mouse("Z", ctrl=True)
        assert moved(mouse, before) == []


def test_escape_ends_a_drag_first_and_the_mode_then(mouse):
    before = mouse.mode.editor.landmarks
    mouse.over(NOSE)
    mouse("LEFTMOUSE")
    mouse.over(NOSE, up=9)
    assert moved(mouse, before) == [NOSE]
    assert mouse("ESC") == "RUNNING_MODAL" and moved(mouse, before) == []
    mouse.over(NOSE, up=9)
    assert moved(mouse, before) == []
    assert mouse("ESC") == "LEAVE"
    assert mouse("RET") == "KEEP"


def test_with_ctrl_the_whole_face_is_carried_and_sized(mouse):
    before = mouse.mode.editor.landmarks
    mouse.over(NOSE)
    mouse("LEFTMOUSE", ctrl=True)
    mouse.over(NOSE, right=40, ctrl=True)
    push = mouse.mode.editor.landmarks[:, :3] - before[:, :3]
    assert push == pytest.approx(np.tile([0.02, 0, 0], (COUNT, 1)), abs=0.0006)
    mouse("LEFTMOUSE", "RELEASE")
    spread = np.ptp(mouse.mode.editor.landmarks[:, 0])
    mouse("WHEELUPMOUSE", ctrl=True)
    assert np.ptp(mouse.mode.editor.landmarks[:, 0]) == pytest.approx(1.05 * spread)
    mouse("Z", ctrl=True), mouse("Z", ctrl=True)
    assert moved(mouse, before) == []


def test_looking_around_and_the_sidebar_stay_usable_and_nothing_else(mouse):
    mouse.at = (110, 60)
    assert mouse("MIDDLEMOUSE") == mouse("WHEELUPMOUSE") == mouse("NUMPAD_1") == "PASS_THROUGH"
    assert mouse("X") == mouse("TAB") == mouse("LEFTMOUSE") == "RUNNING_MODAL"
    mouse.at = (670, 300)
    assert mouse("LEFTMOUSE") == "PASS_THROUGH"


def test_no_job_starts_while_landmarks_are_moved(figure):
    shown = bpy.context.window_manager.vrc_blendshape
    assert operators.generate_visemes.poll()
    shown.editing_landmarks = "MOVING"
    try:
        assert not operators.generate_visemes.poll()
        assert operators.end_landmarks(wanted="LEAVE") == {"FINISHED"} and shown.editing_landmarks == "LEAVE"
    finally:
        shown.editing_landmarks = ""


def test_every_landmark_is_drawn_in_a_colour_with_a_rim_that_tells_how_sure_it_is(mouse):
    points, at = mouse.mode.editor.landmarks.copy(), np.zeros((COUNT, 3))
    at[:, 0] = np.arange(COUNT) * 100
    points[:3, 3] = 0, 0.99, 1
    corners, colours = landmark_overlay.discs(points, at, None, 1.0)
    of = np.round(corners[:, 0] / 100).astype(int)
    assert set(of) == set(range(COUNT)) and np.abs(corners[:, 0] - 100 * of).max() < 10
    rims = [colours[of == i][0, :3] for i in range(3)]
    assert rims[0][0] > 0.8 and max(rims[1]) < 0.1 and min(rims[2]) == 1
    held, _ = landmark_overlay.discs(points, at, CHEEK, 1.0)
    grown = np.ptp(held[of == CHEEK], axis=0)
    assert (grown > np.ptp(corners[of == CHEEK], axis=0)).all()
    assert np.ptp(held[of == LANDMARK_MIRROR[CHEEK]], axis=0) == pytest.approx(grown)
    at[5] = np.nan  # behind the eye
    assert len(landmark_overlay.discs(points, at, None, 1.0)[0]) < len(corners)


def test_names_are_words():
    assert landmark_overlay.label("lid_upper_in_l") == "lid upper in, left"
    assert landmark_overlay.label("nose_tip") == "nose tip"
