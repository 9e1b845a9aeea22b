"""What no shape may do, whatever the network proposes: one eye moving the other, skin turning inside out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core import pipeline
from blendshape_addon.core.detection.detect import Face
from blendshape_addon.core.face import slits
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry import nearest
from blendshape_addon.core.geometry.mesh import flipped
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.refinement import refine
from blendshape_addon.core.vocabulary import BLINKS


def test_what_one_eye_does_stops_at_the_nose(anatomy, features):
    offsets = np.full((3, len(features.index), 3), 0.03, np.float32)
    left, right, jaw = refine.refine(anatomy, offsets, ["eyeSquintLeft", "eyeSquintRight", "jawOpen"])
    x = features.positions[:, 0]
    assert not left[x < -0.15].any() and left[x > 0.15].all()
    assert not right[x > 0.15].any() and right[x < -0.15].all()
    assert jaw.any(1).all()


def test_motion_that_turns_skin_over_is_smoothed(anatomy, features):
    triangles = anatomy.skin
    rng = np.random.default_rng(0)
    cheek = np.abs(features.positions - [0.7, -0.8, features.positions[:, 2].mean()]).max(1) < 0.25
    rough = np.zeros((1, len(features.index), 3), np.float32)
    rough[0, cheek, :2] = rng.normal(0, 0.03, (cheek.sum(), 2))
    before = flipped(features.positions, features.positions + rough[0], triangles).sum()
    (refined,) = refine.refine(anatomy, rough.copy(), ["cheekPuff"])
    after = flipped(features.positions, features.positions + refined, triangles).sum()
    assert before > 40 and after < 0.1 * before


def test_folds_inside_the_mouth_do_not_pull_it_shut(anatomy, features):
    mouth = anatomy.mouth
    middle = len(slits.COLUMNS) // 2
    skin = features.part == Part.SKIN
    drop = np.zeros((1, len(features.index), 3), np.float32)
    drop[0, skin & (features.side[:, 0] < 0), 1] = -0.2
    triangles = anatomy.skin
    beside = np.setdiff1d(triangles[np.isin(triangles, mouth.lower).any(1)], mouth.lower)
    drop[0, beside] = np.random.default_rng(0).normal(0, 0.1, (len(beside), 3)).astype(np.float32)
    assert flipped(features.positions, features.positions + drop[0], triangles).sum() > 20
    wide = mouth.gap(features.positions + drop[0])[middle]
    (refined,) = refine.refine(anatomy, drop.copy(), ["jawOpen"])
    assert mouth.gap(features.positions + refined)[middle] > 0.97 * wide


def test_both_eyes_closed_is_the_sum_of_each(face):
    avatar, marks = face
    known = Face(marks, np.ones(len(marks)), 1.0, np.eye(3), 1.0)
    made = pipeline.generate(avatar, GenerateOptions(BLINKS, provider="cpu"), face=known)
    both, left, right = (np.zeros((len(avatar.vertices), 3)) for _ in BLINKS)
    for whole, shape in zip((both, left, right), made.shapes, strict=True):
        whole[shape.indices] = shape.deltas
    assert np.abs(left).max() > 0.03 and np.abs(right).max() > 0.03
    assert np.allclose(both, left + right, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([1, 40, 1500, 4500]))
@settings(max_examples=12, deadline=None)
def test_the_nearest_are_those_of_all_distances(seed, count, queried):
    rng = np.random.default_rng(seed)
    points, queries = rng.normal(size=(300, 3)), rng.normal(size=(queried, 3)) * [1, 3, 0.1]
    apart = np.linalg.norm(queries[:, None] - points, axis=2)
    index, distance = nearest.nearest(points, queries, count)
    assert np.allclose(distance, np.sort(apart, axis=1)[:, :count])
    assert np.allclose(np.take_along_axis(apart, index, 1), distance)
