"""Lips of few vertices stay smooth, those of many keep what was learned."""

import numpy as np
import pytest
from pieces import mask

from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.refinement.lip_smoothing import lip_edges, smooth_lips


@pytest.fixture(scope="module")
def coarse():
    avatar, marks = mask(columns=31, rows=25)
    return FaceAnatomy(avatar, compute(avatar, marks))


def arc_and_sign(anatomy):
    """(N,) a smooth arc over the mouth, 0 at its corners and beyond, and 1 or -1 by turns from column to column."""
    x = anatomy.features.positions[:, 0]
    columns = np.unique(x.round(4), return_inverse=True)[1].reshape(-1)
    return np.clip(1 - (2 * anatomy.mouth.u(anatomy.features.positions) - 1) ** 2, 0, 1), (-1.0) ** columns


def jagged(anatomy):
    """(1, N, 3) an opening whose lower lip drops by the arc and, from column to column, a tenth more or less."""
    features, (arc, sign) = anatomy.features, arc_and_sign(anatomy)
    lower = (features.part == Part.SKIN) & (features.side[:, 0] < 0)
    drop = np.zeros((1, len(arc), 3), np.float32)
    drop[0, lower, 1] = (-0.2 * arc * (1 + 0.1 * sign))[lower]
    return drop


def jag(anatomy, offset):
    """By how much columns by turns drop more than the ones beside them, over the arc, in the middle of the mouth."""
    edge, (arc, sign) = lip_edges(anatomy), arc_and_sign(anatomy)
    edge = edge[(anatomy.features.side[edge, 0] < 0) & (arc[edge] > 0.5)]
    more, less = (np.mean((offset[:, 1] / np.maximum(arc, 0.1))[edge[sign[edge] == one]]) for one in (1, -1))
    return abs(more - less)


def test_jags_of_coarse_lips_go_and_the_opening_stays(coarse):
    offsets = jagged(coarse)
    before = offsets.copy()
    smooth_lips(coarse, offsets, ["vrc.v_aa"])
    assert jag(coarse, offsets[0]) < 0.4 * jag(coarse, before[0])
    rest, middle = coarse.features.positions, slice(6, 9)
    opening = [coarse.mouth.gap(rest + one[0])[middle].mean() for one in (before, offsets)]
    assert 0.85 < opening[1] / opening[0] < 1.15
    upper = coarse.mouth.upper
    assert np.abs(offsets[0, upper]).max() < 0.1 * np.abs(before).max()


def test_units_that_are_layered_stay_as_they_are(coarse):
    offsets = jagged(coarse)
    before = offsets.copy()
    smooth_lips(coarse, offsets, ["jawOpen"])
    assert (offsets == before).all()


def test_the_edges_of_lips_hold_the_rims_and_nothing_far_from_them(coarse):
    edges, mouth = lip_edges(coarse), coarse.mouth
    assert np.isin(np.concatenate([mouth.upper, mouth.lower]), edges).all()
    away = coarse.features.positions[edges] - mouth.corners.mean(0)
    assert np.abs(away[:, 0]).max() <= (mouth.ends[1] - mouth.ends[0]) / 2 and np.abs(away[:, 1]).max() < 0.1
