"""Shapes of Unified Expressions that ARKit lacks: each moves what its name says, and nothing else of the face."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pieces import attached, ball, sheet
from test_recipes import known_face
from test_tongue import licking  # noqa: F401, the fixture

from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.expressions import TABLE, Tongue
from blendshape_addon.core.face import irises
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import MIRROR_X, eye_centres
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.nearest import nearest_to
from blendshape_addon.core.inference import contract, deformer
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.refinement import pupils, tongue_poses
from blendshape_addon.core.style import unified
from blendshape_addon.core.vocabulary import (
    ALL_SHAPES,
    ARKIT,
    CONDITIONS,
    KNOWN_SHAPES,
    LANDMARK_INDEX,
    LANDMARKS,
    UNIFIED,
    mirrored,
)
from tests import faces

SIDES = [name for name in UNIFIED if name.endswith("Left")]
ONE_HALF = [name for name in SIDES if not name.startswith(("MouthUpperLeft", "MouthLowerLeft", "Tongue"))]
LIPS = [name for name in UNIFIED if name.startswith(("LipSuck", "LipFunnel", "LipPucker")) and "Corner" not in name]


@dataclass
class Made:
    """What was made of a face: (N, 3) face-space offsets by name."""

    anatomy: FaceAnatomy
    offsets: dict[str, np.ndarray]
    report: dict

    def at(self, name: str, landmark: str) -> np.ndarray:
        """(3,) the motion of the vertex of the skin that is nearest to a landmark."""
        features = self.anatomy.features
        skin = np.flatnonzero(features.part == Part.SKIN)
        nearest = nearest_to(features.landmarks[[LANDMARK_INDEX[landmark]]], features.positions[skin])
        return self.offsets[name][skin[nearest[0]]]


@pytest.fixture(scope="module", params=faces.NAMES)
def made(request):
    """A face of the tests with every unified shape that it can have, and the units that they are halves of."""
    face = faces.load(request.param)
    options = GenerateOptions([*UNIFIED, "mouthSmileLeft", "jawOpen"], provider="cpu")
    result = pipeline.generate(face.avatar, options, face=known_face(face.landmarks))
    features = result.analysis.anatomy.features
    offsets = {}
    for shape in result.shapes:
        whole = np.zeros(face.avatar.vertices.shape)
        whole[shape.indices] = shape.deltas @ features.space.rotation.T / features.space.scale
        offsets[shape.name] = whole[features.index]
    return Made(result.analysis.anatomy, offsets, result.report)


def largest(offset):
    return np.linalg.norm(offset, axis=-1).max(initial=0.0)


def test_the_table_makes_every_shape_of_what_there_is():
    assert not set(UNIFIED) & set(ALL_SHAPES) and len(set(KNOWN_SHAPES)) == len(KNOWN_SHAPES)
    assert {mirrored(name) for name in UNIFIED} == set(UNIFIED)
    for name, recipe in unified.recipes().items():
        by_geometry = bool(TABLE[name].tongue or TABLE[name].pupil)
        assert by_geometry != bool(recipe.units or recipe.pulls), name
        assert set(recipe.units) <= set(ARKIT), name
        marks = [mark for pull in recipe.pulls for mark in pull.landmarks] + list(recipe.near[0] if recipe.near else ())
        assert set(marks) <= set(LANDMARKS), name
        assert TABLE[name].group == "unified"


def test_the_page_says_how_each_is_made():
    page = (Path(__file__).resolve().parents[2] / "docs" / "unified.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    names = [name for row in rows for name in re.findall(r"[A-Z]\w+‥?", row)]
    sides = [name.replace("‥", side) for name in names for side in (("Left", "Right") if "‥" in name else ("",))]
    assert sorted(sides) == sorted(UNIFIED)


def test_the_networks_contract_is_as_before():
    assert not set(UNIFIED) & set(CONDITIONS)
    assert contract.KINDS["deformer"]()["expressions"] == CONDITIONS


def test_every_shape_is_made_or_left_out_with_a_reason(made):
    notes = " ".join(map(str, made.report["notes"]))
    lacking = {name for name in UNIFIED if name not in made.offsets}
    assert all(TABLE[name].tongue or TABLE[name].pupil for name in lacking)
    assert all(name in notes for name in lacking)
    assert made.report["ok"] and all(largest(offset) > 0 for offset in made.offsets.values())


def test_a_shape_of_one_side_leaves_the_other_alone(made):
    x = made.anatomy.features.canonical.positions[:, 0]
    for name in ONE_HALF:
        if name in made.offsets:
            offset = made.offsets[name]
            assert largest(offset[x < -0.25]) < 0.08 * largest(offset), name
            assert largest(made.offsets[mirrored(name)][x > 0.25]) < 0.08 * largest(offset), name


def test_both_sides_mirror_each_other(made):
    mirror = made.anatomy.mirror
    twins = np.flatnonzero(mirror.share == 1)
    assert len(twins)
    for name in SIDES:
        if name in made.offsets:
            left, right = made.offsets[name], made.offsets[mirrored(name)]
            apart = left[twins] - right[mirror.twin[twins]] * MIRROR_X
            assert largest(apart) < 0.1 * largest(left) + 1e-3, name


def test_lips_are_moved_one_by_one(made):
    mouth, rest = made.anatomy.mouth, made.anatomy.features.positions
    middle = {side: rim[np.abs(mouth.u(rest[rim]) - 0.5) < 0.25] for side, rim in
              (("Upper", mouth.upper), ("Lower", mouth.lower))}  # fmt: skip
    for name in LIPS + ["MouthUpperLeft", "MouthLowerLeft"]:
        own, other = ("Upper", "Lower") if "Upper" in name else ("Lower", "Upper")
        offset = made.offsets[name]
        assert largest(offset[middle[other]]) < 0.35 * largest(offset[middle[own]]), name


@pytest.mark.parametrize(
    ("name", "landmark", "way"),
    [
        ("NasalDilationLeft", "nose_wing_l", (1, 0, 0)),
        ("NasalConstrictLeft", "nose_wing_l", (-1, 0, 0)),
        ("BrowPinchLeft", "brow_inner_l", (-1, -0.3, 0)),
        ("BrowInnerUpLeft", "brow_inner_l", (0, 1, 0)),
        ("BrowLowererLeft", "brow_mid_l", (0, -1, 0)),
        ("LipSuckCornerLeft", "mouth_corner_l", (-1, 0, -0.5)),
        ("MouthCornerPullLeft", "mouth_corner_l", (1, 0, 0)),
        ("MouthCornerSlantLeft", "mouth_corner_l", (0, 1, 0)),
        ("MouthTightenerLeft", "mouth_corner_l", (-1, 0, 0)),
        ("MouthUpperLeft", "lip_upper_outer_mid", (1, 0, 0)),
        ("MouthLowerRight", "lip_lower_outer_mid", (-1, 0, 0)),
        ("MouthUpperDeepenLeft", "lip_upper_outer_l", (1, 1, 0)),
        ("LipFunnelUpperLeft", "lip_upper_outer_l", (0, 0, 1)),
        ("LipPuckerLowerLeft", "lip_lower_outer_l", (0, 0, 1)),
        ("LipSuckUpperLeft", "lip_upper_outer_l", (0, 0, -1)),
        ("JawBackward", "chin_tip", (0, 0, -1)),
        ("JawMandibleRaise", "chin_tip", (0, 1, 0)),
    ],
)
def test_it_goes_where_the_name_says(made, name, landmark, way):
    motion = made.at(name, landmark)
    assert motion @ np.array(way) > 0.3 * np.linalg.norm(motion) * np.linalg.norm(way) > 0


def test_cheeks_are_sucked_in(made):
    x = made.anatomy.features.positions[:, 0]
    sucked, puffed = made.offsets["CheekSuckLeft"], made.offsets["CheekPuffLeft"]
    assert sucked[np.linalg.norm(sucked, axis=1).argmax(), 0] < 0 < puffed[np.linalg.norm(puffed, axis=1).argmax(), 0]
    assert x[np.linalg.norm(sucked, axis=1).argmax()] > 0


def test_parts_add_up_to_the_unit_that_they_are_parts_of(anatomy):
    features, rng = anatomy.features, np.random.default_rng(0)
    skin = features.part == Part.SKIN
    for unit, parts in {
        "mouthFunnel": [f"LipFunnel{lip}{side}" for lip in ("Upper", "Lower") for side in ("Left", "Right")],
        "mouthSmileLeft": ["MouthCornerPullLeft", "MouthCornerSlantLeft"],
        "mouthLeft": ["MouthUpperLeft", "MouthLowerLeft"],
        "cheekPuff": ["CheekPuffLeft", "CheekPuffRight"],
    }.items():
        motion = rng.normal(0, 0.1, (1, len(features.index), 3)).astype(np.float32)
        row = np.eye(len(CONDITIONS), dtype=np.float32)[[CONDITIONS.index(unit)]]
        assert unified.learned(parts) == [unit]
        composed, weights = unified.compose(features, motion, row, parts)
        assert np.allclose(composed.sum(0)[skin], motion[0][skin], atol=1e-5)
        assert (weights == row).all()


def test_without_unified_shapes_nothing_is_done():
    names = ["vrc.v_aa", "jawOpen", "vrc.v_aa"]
    offsets, weights = np.zeros((3, 5, 3), np.float32), np.zeros((3, len(CONDITIONS)), np.float32)
    assert unified.learned(names) == names
    assert unified.compose(None, offsets, weights, names) == (offsets, weights)


def test_the_network_runs_for_what_a_shape_is_made_of(face, monkeypatch):
    rows = []
    run = deformer.offsets
    monkeypatch.setattr(deformer, "offsets", lambda *given: rows.append(given[2]) or run(*given))
    avatar, marks = face
    alone = pipeline.generate(
        avatar, GenerateOptions(["CheekPuffLeft", "NasalDilationLeft"], provider="cpu"), face=known_face(marks)
    )
    assert [CONDITIONS[row.argmax()] for row in rows[0]] == ["cheekPuff"]
    among = pipeline.generate(
        avatar, GenerateOptions(["cheekPuff", "CheekPuffLeft"], provider="cpu"), face=known_face(marks)
    )
    one, other = alone.shapes[0], among.shapes[1]
    assert one.name == other.name == "CheekPuffLeft"
    assert np.array_equal(one.indices, other.indices) and np.allclose(one.deltas, other.deltas, atol=1e-5)


def test_a_face_without_tongue_is_told_so(face):
    avatar, marks = face
    with pytest.raises(InputError, match="no tongue of its own: left out TongueUp"):
        pipeline.generate(avatar, GenerateOptions(["TongueUp"], provider="cpu"), face=known_face(marks))
    made = pipeline.generate(avatar, GenerateOptions(["TongueUp", "JawClench"], provider="cpu"), face=known_face(marks))
    assert [shape.name for shape in made.shapes] == ["JawClench"] and made.report["ok"]
    assert any("TongueUp" in str(note) for note in made.report["notes"])


@pytest.mark.parametrize(
    ("pose", "side", "axis", "sign"),
    [(Tongue.UP, "", 1, 1), (Tongue.DOWN, "", 1, -1), (Tongue.SIDE, "l", 0, 1), (Tongue.SIDE, "r", 0, -1),
     (Tongue.BEND_DOWN, "", 1, -1), (Tongue.CURL_UP, "", 1, 1)],
)  # fmt: skip
def test_the_tongue_bends_and_its_root_stays(licking, pose, side, axis, sign):  # noqa: F811
    _, features = licking
    rest = features.positions[features.part == Part.TONGUE]
    moved = tongue_poses.motion(rest, pose, side)
    tip, root = rest[:, 2] == rest[:, 2].max(), rest[:, 2] == rest[:, 2].min()
    assert (moved[tip, axis] * sign > 0.03).all() and not moved[root].any()
    # A bend turns pieces and stretches none: from root to tip the middle line keeps its length.
    line = np.stack([(rest + moved)[rest[:, 2] == z].mean(0) for z in np.unique(rest[:, 2])])
    length = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert length == pytest.approx(np.ptp(rest[:, 2]), rel=0.02)


def test_the_tongue_takes_other_forms(licking):  # noqa: F811
    _, features = licking
    rest = features.positions[features.part == Part.TONGUE]
    tip = rest[:, 2] == rest[:, 2].max()
    left, middle = tip & (rest[:, 0] == rest[:, 0].max()), tip & (np.abs(rest[:, 0] - rest[:, 0].mean()) < 1e-6)
    forms = {pose: rest + tongue_poses.motion(rest, pose, "l") for pose in
             (Tongue.ROLL, Tongue.SQUISH, Tongue.FLAT, Tongue.TWIST)}  # fmt: skip
    width = np.ptp(rest[tip, 0])
    assert np.ptp(forms[Tongue.SQUISH][tip, 0]) < 0.8 * width < 1.1 * width < np.ptp(forms[Tongue.FLAT][tip, 0])
    assert forms[Tongue.ROLL][left, 1].mean() > forms[Tongue.ROLL][middle, 1].mean() + 0.05
    assert forms[Tongue.TWIST][left, 1].mean() < rest[left, 1].mean() - 0.05


@pytest.mark.parametrize("kind", ["ball", "disc"])
def test_a_pupil_widens_over_its_eye_and_the_rim_of_the_iris_rests(face, kind):
    avatar, marks = face
    flat, triangles = sheet(np.linspace(-np.pi, np.pi, 33), np.linspace(0.01, 3.1, 41))
    turn, polar = flat[:, 0], flat[:, 1]
    eye = 0.22 * np.column_stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)])
    behind = 0.24 if kind == "ball" else 0.1
    if kind == "disc":  # an iris of its own, bent inwards as a bowl
        eye = np.column_stack([0.7 * eye[:, :2], 0.5 * ((0.7 * eye[:, :2]) ** 2).sum(1)])
    for name, centre in zip(("Eye_L", "Eye_R"), eye_centres(marks), strict=True):
        avatar = attached(avatar, eye + centre - [0, 0, behind], triangles, name)
    anatomy = FaceAnatomy(avatar, compute(avatar, marks))
    iris = irises.find(avatar, anatomy.features, "l")
    rest = anatomy.features.positions
    offsets = np.zeros((2, *rest.shape), np.float32)
    pupils.move(anatomy, offsets, ["EyeDilationLeft", "EyeConstrictLeft"])
    assert iris.radius == pytest.approx(0.11 if kind == "ball" else 0.7 * 0.22, rel=0.02)
    assert iris.centre == pytest.approx(eye_centres(marks)[0, :2], abs=1e-3)
    moved = np.concatenate(iris.pieces)
    assert not np.delete(offsets, moved, axis=1).any()
    within = moved[(iris.away(rest[moved]) < 0.4) & (iris.away(rest[moved]) > 1e-6)]
    for offset, grows in zip(offsets, (True, False), strict=True):
        factor = iris.away((rest + offset)[within]) / iris.away(rest[within])
        assert ((factor > 1.3) if grows else (factor < 0.8)).all()
        after = (rest + offset)[moved] - (*iris.centre, eye_centres(marks)[0, 2] - behind)
        across = (after[:, :2] ** 2).sum(1)
        surface = np.sqrt(0.22**2 - across) if kind == "ball" else 0.5 * across
        assert np.abs(after[:, 2] - surface).max() < 0.002
    assert not offsets[:, moved[iris.away(rest[moved]) > 0.999]].any()


def test_an_eye_with_no_vertices_around_its_pupil_is_told_so(face):
    avatar, marks = face
    eye, triangles = ball(0.22)
    for name, centre in zip(("Eye_L", "Eye_R"), eye_centres(marks), strict=True):
        avatar = attached(avatar, eye + centre - [0, 0, 0.24], triangles, name)
    anatomy = FaceAnatomy(avatar, compute(avatar, marks))
    names, notes = unified.possible(anatomy, ["EyeDilationLeft", "JawClench", "EyeConstrictRight"])
    assert names == ["JawClench"] and "no vertices around a pupil" in str(notes[0])
