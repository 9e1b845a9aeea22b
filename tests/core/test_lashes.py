"""Lashes follow the edge of a lid as wholes, whatever the skin beside it does."""

import numpy as np
import pytest
from pieces import attached, sheet

from blendshape_addon.core.face import features
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import eye_centres, point
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.quality import report
from blendshape_addon.core.quality.checks import AMBER
from blendshape_addon.core.quality.measures import Measures
from blendshape_addon.core.refinement import lashes, refine

COLUMNS, ROWS = 15, 3


@pytest.fixture(scope="module")
def lashed(face):
    """The mask with a lash of ROWS by COLUMNS vertices on the left upper lid, row by row from the root, and a brow."""
    avatar, marks = face
    corners = [point(marks, name) for name in ("eye_inner_l", "eye_outer_l")]
    rim = np.stack([corners[0], *(point(marks, f"lid_upper_{at}_l") for at in ("in", "mid", "out")), corners[1]])
    x = np.linspace(rim[0, 0], rim[-1, 0], COLUMNS)
    root = np.stack([x, np.interp(x, rim[:, 0], rim[:, 1]), np.interp(x, rim[:, 0], rim[:, 2]) + 0.02], 1)
    _, triangles = sheet(x, np.arange(ROWS))
    lash = np.concatenate([root + row * np.array([0, 0.05, 0.04]) for row in range(ROWS)])
    avatar = attached(avatar, lash, triangles, "Eyelash")
    brow, triangles = sheet(np.linspace(-0.2, 0.2, 9), np.linspace(0.3, 0.36, 3))
    avatar = attached(avatar, brow + eye_centres(marks)[0], triangles, "Brow")
    return FaceAnatomy(avatar, features.compute(avatar, marks))


@pytest.fixture(scope="module")
def blink(lashed):
    """(1, N, 3) offsets of a blink of the left eye: the upper lid comes down, and no two of its vertices alike."""
    features = lashed.features
    offsets = np.zeros((1, len(features.index), 3), np.float32)
    near = np.clip(1.5 - 2.5 * np.linalg.norm(features.positions - eye_centres(features.landmarks)[0], axis=1), 0, 1)
    upper = (features.part == Part.SKIN) & (features.side[:, 1] > 0)
    offsets[0, upper, 1] = -0.12 * near[upper]
    rough = np.random.default_rng(0).normal(0, 0.02, offsets[0].shape)
    offsets[0] += (upper * near)[:, None] * rough
    return offsets


def _lash(anatomy, offset):
    """(ROWS, COLUMNS, 3) the lash at rest and moved."""
    own = np.flatnonzero(anatomy.features.part == Part.ATTACHED)[: ROWS * COLUMNS]
    rest = anatomy.features.positions[own]
    return (places.reshape(ROWS, COLUMNS, 3) for places in (rest, rest + offset[own]))


def _across(places):
    return np.linalg.norm(np.diff(places, axis=0), axis=-1)


def test_a_lash_keeps_its_width_and_stays_on_its_lid(lashed, blink):
    rest, moved = _lash(lashed, refine.refine(lashed, blink.copy(), ["eyeBlinkLeft"])[0])
    # At the corners, where one step of the edge moves and the next rests, it may become narrower.
    middle = slice(COLUMNS // 3, -COLUMNS // 3)
    ratio = _across(moved) / _across(rest)
    assert ratio[:, middle] == pytest.approx(1, abs=0.12) and ratio.max() < 1.2
    assert (moved - rest)[0, middle, 1].max() < -0.04


def test_a_lash_does_not_take_the_roughness_of_the_skin(lashed, blink):
    rest, moved = _lash(lashed, refine.refine(lashed, blink.copy(), ["eyeBlinkLeft"])[0])
    motion = moved - rest
    bends = np.linalg.norm(np.diff(motion, n=2, axis=1), axis=-1)
    assert np.linalg.norm(motion, axis=-1).max() > 0.05 and bends.max() < 0.04


def test_a_lash_turns_with_its_lid(lashed):
    features = lashed.features
    rim = lashed.eyes["l"].upper
    upper = (features.part == Part.SKIN) & (features.side[:, 1] > 0)
    # The skin above the edge turns forward by a quarter of a right angle about the edge's height and depth.
    turn = np.radians(22.5)
    arm = features.positions[upper, 1:] - features.positions[rim, 1:].mean(0)
    turned = arm @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    offsets = np.zeros((1, len(features.index), 3), np.float32)
    offsets[0, upper, 1:] = turned - arm
    lashes.follow_lids(lashed, offsets)
    rest, moved = _lash(lashed, offsets[0])
    before, after = (np.arctan2(places[-1, :, 2] - places[0, :, 2], places[-1, :, 1] - places[0, :, 1])
                     for places in (rest, moved))  # fmt: skip
    middle = slice(COLUMNS // 3, -COLUMNS // 3)
    assert (after - before)[middle] == pytest.approx(lashes.LASHES.turn_share * turn, abs=0.06)


def test_what_keeps_off_the_edges_of_the_lids_is_left_alone(lashed):
    offsets = np.random.default_rng(0).normal(0, 0.1, (2, len(lashed.features.index), 3)).astype(np.float32)
    moved = offsets.copy()
    lashes.follow_lids(lashed, moved)
    own = np.flatnonzero(lashed.features.part == Part.ATTACHED)
    changed = (moved != offsets).any((0, 2))
    assert changed[own[: ROWS * COLUMNS]].all() and changed.sum() == ROWS * COLUMNS


def test_lashes_that_crumple_are_reported_where_they_do(lashed):
    own = np.flatnonzero(lashed.features.part == Part.ATTACHED)
    lash = own[: ROWS * COLUMNS]
    whole, crumpled = np.zeros((2, len(lashed.features.index), 3), np.float32)
    whole[own, 1] = crumpled[own, 1] = -0.1
    # Every other vertex of the lash lags behind.
    crumpled[lash[::2], 1] = -0.02
    good, bad = (report.examine(lashed, ["eyeBlinkLeft"], offset[None], 1.0)[0] for offset in (whole, crumpled))
    assert good.values["lash_stretch"] == pytest.approx(1, abs=0.01) and "lashes" not in good.grades
    assert bad.grades["lashes"] == AMBER and bad.values["lash_stretch"] > 2
    assert str(bad.sentences["lashes"]).startswith("lashes or brows crumple: their edges become ")
    found = report.where(Measures(lashed), "lashes", "eyeBlinkLeft", crumpled)
    assert len(found) and np.isin(found, lashed.features.index[lash]).all()


def test_a_brow_bends_with_the_skin_and_takes_no_waves_from_it():
    x, y = np.meshgrid(np.linspace(0.3, 0.7, 15), np.linspace(0.4, 0.46, 3))
    rest = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1)
    arched = np.stack([0 * rest[:, 0], 0.1 - 2 * (rest[:, 0] - 0.5) ** 2, 0 * rest[:, 0]], 1)
    waves = 0.02 * (-1.0) ** np.arange(len(rest))[:, None] * [0, 1, 0]
    smooth = lashes.without_waves(rest, (arched + waves)[None])[0]
    assert np.abs(smooth - arched).max() < 0.005


def test_one_brow_of_a_piece_of_both_moves_alone():
    side = np.linspace(0.3, 0.7, 20)
    rest = np.stack([np.concatenate([-side, side]), np.full(40, 0.4), np.zeros(40)], 1)
    raised = np.where(rest[:, :1] > 0, [[0, 0.1, 0]], 0.0)
    assert np.allclose(lashes.without_waves(rest, raised[None])[0], raised, atol=1e-6)
