"""What no shape may do, whatever the network proposes: one eye moving the other, skin turning inside out."""

import numpy as np
import pytest

from blendshape_addon.core import features, refine
from blendshape_addon.core.mesh import flipped


@pytest.fixture(scope="module")
def seen(face):
    return features.compute(*face)


def test_what_one_eye_does_stops_at_the_nose(face, seen):
    offsets = np.full((3, len(seen.index), 3), 0.03, np.float32)
    left, right, jaw = refine.refine(face[0], seen, offsets, ["eyeSquintLeft", "eyeSquintRight", "jawOpen"])
    x = seen.positions[:, 0]
    assert not left[x < -0.15].any() and left[x > 0.15].all()
    assert not right[x > 0.15].any() and right[x < -0.15].all()
    assert jaw.any(1).all()


def test_both_eyes_closed_is_the_sum_of_each(face, seen):
    names = ["vrc.blink_left", "vrc.blink_right", "vrc.blink"]
    offsets = np.zeros((3, len(seen.index), 3), np.float32)
    for number, s in enumerate("lr"):
        upper = seen.side[:, 1 + number] > 0
        centre = seen.landmarks.mean(0) * 0 + [0.5 if s == "l" else -0.5, 0.05, 0]
        near = np.exp(-((seen.positions - centre)[:, :2] ** 2).sum(1) / 0.06) * upper
        offsets[number, :, 1] = -0.12 * near
    offsets[2] = offsets[0] + offsets[1]
    left, right, both = refine.refine(face[0], seen, offsets, names)
    assert np.abs(left).max() > 0.05 and np.allclose(both, left + right, atol=1e-4)


def test_motion_that_turns_skin_over_is_calmed(face, seen):
    triangles = seen.skin_triangles(face[0])
    rng = np.random.default_rng(0)
    cheek = np.abs(seen.positions - [0.7, -0.8, seen.positions[:, 2].mean()]).max(1) < 0.25
    rough = np.zeros((1, len(seen.index), 3), np.float32)
    rough[0, cheek, :2] = rng.normal(0, 0.03, (cheek.sum(), 2))
    before = flipped(seen.positions, seen.positions + rough[0], triangles).sum()
    (calm,) = refine.refine(face[0], seen, rough.copy(), ["cheekPuff"])
    after = flipped(seen.positions, seen.positions + calm, triangles).sum()
    assert before > 40 and after < 0.1 * before
