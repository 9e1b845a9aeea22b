"""A person's face in a picture is read as MediaPipe reads it, and followed from picture to picture."""

import numpy as np
import pytest

from blendshape_addon.core.inference.face_format import OUTER_EYES, SCORES
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.face import FaceReader
from tests.faces import person

FACE, LANDMARKS, EXPECTED, NAMES = person.stored()
PICTURES = person.pictures(FACE)


@pytest.fixture(scope="module")
def reader():
    return FaceReader(provider="cpu")


@pytest.fixture(scope="module")
def readings(reader):
    return {name: reader.read(picture, reader.detect(picture)[0].region) for name, picture in PICTURES.items()}


def test_scores_are_in_the_order_of_mediapipe():
    assert NAMES == SCORES


def test_landmarks_are_those_of_mediapipe(readings):
    for name, reading in readings.items():
        across = np.linalg.norm(np.subtract(*LANDMARKS[name][list(OUTER_EYES)]))
        apart = np.linalg.norm(reading.landmarks - LANDMARKS[name], axis=1).mean() / across
        assert apart < 0.005, f"{name}: {apart:.4f} of the distance between the outer corners of the eyes"


def test_scores_are_those_of_mediapipe(readings):
    apart = np.mean([abs(reading.scores - EXPECTED[name]) for name, reading in readings.items()], axis=0)
    assert apart.max() < 0.05, SCORES[apart.argmax()]


def test_a_smile_is_read_as_a_smile(readings):
    scores = dict(zip(SCORES, readings["plain"].scores, strict=True))
    assert min(scores["mouthSmileLeft"], scores["mouthSmileRight"]) > 0.7
    assert max(scores["jawOpen"], scores["mouthFrownLeft"], scores["mouthPucker"], scores["eyeBlinkLeft"]) < 0.25
    assert readings["plain"].presence > 0.99 and readings["plain"].tongue < 0.1


def test_a_face_is_followed_and_lost(reader):
    moved = [np.roll(PICTURES["at the side"], step, axis=1) for step in (0, -8, -16)]
    reading = None
    for picture in moved:
        reading = reader.follow(picture, reading)
        near = reader.read(picture, reader.detect(picture)[0].region)
        across = np.linalg.norm(np.subtract(*near.landmarks[list(OUTER_EYES), :2]))
        assert np.linalg.norm(reading.landmarks - near.landmarks, axis=1).mean() < 0.03 * across
    assert reader.follow(np.full_like(moved[0], 128), reading) is None


def test_the_largest_of_two_faces_comes_first(reader):
    large, small = PICTURES["twice as large"], PICTURES["plain"]
    both = np.full((320, 520, 3), 90, np.uint8)
    both[:, 200:], both[80:240, 20:180] = large, small
    found = reader.detect(both)
    assert len(found) == 2
    assert found[0].low[0] > 200 > found[1].high[0]


def test_a_head_that_leans_is_turned_so(readings):
    def roll(name: str) -> float:
        height, width = PICTURES[name].shape[:2]
        points = (readings[name].landmarks - [width / 2, height / 2, 0]) * [1, -1, -1]
        (rotation,), _, _ = pose.fit(points[None])
        return float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0])))

    assert roll("mirrored") == pytest.approx(-roll("plain"), abs=2)
    assert abs(roll("leaning") - roll("plain")) > 8


def test_a_pose_is_recovered():
    numbers, face, _ = pose.rigid_points()
    vectors = np.array([[0.1, -0.4, 0.2], [0.0, 0.0, 0.0], [-0.3, 0.5, -0.1]])
    landmarks = np.zeros((3, 478, 3))
    landmarks[:, numbers] = 7 * np.einsum("fcd,kd->fkc", pose.to_matrices(vectors), face) + [30, -20, 5]
    rotations, scales, places = pose.fit(landmarks)
    assert np.allclose(pose.to_vectors(rotations), vectors, atol=1e-6)
    assert np.allclose(scales, 7) and np.allclose(places, [30, -20, 5])
    assert pose.turn(pose.to_matrices(np.array([[0, np.radians(50), 0]]))) == pytest.approx(50)
