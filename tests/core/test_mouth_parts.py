"""Pieces without names, in mouths and at eyes made of numbers: classified by where they lie, however a face leans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pieces import arch, attached, ball, mask, sheet

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face.face_space import eye_centres, point
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.part_names import named, named_row
from blendshape_addon.core.face.parts import Part, classify

FACE, MARKS = mask()
SEAM = point(MARKS, "lip_upper_inner_mid", "lip_lower_inner_mid")
# The height of the mask's slit: that of the corners and the upper lip's inner middle together.
SLIT = float(point(MARKS, "mouth_corner_l", "lip_upper_inner_mid")[1])
HALF = float(point(MARKS, "mouth_corner_l")[0])
LEANS = st.floats(0.0, 26.0)  # degrees: the rigs lean by 3 to 26
Piece = tuple[np.ndarray, np.ndarray]

UPPER = arch(HALF, 1.2 * HALF, -0.05 * HALF, 0.5 * HALF)
LOWER = arch(0.92 * HALF, 1.1 * HALF, -0.55 * HALF, -0.08 * HALF)
LOWER = (LOWER[0] - [0, 0, 0.1 * HALF], LOWER[1])


def tongue() -> Piece:
    vertices, triangles = ball(1.0)
    return vertices * [0.55 * HALF, 0.25 * HALF, 0.9 * HALF] + [0, -0.15 * HALF, -1.15 * HALF], triangles


def floor() -> Piece:
    """A sheet under the tongue."""
    flat, triangles = sheet(np.linspace(-0.8, 0.8, 5) * HALF, np.linspace(-1.3, -0.3, 5) * HALF)
    return np.c_[flat[:, 0], np.full(len(flat), -0.6 * HALF), flat[:, 1]], triangles


def single_teeth(row: Piece) -> list[Piece]:
    """A box-like tooth at each of the points along a row."""
    ridge = row[0].reshape(3, -1, 3)[0]
    height = np.array([0, 0.5 * (row[0][:, 1].max() + row[0][:, 1].min()), 0])
    vertices, triangles = ball(0.12 * HALF)
    return [(vertices + ridge_point * [1, 0, 1] + height, triangles) for ridge_point in ridge]


def classified(pieces: list[Piece], lean: float = 0.0) -> list[Part]:
    """The parts of a mouth's pieces; behind the lips they rise as in a face space that leans by degrees."""
    avatar = FACE
    for vertices, triangles in pieces:
        rise = np.tan(np.radians(lean)) * -vertices[:, 2]
        placed = vertices + SEAM - [0, 0, 0.12] + np.outer(rise, [0, 1, 0])
        avatar = attached(avatar, placed, triangles, "Thing")
    return parts_of(avatar)


def parts_of(avatar: Avatar) -> list[Part]:
    """The part of each piece beside the face, in the order in which they were attached."""
    part = classify(avatar, avatar.vertices, MARKS)
    firsts = np.sort(np.unique(avatar.components, return_index=True)[1])
    return [Part(int(part[i])) for i in firsts if i >= len(FACE.vertices)]


@settings(max_examples=40, deadline=None)
@given(lean=LEANS)
def test_rows_and_tongue_are_classified_by_each_other_however_the_face_leans(lean: float) -> None:
    assert classified([UPPER, LOWER, tongue()], lean) == [Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE]
    assert classified([tongue(), LOWER, UPPER], lean) == [Part.TONGUE, Part.TEETH_LOWER, Part.TEETH_UPPER]


@settings(max_examples=20, deadline=None)
@given(lean=LEANS)
def test_two_rows_are_rows_and_no_tongue(lean: float) -> None:
    assert classified([LOWER, UPPER], lean) == [Part.TEETH_LOWER, Part.TEETH_UPPER]


@settings(max_examples=20, deadline=None)
@given(lean=LEANS)
def test_a_row_that_is_alone_is_classified_by_its_edge_at_the_lips(lean: float) -> None:
    assert classified([UPPER], lean) == [Part.TEETH_UPPER]
    assert classified([LOWER], lean) == [Part.TEETH_LOWER]


