"""Landmarks placed by hand: judged as found ones are, moved over the surface, and a guess to start from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.avatar.hints import Hints
from blendshape_addon.core.detection import detect, manual
from blendshape_addon.core.detection.editing import LandmarkEditor
from blendshape_addon.core.detection.initial_guess import guess
from blendshape_addon.core.detection.parameters import SCORES
from blendshape_addon.core.detection.project import project_to_skin
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import FaceSpace, eye_centres
from blendshape_addon.core.geometry.camera import Screen
from blendshape_addon.core.geometry.triangles import closest_on_triangles, hits
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARK_MIRROR, LANDMARKS

BACK = np.array([0, 0, -1.0])
CHEEK, NOSE = LANDMARK_INDEX["cheek_l"], LANDMARK_INDEX["nose_tip"]


def rows(points: np.ndarray, confidence: float = 0.5) -> np.ndarray:
    return np.column_stack([points, np.full(len(points), confidence)])


def off_surface(avatar: Avatar, p: np.ndarray) -> float:
    return float(np.linalg.norm(closest_on_triangles(p, avatar.vertices[avatar.triangles]) - p, axis=1).min())


def in_front(point: np.ndarray, right: float = 0.0, up: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A ray from before the face backwards through `point`, moved aside."""
    return point + [right, up, 5], BACK


def test_placed_landmarks_are_taken_as_they_are_and_nothing_is_searched(face, monkeypatch):
    avatar, marks = face
    monkeypatch.setattr(detect, "find", lambda *a, **k: pytest.fail("searched"))
    analysis = pipeline.analyse(replace(avatar, manual_landmarks=rows(marks, 0.7)), provider="cpu")
    assert (analysis.face.points == marks).all() and (analysis.face.confidence == 0.7).all()
    assert analysis.face.score > SCORES.found
    assert analysis.face.eye_distance == pytest.approx(FaceSpace.of(marks).scale)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda marks: marks * [1, -1, 1], "make no face"),
        (lambda marks: marks[list(LANDMARK_MIRROR)], "make no face"),
        (lambda marks: marks * 0, "make no face"),
        (lambda marks: marks + [0, 0, 3.0], "off the mesh"),
        (lambda marks: marks * 5, "off the mesh"),
    ],
    ids=["upside down", "sides swapped", "in one point", "elsewhere", "of another size"],
)
def test_placed_landmarks_that_make_no_face_are_refused_and_given_back(face, spoilt, words):
    avatar, marks = face
    given = rows(spoilt(marks))
    with pytest.raises(FaceNotFound, match=words) as refusal:
        manual.face(replace(avatar, manual_landmarks=given))
    assert str(refusal.value).endswith(".") and (refusal.value.guess == given).all()


def test_where_nothing_was_placed_there_is_no_placed_face(face):
    assert manual.face(face[0]) is None


def test_another_place_is_another_avatar(face):
    avatar, marks = face
    a, b = (replace(avatar, manual_landmarks=rows(points)) for points in (marks, marks + 0.01))
    assert len({avatar.content, a.content, b.content}) == 3


def test_a_dragged_landmark_stays_on_the_surface_and_its_opposite_follows(face):
    avatar, marks = face
    editor = LandmarkEditor(avatar, rows(marks))
    editor.grab()
    editor.drag(CHEEK, *in_front(marks[CHEEK], right=0.1, up=0.05))
    moved = editor.landmarks
    assert moved[CHEEK, :2] == pytest.approx(marks[CHEEK, :2] + [0.1, 0.05])
    twin = LANDMARK_MIRROR[CHEEK]
    assert moved[twin, :2] == pytest.approx(marks[twin, :2] + [-0.1, 0.05], abs=0.05)
    assert max(off_surface(avatar, moved[i, :3]) for i in (CHEEK, twin)) < 1e-9
    changed = np.flatnonzero((moved != rows(marks)).any(1))
    assert set(changed) == {CHEEK, twin} and (moved[changed, 3] == 1).all()


def test_a_side_alone_and_the_middle_move_nothing_else(face):
    avatar, marks = face
    for index, alone in ((CHEEK, True), (NOSE, False)):
        editor = LandmarkEditor(avatar, rows(marks))
        editor.grab()
        editor.drag(index, *in_front(marks[index], up=0.03), alone=alone)
        assert np.flatnonzero((editor.landmarks != rows(marks)).any(1)).tolist() == [index]


def test_hair_before_the_brow_does_not_catch_it(face):
    avatar, marks = face
    hair = np.array([[-9, -9, 3], [9, -9, 3], [0, 9, 3.0]])
    count = len(avatar.vertices)
    covered = Avatar(
        np.concatenate([avatar.vertices, hair]),
        np.concatenate([avatar.triangles, [[count, count + 1, count + 2]]]).astype(np.int32),
        np.concatenate([avatar.object_id, [1, 1, 1]]), ("Face", "Hair"),
    )  # fmt: skip
    editor = LandmarkEditor(covered, rows(marks))
    editor.grab()
    editor.drag(CHEEK, *in_front(marks[CHEEK], up=0.02))
    assert off_surface(avatar, editor.landmarks[CHEEK, :3]) < 1e-9


def test_beside_the_mesh_a_landmark_keeps_its_depth(face):
    avatar, marks = face
    editor = LandmarkEditor(avatar, rows(marks))
    editor.grab()
    editor.drag(CHEEK, *in_front(marks[CHEEK], right=5), alone=True)
    assert editor.landmarks[CHEEK, :3] == pytest.approx(marks[CHEEK] + [5, 0, 0])


