"""A tongue that is a piece of its own comes out of the mouth; a face without one is told so, not failed."""

import numpy as np

from blendshape_addon.core import features, quality, refine
from blendshape_addon.core.mesh import Avatar
from blendshape_addon.core.parts import Part
from blendshape_addon.core.vocabulary import LANDMARK_INDEX


def with_tongue(avatar: Avatar, marks: np.ndarray) -> Avatar:
    """The mask with a flat tongue behind its lips."""
    x, z = np.meshgrid(np.linspace(-0.2, 0.2, 5), np.linspace(-1.0, -0.15, 12))
    sheet = np.stack([x, 0 * x, z], -1).reshape(-1, 3) + marks[LANDMARK_INDEX["lip_lower_inner_mid"]] - [0, 0.05, 0]
    at = np.arange(60).reshape(12, 5) + len(avatar.vertices)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
    return Avatar(
        np.concatenate([avatar.vertices, sheet]),
        np.concatenate([avatar.triangles, quads[:, :3], quads[:, [0, 2, 3]]]).astype(np.int32),
        np.concatenate([avatar.object_id, np.ones(60, int)]),
        ("Face", "Tongue"),
    )


def test_the_tip_passes_the_lips_and_the_root_stays(face):
    avatar, marks = face
    licking = with_tongue(avatar, marks)
    seen = features.compute(licking, marks)
    tongue = np.flatnonzero(seen.part == Part.TONGUE)
    assert len(tongue) == 60
    still = np.zeros((1, len(seen.index), 3), np.float32)
    (whole,) = refine.refine(licking, seen, still.copy(), ["tongueOut"])
    (half,) = refine.refine(licking, seen, still.copy(), ["tongueOut"], 0.5)
    z = seen.positions[tongue, 2]
    lips = marks[LANDMARK_INDEX["lip_lower_outer_mid"], 2]
    assert z.max() < lips < (z + whole[tongue, 2]).max()
    assert not whole[tongue[z == z.min()]].any()
    assert np.allclose(half[tongue], whole[tongue] / 2, atol=2e-3)
    assert not np.delete(whole, tongue, 0).any()


def test_no_tongue_is_said_and_not_failed(face):
    avatar, marks = face
    seen = features.compute(avatar, marks)
    (row,) = quality.examine(avatar, seen, ["tongueOut"], np.zeros((1, len(seen.index), 3), np.float32), 1.0)
    assert row.ok and "no tongue" in row.notes[0]
