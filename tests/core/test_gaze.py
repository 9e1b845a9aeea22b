"""Eyeballs turn about their centres, and only when a shape asks them to."""

import numpy as np
import pytest
from pieces import attached, ball, sheet

from blendshape_addon.core.expressions import Gaze
from blendshape_addon.core.face.face_space import eye_centres
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.refinement import gaze
from blendshape_addon.core.refinement.parameters import EYE_TURN

NAMES = ["eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeLookDownLeft", "eyeLookInRight", "jawOpen"]


def eyes(face, vertices, triangles, behind):
    avatar, marks = face
    for centre in eye_centres(marks):
        avatar = attached(avatar, vertices + centre - [0, 0, behind], triangles, "Eye")
    return compute(avatar, marks)


def test_a_ball_turns_by_the_angle_of_its_shape(face):
    radius = 0.2
    features = eyes(face, *ball(radius), behind=0.22)
    left = np.flatnonzero((features.part == Part.EYE) & (features.positions[:, 0] > 0))
    right = np.flatnonzero((features.part == Part.EYE) & (features.positions[:, 0] < 0))
    assert len(left) == len(right) == len(ball(radius)[0])
    rng = np.random.default_rng(0)
    offsets = rng.normal(0, 0.02, (len(NAMES), len(features.index), 3)).astype(np.float32)
    gaze.turn_eyes(features, offsets, NAMES)
    pupil = left[features.positions[left, 2].argmax()]
    way = {name: offset[pupil] for name, offset in zip(NAMES, offsets, strict=True)}
    for name, axis, sign in (("In", 0, -1), ("Out", 0, 1), ("Up", 1, 1), ("Down", 1, -1)):
        angle = np.degrees(np.arcsin(way[f"eyeLook{name}Left"][axis] * sign / radius))
        assert angle == pytest.approx(EYE_TURN.angles[Gaze(name)], rel=0.05)
    turned = features.positions[left] + offsets[0, left]
    span = np.linalg.norm(features.positions[left][:, None] - features.positions[left][None], axis=2)
    assert np.allclose(np.linalg.norm(turned[:, None] - turned[None], axis=2), span, atol=1e-5)
    assert offsets[4, right[features.positions[right, 2].argmax()], 0] > 0  # the right eye's nose is to its left
    assert not offsets[0, right].any() and not offsets[5, np.r_[left, right]].any()


def test_a_flat_iris_slides_towards_where_it_looks(face):
    iris, triangles = sheet(np.linspace(-0.18, 0.18, 6), np.linspace(-0.12, 0.12, 6))
    features = eyes(face, iris, triangles, behind=0.06)
    left = np.flatnonzero((features.part == Part.EYE) & (features.positions[:, 0] > 0))
    assert len(left) == len(iris)
    offsets = np.zeros((1, len(features.index), 3), np.float32)
    gaze.turn_eyes(features, offsets, ["eyeLookOutLeft"])
    assert offsets[0, left, 0].mean() > 0.03 and np.abs(offsets[0, left, 1]).max() < 0.01