def test_where_there_is_no_surface_at_all_landmarks_stay(face):
    avatar, marks = face
    far = Avatar(avatar.vertices + [0, 0, 50], avatar.triangles, avatar.object_id, avatar.object_names)
    assert np.allclose(project_to_skin(far, FaceSpace.of(marks), marks), marks)


def test_moves_are_undone_one_by_one_and_a_click_is_no_move(face):
    avatar, marks = face
    editor, states = LandmarkEditor(avatar, rows(marks)), [rows(marks)]
    for up in (0.02, 0.04):
        editor.grab()
        editor.drag(CHEEK, *in_front(marks[CHEEK], up=up))
        editor.drop()
        states.append(editor.landmarks)
    editor.grab()
    editor.drop()
    while states:
        assert (editor.landmarks == states.pop()).all()
        editor.undo()
    assert (editor.landmarks == rows(marks)).all()


def test_the_whole_face_is_moved_resized_and_brought_back_onto_the_skin(face):
    avatar, marks = face
    astray = marks * 1.1 + [0.05, 0.05, 0.1]
    editor = LandmarkEditor(avatar, rows(astray))
    editor.grab()
    editor.move_all(NOSE, *in_front(marks[NOSE]))
    push = marks[NOSE] - astray[NOSE]
    assert np.allclose(editor.landmarks[:, :3], astray + push * [1, 1, 0])
    editor.grab()
    editor.resize(1 / 1.1)
    assert FaceSpace.of(editor.landmarks[:, :3]).scale == pytest.approx(1.0)
    editor.snap_to_surface()
    flat = [i for i, name in enumerate(LANDMARKS) if not name.startswith(("jaw", "chin_under"))]
    assert max(off_surface(avatar, editor.landmarks[i, :3]) for i in flat) < 1e-6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_ray_meets_a_triangle_where_their_plane_says(seed):
    random = np.random.default_rng(seed)
    corners = random.normal(size=(50, 3, 3))
    origin, direction = random.normal(size=3) * 2, random.normal(size=3)
    direction /= np.linalg.norm(direction)
    expected = []
    for a, b, c in corners:
        t, u, v = np.linalg.solve(np.stack([-direction, b - a, c - a], axis=1), origin - a)
        if t > 0 and u >= 0 and v >= 0 and u + v <= 1:
            expected.append(t)
    assert hits(origin, direction, corners) == pytest.approx(expected, rel=1e-6)


def perspective(eye: np.ndarray) -> np.ndarray:
    """(4, 4) of a camera at `eye` that looks along -z through 90 degrees, twice as wide as high."""
    near, far = 0.01, 1000.0
    lens = np.array([[0.5, 0, 0, 0], [0, 1, 0, 0], [0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)],
                     [0, 0, -1, 0]])  # fmt: skip
    place = np.eye(4)
    place[:3, 3] = -eye
    return lens @ place


FLAT = np.diag([0.5, 1, -0.001, 1])  # the same without a vanishing point


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_line_of_sight_goes_through_what_is_seen_there(seed, vanishing):
    p = np.random.default_rng(seed).uniform(-1, 1, 3)
    screen = Screen(perspective(np.array([0, 0, 3.0])) if vanishing else FLAT, 800, 400)
    x, y, _ = screen.project(p[None])[0]
    origin, direction = screen.ray(x, y)
    assert np.linalg.norm(direction) == pytest.approx(1)
    assert np.linalg.norm(np.cross(p - origin, direction)) < 1e-6
    assert (p - origin) @ direction > 0


def test_a_click_means_the_nearest_the_frontmost_of_two_or_none():
    screen = Screen(perspective(np.array([0, 0, 3.0])), 800, 400)
    points = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0, -1], [0, 0, 9.0]])
    x, y, _ = screen.project(points)[1]
    assert screen.pick(points, x + 3, y, 10) == 1
    assert screen.pick(points, 400, 200, 10) == 0
    assert screen.pick(points, 400, 300, 10) is None
    assert np.isnan(screen.project(points)[3]).all()


def box(low, high) -> Avatar:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * np.subtract(high, low) + low
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return Avatar(corners, triangles, np.zeros(8, np.int32), ("Box",))


@pytest.mark.parametrize(
    ("avatar", "head"),
    [
        (box((-0.1, -0.12, 0), (0.1, 0.12, 0.25)), (0, 0.25)),
        (box((-0.3, -0.12, 0), (0.3, 0.12, 1.75)), (1.5, 1.75)),
        (
            replace(
                box((-0.3, -0.12, 0), (0.3, 0.12, 1.75)),
                hints=Hints(head=np.array([0, 0, 1.35]), left=np.array([1.0, 0, 0]), up=np.array([0, 0, 1.0])),
            ),
            (1.35, 1.75),
        ),
    ],
    ids=["a head", "a body", "with bones"],
)
def test_a_guess_is_a_face_at_the_front_of_the_head(avatar, head):
    points = guess(avatar)
    space = FaceSpace.of(points)
    height = head[1] - head[0]
    assert head[0] < eye_centres(points)[:, 2].min() < head[1]
    assert space.rotation @ [0, -1, 0] == pytest.approx([0, 0, 1], abs=0.2)
    assert 0.15 * height < space.scale < 0.45 * height
    assert (points[:, 1] < -0.05).mean() > 0.8
    manual.face(replace(avatar, manual_landmarks=rows(points)))
