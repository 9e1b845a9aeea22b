"""Faces are found on anything that has one, from any side and in any unit, and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from real_rigs import DATA, FACELESS, FACES, avatar_of, truth_of

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.avatar.hints import Hints, collect
from blendshape_addon.core.detection.detect import Face, find, plausibility
from blendshape_addon.core.detection.project import project_to_skin
from blendshape_addon.core.errors import Cancelled, FaceNotFound
from blendshape_addon.core.face.face_space import FaceSpace, eye_centres
from blendshape_addon.core.geometry.triangles import closest_on_triangles
from blendshape_addon.core.vocabulary import LANDMARKS
from tests import faces

BLENDER = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0.0]])  # y up, +z forward to z up, -y forward

real = pytest.mark.skipif(not FACES, reason=f"no rigs in {DATA}: set VRC_BLENDSHAPE_DATA to their folder")


KNOWN = (*faces.NAMES, *(p.name for p in FACES))  # those that ship with the tests, and the rigs


def known(name: str, place: np.ndarray | None = None) -> tuple[Avatar, np.ndarray]:
    """One of KNOWN through a (3, 3) map of space, and its true (L, 3) landmarks."""
    place = np.eye(3) if place is None else place
    if name in faces.NAMES:
        face = faces.load(name).placed(place)
        return face.avatar, face.landmarks
    folder = next(p for p in FACES if p.name == name)
    return avatar_of(folder, place), truth_of(folder, place)


@cache
def found_as_it_is(name: str) -> Face:
    """The face of one of KNOWN in its own space, searched for once."""
    return find(known(name)[0])


def tilt(degrees: float, axis: int) -> np.ndarray:
    a, b = [i for i in range(3) if i != axis]
    turn = np.eye(3)
    turn[[a, b], [a, b]] = np.cos(np.radians(degrees))
    turn[a, b], turn[b, a] = -np.sin(np.radians(degrees)), np.sin(np.radians(degrees))
    return turn


@pytest.mark.parametrize("name", KNOWN)
def test_every_face_is_found_as_blender_imports_it(name: str) -> None:
    avatar, truth = known(name, BLENDER)
    face = find(avatar)
    space = FaceSpace.of(truth)
    error = np.linalg.norm(face.points - truth, axis=1) / space.scale
    assert np.median(error) < 0.06
    assert np.quantile(error, 0.95) < 0.25
    assert face.eye_distance == pytest.approx(space.scale, rel=0.1)
    assert np.diag(face.frame @ space.rotation.T).min() > 0.97  # within 14 degrees of the labelled frame
    assert face.points.shape == (len(LANDMARKS), 3) and face.confidence.shape == (len(LANDMARKS),)
    assert face.confidence.min() >= 0 and face.confidence.max() <= 1


@pytest.mark.parametrize("name", faces.NAMES)
@pytest.mark.parametrize(
    "place",
    [
        None,  # glTF: y up, +z forward
        100 * np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0.0]]),  # facing +x, z up, in centimetres
        np.array([[-1, 0, 0], [0, -1, 0], [0, 0, 1.0]]),  # standing on its head
        0.01 * np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0.0]]),  # lying on its side
        tilt(15, 0) @ tilt(-12, 2) @ BLENDER,  # an object left rotated
    ],
    ids=["gltf", "sideways", "upside down", "lying", "tilted"],
)
def test_axes_units_and_tilt_do_not_matter(name: str, place: np.ndarray | None) -> None:
    avatar, truth = known(name, place)
    face = found_as_it_is(name) if place is None else find(avatar)
    error = np.linalg.norm(face.points - truth, axis=1) / FaceSpace.of(truth).scale
    assert np.median(error) < 0.06


@pytest.mark.parametrize("name", [name for name in KNOWN if name in ("proxy", "base_hm08")])
def test_landmarks_lie_on_the_skin(name: str) -> None:
    avatar, _ = known(name)
    body = next(n for n, part in enumerate(avatar.object_names) if part.lower() == "body")
    skin = avatar.triangles[avatar.object_id[avatar.triangles[:, 0]] == body]
    face = found_as_it_is(name)
    for p in face.points:
        on = closest_on_triangles(p, avatar.vertices[skin])
        assert np.linalg.norm(on - p, axis=1).min() < 1e-6


@real
@pytest.mark.parametrize("folder", FACELESS, ids=lambda p: p.name)
def test_a_body_without_a_face_is_refused_in_a_sentence(folder: Path) -> None:
    with pytest.raises(FaceNotFound) as refusal:
        find(avatar_of(folder))
    assert str(refusal.value).endswith(".") and "face" in str(refusal.value)


@pytest.mark.parametrize("name", [name for name in KNOWN if name in ("proxy", "Male_Adult_08")])
def test_a_body_cut_below_the_chin_is_refused(name: str) -> None:
    avatar, truth = known(name)
    chin = truth[LANDMARKS.index("chin_under"), 1]
    kept = avatar.triangles[(avatar.vertices[avatar.triangles][:, :, 1] < chin - 0.01).all(1)]
    with pytest.raises(FaceNotFound):
        find(Avatar(avatar.vertices, kept, avatar.object_id, avatar.object_names))


def box(low: tuple[float, ...], high: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    triangles = [t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))]
    return np.array(low) + corners * (np.array(high) - low), np.array(triangles)


def chair() -> Avatar:
    legs = [box((x, 0, z), (x + 0.05, 0.45, z + 0.05)) for x in (0, 0.4) for z in (0, 0.4)]
    boxes = [*legs, box((0, 0.45, 0), (0.45, 0.5, 0.45)), box((0, 0.5, 0), (0.45, 1.0, 0.05))]
    vertices = np.concatenate([v for v, _ in boxes])
    triangles = np.concatenate([t + 8 * n for n, (_, t) in enumerate(boxes)]).astype(np.int32)
    return Avatar(vertices, triangles, np.zeros(len(vertices), np.int32), ("chair",))


def ball() -> Avatar:
    u, v = np.meshgrid(np.linspace(0, np.pi, 24), np.linspace(0, 2 * np.pi, 48, endpoint=False), indexing="ij")
    points = np.stack([np.sin(u) * np.cos(v), np.cos(u), np.sin(u) * np.sin(v)], -1).reshape(-1, 3)
    at = np.arange(24 * 48).reshape(24, 48)
    a, b, c, d = at[:-1], np.roll(at, -1, 1)[:-1], at[1:], np.roll(at, -1, 1)[1:]
    triangles = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    return Avatar(points, triangles.astype(np.int32), np.zeros(len(points), np.int32), ("ball",))


def squeezed(thing: Avatar, *scale: float) -> Avatar:
    return replace(thing, vertices=thing.vertices * scale)


@pytest.mark.filterwarnings("error")  # of sums that are no numbers
@pytest.mark.parametrize(
    "thing",
    [chair(), ball(), squeezed(ball(), 1, 1, 0), squeezed(ball(), 0, 0, 0)],
    ids=["chair", "ball", "disc", "point"],
)
def test_furniture_is_refused_with_a_guess_for_someone_to_correct(thing: Avatar) -> None:
    with pytest.raises(FaceNotFound) as refusal:
        find(thing)
    guess = refusal.value.guess
    assert guess.shape == (len(LANDMARKS), 4) and np.isfinite(guess).all()
    assert guess[:, 3].min() >= 0 and guess[:, 3].max() < 1


def shown_on(thing: Avatar, keys: tuple[str, ...]) -> Avatar:
    """`thing`, a ball of radius 1, with keys that move small places of it: two eyes and a mouth towards +z."""
    centres = {"blink_left": [0.35, 0.2, 0.9], "blink_right": [-0.35, 0.2, 0.9], "mouth_open": [0, -0.4, 0.9]}
    pushes = {name: np.exp(-((thing.vertices - centres[name]) ** 2).sum(1) / 0.01)[:, None] for name in keys}
    keys = [(name, thing.vertices, push * [0, -0.05, 0]) for name, push in pushes.items()]
    return replace(thing, hints=collect({}, keys, []))


def test_rough_keys_show_a_face_that_cannot_be_seen() -> None:
    face = find(shown_on(ball(), ("blink_left", "blink_right", "mouth_open")))
    assert np.abs(eye_centres(face.points) - [[0.35, 0.2, 0.9], [-0.35, 0.2, 0.9]]).max() < 0.12
    assert np.allclose(face.frame, np.eye(3), atol=0.2)
    assert face.score < 0.6


def test_one_eye_and_a_mouth_are_not_enough_and_the_refusal_says_what_is() -> None:
    with pytest.raises(FaceNotFound, match="blink_left, blink_right and mouth_open"):
        find(shown_on(ball(), ("blink_left", "mouth_open")))


@pytest.mark.parametrize("name", [name for name in KNOWN if name in (*faces.NAMES, "Male_Adult_08")])
def test_misleading_hints_do_not_hide_a_face(name: str) -> None:
    avatar, truth = known(name, BLENDER)
    scale = FaceSpace.of(truth).scale
    wrong = Hints(eyes=eye_centres(truth) - [0, 0, 9 * scale], sided=True, mouth=truth.mean(0) - [0, 0, 10 * scale],
                  head=np.array([0, 0, 1.0]), left=np.array([-1.0, 0, 0]), up=np.array([0, 0, -1.0]))  # fmt: skip
    face = find(replace(avatar, hints=wrong))
    assert np.median(np.linalg.norm(face.points - truth, axis=1)) < 0.06 * scale


def test_the_search_can_be_cancelled() -> None:
    def stop(fraction: float, stage: str) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        find(ball(), progress=stop)


def test_lift_brings_points_to_the_skin_and_not_to_an_eye(face: tuple[Avatar, np.ndarray]) -> None:
    avatar, marks = face
    eye = ball()
    for side in "lr":  # eyeballs stand a little in front of the mask
        middle = marks[[LANDMARKS.index(f"{n}_{side}") for n in ("eye_inner", "eye_outer")]].mean(0)
        vertices = np.concatenate([avatar.vertices, eye.vertices * 0.17 + middle - [0, 0, 0.1]])
        triangles = np.concatenate([avatar.triangles, eye.triangles + len(avatar.vertices)])
        avatar = Avatar(vertices, triangles, np.zeros(len(vertices), np.int32), ("Face",))
    skin = np.arange(len(face[0].vertices))
    off = marks + np.random.default_rng(0).normal(0, 0.01, marks.shape)
    on = project_to_skin(avatar, FaceSpace.of(marks), off)
    flat = [i for i, name in enumerate(LANDMARKS) if not name.startswith("jaw")]  # the mask ends before the jaw's angle
    for p in on[flat]:
        near = closest_on_triangles(p, avatar.vertices[avatar.triangles[(avatar.triangles < len(skin)).all(1)]])
        assert np.linalg.norm(near - p, axis=1).min() < 1e-6
    assert np.linalg.norm((on - off)[flat, :2], axis=1).max() < 0.15


def test_a_jumble_of_points_is_no_face(face: tuple[Avatar, np.ndarray]) -> None:
    marks = face[1]
    still = np.zeros(len(marks))
    assert plausibility(marks, still) > 0.9
    assert plausibility(marks[np.random.default_rng(0).permutation(len(marks))], still) < 0.3
    assert plausibility(marks * [1, -1, 1], still) < 0.3
    assert plausibility(marks, still + 0.3) < 0.3
