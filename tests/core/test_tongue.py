"""A tongue that is a piece of its own takes part; a face without one is reported, not failed."""

import numpy as np
import pytest
from pieces import attached, sheet

from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.quality import report
from blendshape_addon.core.refinement import refine
from blendshape_addon.core.vocabulary import LANDMARK_INDEX


@pytest.fixture(scope="module")
def licking(face):
    """The mask with a flat tongue and a row of lower teeth behind its lips, and what the network sees of it."""
    avatar, marks = face
    lip = marks[LANDMARK_INDEX["lip_lower_inner_mid"]]
    flat, triangles = sheet(np.linspace(-0.2, 0.2, 5), np.linspace(-1.2, -0.4, 12))
    avatar = attached(avatar, flat[:, [0, 2, 1]] + lip - [0, 0.05, 0], triangles, "Tongue")
    row, triangles = sheet(np.linspace(-0.3, 0.3, 7), np.linspace(-0.3, -0.1, 3))
    avatar = attached(avatar, row + lip - [0, 0, 0.35], triangles, "Teeth")
    features = compute(avatar, marks)
    assert (features.part == Part.TONGUE).sum() == 60 and (features.part == Part.TEETH_LOWER).sum() == 21
    return avatar, features


def test_the_tip_passes_the_lips_and_the_root_stays(licking):
    avatar, features = licking
    tongue = np.flatnonzero(features.part == Part.TONGUE)
    still = np.zeros((1, len(features.index), 3), np.float32)
    (whole,) = refine.refine(FaceAnatomy(avatar, features), still.copy(), ["tongueOut"])
    z = features.positions[tongue, 2]
    lips = features.landmarks[LANDMARK_INDEX["lip_lower_outer_mid"], 2]
    assert z.max() < lips < (z + whole[tongue, 2]).max()
    assert not whole[tongue[z == z.min()]].any()
    assert not np.delete(whole, tongue, 0).any()


def test_it_moves_with_the_jaw_and_its_tip_rises_for_sounds(licking):
    avatar, features = licking
    tongue, teeth = (np.flatnonzero(features.part == p) for p in (Part.TONGUE, Part.TEETH_LOWER))
    offsets = np.zeros((3, len(features.index), 3), np.float32)
    offsets[:, teeth] = [0, -0.1, -0.02]
    rest, th, nn = refine.refine(FaceAnatomy(avatar, features), offsets, ["jawOpen", "vrc.v_th", "vrc.v_nn"])
    assert np.allclose(rest[tongue], [0, -0.1, -0.02], atol=1e-5)
    z = features.positions[tongue, 2]
    tip, root = tongue[z == z.max()], tongue[z == z.min()]
    assert th[tip, 2].min() > rest[tip, 2].max() + 0.05 and nn[tip, 1].min() > rest[tip, 1].max() + 0.03
    assert np.allclose(th[root], rest[root], atol=1e-5) and np.allclose(nn[root], rest[root], atol=1e-5)


def test_no_tongue_is_reported_and_not_failed(face):
    avatar, marks = face
    features = compute(avatar, marks)
    (row,) = report.examine(
        FaceAnatomy(avatar, features), ["tongueOut"], np.zeros((1, len(features.index), 3), np.float32), 1.0
    )
    assert row.ok and "no tongue" in row.notes[0]
