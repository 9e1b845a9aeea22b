"""Heads for the face finder: what is drawn stays a face where the labels say, and blank heads have none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core.detection.detect import plausibility
from blendshape_addon.core.face.face_space import canonical_landmarks
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARK_MIRROR
from training.data.toon import proportions
from training.landmarks import extras
from training.landmarks.toon_heads import toon_head

MARKS = canonical_landmarks()


def head() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An egg that most landmarks lie near: vertices, triangles, pieces."""
    vertices, triangles = extras.ellipsoid(np.array([0, -0.5, -1.0]), np.array([1.1, 1.6, 1.25]))
    return vertices, triangles, np.zeros(len(triangles), int)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_toon_proportions_make_a_face_alike_on_both_sides(seed: int) -> None:
    out = proportions(MARKS, np.random.default_rng(seed))
    assert np.allclose(out[list(LANDMARK_MIRROR)] * [-1, 1, 1], out)
    assert plausibility(out, np.zeros(len(out))) > 0.9


@pytest.mark.parametrize("seed", range(12))
def test_a_toon_head_shows_its_features_at_the_landmarks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (vertices, triangles, piece), marks = toon_head(*head(), MARKS, rng)
    assert len(piece) == len(triangles) and triangles.max() < len(vertices)
    assert np.allclose(marks[:, :2], MARKS[:, :2])
    picture = rasterise((vertices - [0, -0.4, 0]) / 1.75, triangles, 192)
    shown = np.where(picture.mask, piece[picture.triangle], -1)
    for side in "lr":
        x, y = MARKS[[LANDMARK_INDEX[f"eye_{end}_{side}"] for end in ("inner", "outer")], :2].mean(0) / 1.75
        row, column = int((1 - y - 0.4 / 1.75) * 96), int((x + 1) * 96)
        around = shown[row - 14 : row + 15, column - 18 : column + 19]
        relief = np.ptp(picture.depth[row - 8 : row + 9, column])
        assert len(np.unique(around)) > 1 or relief > 0.01, "an eye is neither drawn nor let in"


def test_every_solid_added_is_a_piece_of_its_own() -> None:
    vertices, triangles, piece = head()
    solids = extras.attire(MARKS, np.random.default_rng(3), 1.0) + extras.drawn_features(
        MARKS, np.random.default_rng(4)
    )
    joined = extras.join(vertices, triangles, piece, solids)
    assert len(np.unique(joined[2])) == 1 + len(solids)
    assert len(joined[1]) == len(joined[2]) and joined[1].max() < len(joined[0])
    for number, (points, _) in enumerate(solids, 1):
        used = np.unique(joined[1][joined[2] == number])
        assert np.isin(joined[0][used], points).all()