@settings(max_examples=20, deadline=None)
@given(lean=LEANS)
def test_teeth_that_are_pieces_of_their_own_and_the_gums_about_them(lean: float) -> None:
    upper, lower = single_teeth(UPPER), single_teeth(LOWER)
    gums, triangles = ball(1.0)
    gums = gums * [1.2 * HALF, 0.85 * HALF, 0.9 * HALF] - [0, 0, 0.7 * HALF]
    parts = classified([*upper, *lower, (gums, triangles)], lean)
    assert parts[: len(upper)] == [Part.TEETH_UPPER] * len(upper)
    assert parts[len(upper) : -1] == [Part.TEETH_LOWER] * len(lower)
    assert parts[-1] == Part.MOUTH


@settings(max_examples=20, deadline=None)
@given(lean=LEANS)
def test_the_mouths_floor_goes_with_the_lower_row(lean: float) -> None:
    parts = classified([UPPER, LOWER, tongue(), floor()], lean)
    assert parts == [Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE, Part.TEETH_LOWER]


def test_a_ring_in_the_lip_follows_the_lip() -> None:
    vertices, triangles = ball(0.04)
    at = point(MARKS, "lip_lower_outer_l")
    assert parts_of(attached(FACE, vertices + at, triangles, "Thing")) == [Part.ATTACHED]


@pytest.mark.parametrize(
    ("name", "part"),
    [("F00_000_00_FaceEyeline_00_FACE", Part.ATTACHED), ("FaceEyelash", Part.ATTACHED), ("EyeIris", Part.EYE),
     ("EyeWhite", Part.EYE), ("瞳", Part.EYE), ("アイライン", Part.ATTACHED), ("まつげ", Part.ATTACHED),
     ("h_TeethDown", Part.MOUTH), ("舌", Part.TONGUE), ("gums_tongue", Part.MOUTH), ("HatsuneMiku_Face", None),
     ("Hair001", Part.OTHER), ("hat", Part.OTHER)],
)  # fmt: skip
def test_what_names_say(name: str, part: Part | None) -> None:
    assert named(name) == part


@pytest.mark.parametrize(
    ("name", "row"),
    [("h_TeethUp", Part.TEETH_UPPER), ("h_TeethDown", Part.TEETH_LOWER), ("teeth_lower", Part.TEETH_LOWER),
     ("上の歯", Part.TEETH_UPPER), ("Teeth", None), ("UpperBody", None), ("teeth_upper_lower", None)],
)  # fmt: skip
def test_which_row_names_say(name: str, row: Part | None) -> None:
    assert named_row(name) == row


def at_eyes(vertices: np.ndarray, triangles: np.ndarray, name: str = "Thing") -> list[Part]:
    """What a piece is classified as that is placed about each eye."""
    avatar = FACE
    for centre in eye_centres(MARKS):
        avatar = attached(avatar, vertices + centre, triangles, name)
    return parts_of(avatar)


def test_a_flat_iris_is_an_eye_and_a_band_over_the_lids_is_not() -> None:
    iris, triangles = sheet(np.linspace(-0.17, 0.17, 5), np.linspace(-0.1, 0.1, 5))
    assert at_eyes(iris - [0, 0, 0.03], triangles) == [Part.EYE, Part.EYE]
    band, triangles = sheet(np.linspace(-0.28, 0.28, 7), np.array([0.06, 0.16]))
    assert at_eyes(band + [0, 0, 0.1], triangles) == [Part.ATTACHED, Part.ATTACHED]


def test_hair_before_an_eye_is_neither_eyeball_nor_lash() -> None:
    strand, triangles = sheet(np.linspace(-0.1, 0.1, 3), np.linspace(-0.3, 0.3, 5))
    assert at_eyes(strand - [0, 0, 0.05], triangles, "Hair") == [Part.OTHER, Part.OTHER]


def sewn(width: float) -> Avatar:
    """The mask whose lips are one surface within a share of the mouth's half width about its middle."""
    slit = FACE.vertices
    upper = np.flatnonzero(np.abs(slit[:, 1] - SLIT - 0.004) < 1e-6)
    lower = np.array([np.abs(slit - slit[u] + [0, 0.004, 0]).sum(1).argmin() for u in upper])
    joined = np.abs(slit[upper, 0]) < width * HALF
    vertices = slit.copy()
    vertices[upper[joined]] = vertices[lower[joined]]
    return replace(FACE, vertices=vertices)


def test_lips_are_sealed_where_they_are_one_surface_and_not_by_a_few_triangles() -> None:
    assert compute(sewn(1.0), MARKS).sealed
    assert not compute(FACE, MARKS).sealed
    assert not compute(sewn(0.15), MARKS).sealed
