"""Teeth keep to skull and jaw in one style and follow the lips in another."""

from dataclasses import replace

import numpy as np
import pytest
from pieces import attached, sheet

from blendshape_addon.core.face import colliders
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.refinement import refine
from blendshape_addon.core.vocabulary import LANDMARK_INDEX


@pytest.fixture(scope="module")
def toothed(face):
    """The mask with two rows of teeth and a tongue between them."""
    return with_teeth(face, -0.3)


def with_teeth(face, depth):
    """The mask with a tongue between two rows of teeth, the upper one so far before the lips."""
    avatar, marks = face
    upper, lower = (marks[LANDMARK_INDEX[f"lip_{side}_inner_mid"]] for side in ("upper", "lower"))
    row, triangles = sheet(np.linspace(-0.3, 0.3, 7), np.linspace(0, 0.2, 3))
    avatar = attached(avatar, row + upper + [0, 0.02, depth], triangles, "Teeth upper")
    avatar = attached(avatar, row + lower - [0, 0.22, 0.35], triangles, "Teeth lower")
    flat, triangles = sheet(np.linspace(-0.2, 0.2, 5), np.linspace(-1.2, -0.5, 12))
    avatar = attached(avatar, flat[:, [0, 2, 1]] + lower - [0, 0.05, 0], triangles, "Tongue")
    return FaceAnatomy(avatar, compute(avatar, marks))


def smile(anatomy):
    """(N, 3) offsets of a mouth that becomes wider by two fifths, its upper lip raised and its jaw turned open."""
    features, mouth = anatomy.features, anatomy.mouth
    offset = np.zeros((len(features.index), 3), np.float32)
    skin, half = features.part == Part.SKIN, (mouth.ends[1] - mouth.ends[0]) / 2
    offset[skin, 0] = 0.4 * (features.positions[skin, 0] - mouth.ends.mean())
    offset[skin & (features.side[:, 0] > 0), 1] = 0.3 * half
    lower = features.part == Part.TEETH_LOWER
    arm = features.positions[lower] - features.positions[lower].mean(0)
    offset[lower] = np.stack([0 * arm[:, 0], -0.2 - 0.3 * arm[:, 2], 0.3 * arm[:, 1]], 1)
    return offset


def refined(anatomy, name, soft):
    return refine.refine(anatomy, smile(anatomy)[None], [name], soft_mouth=soft)[0]


def width(anatomy, part, offset):
    return np.ptp((anatomy.features.positions + offset)[anatomy.features.part == part, 0])


def test_teeth_keep_to_skull_and_jaw(toothed):
    for name, soft in (("joy", 0.0), ("mouthSmileLeft", 1.0)):  # units are layered, and their teeth stay rigid
        offset = refined(toothed, name, soft)
        assert not offset[toothed.features.part == Part.TEETH_UPPER].any()
        assert np.isclose(width(toothed, Part.TEETH_LOWER, offset), width(toothed, Part.TEETH_LOWER, 0), rtol=1e-3)


def test_teeth_of_a_soft_mouth_widen_and_rise_with_the_lips(toothed):
    part = toothed.features.part
    offset = refined(toothed, "joy", 1.0)
    for row in (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE):
        assert 1.2 < width(toothed, row, offset) / width(toothed, row, 0) < 1.5
    rise = offset[part == Part.TEETH_UPPER, 1]
    assert rise.min() > 0.02 and np.ptp(rise) < 1e-5
    half = refined(toothed, "joy", 0.5)
    assert 0 < half[part == Part.TEETH_UPPER, 1].mean() < rise.mean()


def test_the_tongue_of_a_soft_mouth_stays_at_its_root(toothed):
    tongue = toothed.features.part == Part.TONGUE
    z = toothed.features.positions[tongue, 2]
    stiff, soft = (np.linalg.norm(refined(toothed, "joy", share)[tongue, 1:], axis=1) for share in (0.0, 1.0))
    assert soft[z == z.min()].max() < 0.3 * stiff[z == z.min()].min()
    assert soft[z == z.max()].min() > 0.1


def test_teeth_that_are_a_shell_before_the_lips_follow_them_wholly(toothed, face):
    # Lips that lie in a hollow, so that teeth close behind the skin reach before the line between them.
    avatar, marks = face
    marks = marks.copy()
    marks[[LANDMARK_INDEX[f"lip_{side}_inner_mid"] for side in ("upper", "lower")], 2] -= 0.25
    shell = with_teeth((avatar, marks), 0.15)
    part = shell.features.part
    offset, wholly = (refined(shell, "joy", soft) for soft in (0.3, 1.0))
    assert np.allclose(offset, wholly, atol=1e-4)
    assert not refined(shell, "joy", 0.0)[part == Part.TEETH_UPPER].any()  # not in a style with a skull's teeth
    behind = width(toothed, Part.TEETH_UPPER, refined(toothed, "joy", 0.3)) / width(toothed, Part.TEETH_UPPER, 0)
    assert width(shell, Part.TEETH_UPPER, offset) / width(shell, Part.TEETH_UPPER, 0) > behind + 0.1


def test_the_floor_of_the_mouth_is_no_lip_that_teeth_hold_back(toothed):
    features = toothed.features
    teeth = features.triangles(toothed.avatar, Part.TEETH_UPPER, Part.TEETH_LOWER)
    lips = colliders.teeth(features, teeth).skin
    floor = lips[len(lips) // 2]
    positions = features.positions.copy()
    positions[floor, 2] -= 0.6
    kept = colliders.teeth(replace(features, positions=positions), teeth).skin
    assert len(lips) > 50 and set(lips) - set(kept) == {floor}
