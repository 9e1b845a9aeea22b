"""A mouth that is a flat piece on closed skin opens by its own edges; teeth behind a real slit are no such thing."""

import numpy as np
import pytest
from pieces import attached, sheet

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection.detect import Face
from blendshape_addon.core.face import slits
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.quality import report
from blendshape_addon.core.vocabulary import LANDMARK_INDEX


@pytest.fixture(scope="module")
def toon(face):
    """The mask with its slit sewn up and a thin card before it, and the card's vertices."""
    avatar, marks = face
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"]]
    slit = np.abs(avatar.vertices[:, 1] - seam[1]) < 0.01
    sewn = avatar.vertices.copy()
    sewn[slit, 1] = sewn[slit, 1].mean()
    sealed = Avatar(sewn, avatar.triangles, avatar.object_id, avatar.object_names)
    corner = marks[LANDMARK_INDEX["mouth_corner_l"], 0]
    card, triangles = sheet(np.linspace(-corner, corner, 9), np.linspace(-0.008, 0.008, 3))
    card[:, 1] += seam[1]
    near = np.linalg.norm((sewn[None, :, :2] - card[:, None, :2]), axis=2).argmin(1)
    card[:, 2] = sewn[near, 2] + 0.01
    return attached(sealed, card, triangles, "Mouth"), marks, len(sewn)


def test_its_edges_are_its_lips(toon):
    avatar, marks, first = toon
    features = compute(avatar, marks)
    card = features.index >= first
    assert np.array_equal(features.drawn, card) and (features.part[card] == Part.SKIN).all()
    assert sorted(set(features.side[card, 0].round(3))) == [-1, 0, 1]


def test_it_opens_for_aa_and_closes_for_pp(toon):
    avatar, marks, _ = toon
    known = Face(marks, np.ones(len(marks)), 1.0, np.eye(3), 1.0)
    made = pipeline.generate(avatar, GenerateOptions(["vrc.v_pp", "vrc.v_aa"], provider="cpu"), face=known)
    assert made.report["ok"], [row["notes"] for row in made.report["shapes"]]
    features = compute(avatar, marks)
    mouth = slits.find_slit(features, 0)
    middle = np.abs(slits.COLUMNS - 0.5) < 0.2
    closed, opened = (avatar.vertices.copy() for _ in range(2))
    for moved, shape in zip((closed, opened), made.shapes, strict=True):
        moved[shape.indices] += shape.deltas
    gaps = [mouth.gap(moved[features.index])[middle].mean() * EYE_DISTANCE_MM for moved in (closed, opened)]
    assert gaps[0] < 0.3 and gaps[1] > 4


def test_teeth_behind_a_slit_are_not_drawn(face):
    avatar, marks = face
    row, triangles = sheet(np.linspace(-0.3, 0.3, 7), np.linspace(-0.02, 0.2, 3))
    toothed = attached(avatar, row + marks[LANDMARK_INDEX["lip_upper_inner_mid"]] - [0, 0, 0.2], triangles, "Teeth")
    assert not compute(toothed, marks).drawn.any()


def test_sealed_lips_are_reported_and_not_failed(toon):
    avatar, marks, first = toon
    own = (avatar.triangles < first).all(1)
    bare = Avatar(avatar.vertices[:first], avatar.triangles[own], avatar.object_id[:first], avatar.object_names)
    known = Face(marks, np.ones(len(marks)), 1.0, np.eye(3), 1.0)
    made = pipeline.generate(bare, GenerateOptions(["vrc.v_aa"], provider="cpu"), face=known)
    (row,) = made.report["shapes"]
    assert row["ok"] and "one surface" in row["notes"][0]
    assert row["moved_vertices"] > 50


def test_a_beard_before_real_lips_is_no_mouth(face):
    avatar, marks = face
    strip, triangles = sheet(np.linspace(-0.2, 0.2, 9), np.linspace(-0.12, 0.02, 4))
    bearded = attached(avatar, strip + marks[LANDMARK_INDEX["lip_lower_outer_mid"]] + [0, 0, 0.03], triangles, "Beard")
    features = compute(bearded, marks)
    assert not features.drawn.any() and slits.find_slit(features, 0) is not None


def test_lips_through_each_other_do_not_count_as_closed(face):
    avatar, marks = face
    features = compute(avatar, marks)
    crossed = np.zeros((1, len(features.index), 3), np.float32)
    lips = np.exp(-((features.positions - marks[LANDMARK_INDEX["lip_lower_inner_mid"]]) ** 2).sum(1) / 0.09)
    crossed[0, :, 1] = 0.05 * lips * (features.side[:, 0] < 0)
    (row,) = report.examine(FaceAnatomy(avatar, features), ["vrc.v_pp"], crossed, 1.0)
    assert not row.checks["lips close"] and row.values["lip_gap_mm"] > 2
