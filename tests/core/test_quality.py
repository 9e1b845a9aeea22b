"""Each fault is found where it is, and repaired where that can be; a smooth shape has none."""

import numpy as np
import pytest
from pieces import attached, ball, sheet

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM, eye_centres
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.messages import Message
from blendshape_addon.core.quality import checks, repair, report
from blendshape_addon.core.quality.checks import AMBER, GREEN, RED, ShapeReport
from blendshape_addon.core.quality.gate import repair_or_reject
from blendshape_addon.core.quality.measures import Measures
from blendshape_addon.core.quality.repair_steps import RepairStep
from blendshape_addon.core.shapes import Shape
from blendshape_addon.core.vocabulary import LANDMARK_INDEX

MM = 1 / EYE_DISTANCE_MM
REPAIRABLE = {check.name for check in checks.CHECKS if check.repair}


@pytest.fixture(scope="module")
def toothed(face):
    """The mask with teeth behind the lips and an eyeball on the left."""
    avatar, marks = face
    lips = marks[[LANDMARK_INDEX["lip_upper_inner_mid"], LANDMARK_INDEX["lip_lower_inner_mid"]]].mean(0)
    teeth, triangles = sheet(np.linspace(-0.3, 0.3, 13), np.linspace(-0.25, 0.25, 9))
    avatar = attached(avatar, teeth + lips - [0, 0, 0.2], triangles, "Teeth")
    eye, triangles = ball(0.2)
    avatar = attached(avatar, eye + eye_centres(marks)[0] - [0, 0, 0.22], triangles, "Eye_L")
    return FaceAnatomy(avatar, compute(avatar, marks))


@pytest.fixture(scope="module")
def measures(toothed):
    return Measures(toothed)


def bump(features, at, height, width=0.15):
    """(N, 3) motion forward around the landmark `at`."""
    apart = np.linalg.norm(features.positions - features.landmarks[LANDMARK_INDEX[at]], axis=1)
    return (np.exp(-((apart / width) ** 2)) * (apart < 3 * width))[:, None].astype(np.float32) * [0, 0, height]


def row_of(toothed, name, offset, **others):
    names = [name, *others]
    return report.examine(toothed, names, np.stack([offset, *others.values()]).astype(np.float32), 1.0)[0]


def faults(toothed):
    """{check: (shape, offset)}: one fault each."""
    features = toothed.features
    rng = np.random.default_rng(0)
    cheek, chin = (features.landmarks[LANDMARK_INDEX[name]] for name in ("cheek_l", "chin_tip"))
    about = {name: np.linalg.norm(features.positions - at, axis=1) for name, at in (("cheek", cheek), ("chin", chin))}
    rough = np.zeros((len(features.index), 3))
    rough[about["cheek"] < 0.25, :2] = rng.normal(0, 0.03, ((about["cheek"] < 0.25).sum(), 2))
    torn = np.zeros((len(features.index), 3))
    torn[(about["chin"] < 0.3) & (np.arange(len(features.index)) % 5 == 0), 2] = 0.3
    lips = bump(features, "lip_upper_inner_mid", -0.25, 0.3) * (features.part == Part.SKIN)[:, None]
    lid = np.zeros((len(features.index), 3))
    near_eye = np.linalg.norm(features.positions - eye_centres(features.landmarks)[0], axis=1) < 0.4
    lid[(features.part == Part.SKIN) & near_eye, 2] = -0.15
    return {
        "flips": ("cheekPuff", rough),
        "stretch": ("jawForward", torn),
        "size": ("jawForward", bump(features, "chin_tip", 90 * MM, 0.5)),
        "stray": ("vrc.v_aa", bump(features, "forehead", 5 * MM, 0.5) + bump(features, "chin_tip", 5 * MM)),
        "teeth": ("mouthPressLeft", lips),
        "eyes": ("eyeSquintLeft", lid),
    }


def test_a_blink_that_leaves_the_eye_open_is_reported_and_kept(toothed, measures):
    features = toothed.features
    eye = measures.eyelids["l"]
    upper = (features.side[:, 1] > 0) & (features.part == Part.SKIN)
    down = bump(features, "lid_upper_mid_l", 1, 0.3)[:, [0, 2, 1]] * upper[:, None]
    shut = -down * eye.gap(features.positions).max() * 1.05
    for share, grade in ((0.3, AMBER), (0.5, AMBER), (1.0, GREEN)):
        row = row_of(toothed, "eyeBlinkLeft", share * shut)
        assert row.grades.get("eyes close", GREEN) == grade and row.checks.get("eyes close", True)
    row = row_of(toothed, "eyeBlinkLeft", 0.3 * shut)
    assert str(row.sentences["eyes close"]) == f"{100 * row.values['eyes_open']:.0f} % of the eye stays open"
    found = report.where(measures, "eyes close", "eyeBlinkLeft", 0.3 * shut)
    assert set(features.index[np.concatenate([eye.upper, eye.lower])]) == set(found)
    assert "eyes close" not in row_of(toothed, "eyeSquintLeft", 0.3 * shut).grades


@pytest.mark.parametrize("check", ["flips", "stretch", "size", "stray", "teeth", "eyes"])
def test_a_fault_is_found_where_it_is_and_repaired(toothed, measures, check):
    avatar, features = toothed.avatar, toothed.features
    name, offset = faults(toothed)[check]
    row = row_of(toothed, name, offset)
    assert row.grades[check] == RED and not row.ok and row.sentences[check] in row.notes
    where = report.where(measures, check, name, offset)
    moved = features.index[offset.any(1)]
    assert 0 < len(where) <= len(avatar.vertices) and np.isin(where, moved).any()
    repaired = repair.repair(toothed, name, offset, {check})
    assert row_of(toothed, name, repaired).grades[check] != RED
    same = (repaired == offset).all(1)
    assert same[~offset.any(1) & ~np.isin(features.index, where)].mean() > 0.95
    assert np.abs(repaired).sum() > 0.1 * np.abs(offset).sum()


def test_a_smooth_shape_is_green_all_over_and_stays_as_it_is(toothed):
    features = toothed.features
    offset = bump(features, "chin_tip", 3 * MM, 0.4)
    row = row_of(toothed, "jawForward", offset)
    assert set(row.grades.values()) == {GREEN} and row.ok and row.notes == [] and row.grade == GREEN
    assert (repair.repair(toothed, "jawForward", offset, set()) == offset).all()
    assert np.allclose(repair.repair(toothed, "jawForward", offset, REPAIRABLE - {"stray"}), offset, atol=1e-6)


def test_jagged_lips_are_brought_together_vertex_by_vertex(toothed, measures):
    mouth = measures.mouth
    offset = np.zeros((len(toothed.features.index), 3), np.float32)
    rims = np.concatenate([mouth.upper, mouth.lower])
    offset[rims, 1] = 3 * MM * np.sign(np.sin(np.arange(len(rims))))
    assert row_of(toothed, "vrc.v_pp", offset).grades["lips close"] == RED
    repaired = repair.repair(toothed, "vrc.v_pp", offset, {"lips close"}, measures)
    assert row_of(toothed, "vrc.v_pp", repaired).grades["lips close"] != RED
    assert np.abs(repaired - offset).max() < 4 * MM


def gated(toothed, names, offsets):
    offsets = np.stack(offsets).astype(np.float32)
    return repair_or_reject(toothed, names, offsets, 1.0), offsets


def test_what_fails_is_repaired_or_left_out_with_a_reason_and_what_passes_stays(toothed):
    features = toothed.features
    smooth, (_, rough) = bump(features, "chin_tip", 3 * MM, 0.4), faults(toothed)["flips"]
    still = np.zeros_like(smooth)
    rows, offsets = gated(toothed, ["jawForward", "cheekPuff", "vrc.v_ff"], [smooth, rough, still])
    assert [row.ok for row in rows] == [True, True, False]
    assert rows[1].notes == ["was clamped and smoothed to pass the check"]
    assert rows[2].notes == ["hardly moves", "VRChat's lip sync needs all 15 visemes"]
    assert (offsets[0] == smooth.astype(np.float32)).all() and (offsets[1] != rough.astype(np.float32)).any()
    assert row_of(toothed, "cheekPuff", offsets[1]).ok


@pytest.mark.parametrize(("slope", "height", "percents"), [(1.05, 20, (85, 90, 95)), (1.4, 34, (50,))])
def test_what_folds_however_it_is_smoothed_is_made_no_weaker_than_it_must(toothed, slope, height, percents):
    features = toothed.features
    pressed = np.zeros((len(features.index), 3))
    y = features.positions[:, 1]
    pressed[:, 1] = np.clip(-slope * (y + 0.6), 0, height * MM)  # folded upwards
    assert row_of(toothed, "jawForward", pressed).values["flipped"] > 100
    (row, _), offsets = gated(toothed, ["jawForward", "jawLeft"], [pressed, bump(features, "chin_tip", 3 * MM, 0.4)])
    assert row.ok
    (percent,) = (p for p in percents if row.notes == [f"was made at {p} % of its strength to pass the check"])
    smoothed = repair.repair(toothed, "jawForward", pressed.astype(np.float32), {"flips", "stretch", "size"})
    assert np.allclose(offsets[0], smoothed * percent / 100, atol=1e-6)


def test_where_no_shape_is_fit_the_face_is_refused(toothed):
    still = np.zeros((len(toothed.features.index), 3))
    with pytest.raises(FaceNotFound, match="vrc.v_aa hardly moves"):
        gated(toothed, ["vrc.v_sil", "vrc.v_aa"], [still, still])


def test_of_two_visemes_that_are_alike_the_later_is_left_out(toothed):
    alike = bump(toothed.features, "chin_tip", 3 * MM, 0.4)
    rows, _ = gated(toothed, ["vrc.v_sil", "vrc.v_dd", "vrc.v_nn", "vrc.v_e"], [0 * alike, alike, alike, 0 * alike])
    assert [row.ok for row in rows] == [True, True, False, False]
    assert rows[1].notes == [] and rows[2].notes[0] == "is the same shape as vrc.v_dd"


def test_halves_that_differ_are_reported_but_may_be_meant(toothed, measures):
    features = toothed.features
    left, right = bump(features, "cheek_l", 4 * MM), bump(features, "cheek_r", 4 * MM)
    assert "symmetry" not in row_of(toothed, "cheekPuff", left + right).grades
    row = row_of(toothed, "cheekPuff", left)
    assert row.grades["symmetry"] == AMBER and row.ok and row.values["asymmetry_mm"] > 2
    where = report.where(measures, "symmetry", "cheekPuff", left, left)
    assert np.abs(toothed.avatar.vertices[where, 0]).min() > 0.2
    assert "symmetry" not in row_of(toothed, "mouthSmileLeft", left, mouthSmileRight=right).grades
    assert row_of(toothed, "mouthSmileLeft", left, mouthSmileRight=0 * right).grades["symmetry"] == AMBER
    assert "symmetry" not in row_of(toothed, "mouthSmileLeft", left).grades


def test_a_seam_that_opens_is_found_and_joined(face):
    avatar, marks = face
    below = avatar.vertices[avatar.triangles].mean(1)[:, 1] < avatar.vertices[:, 1].min() + 0.5
    own = np.unique(avatar.triangles[below])
    twin = np.full(len(avatar.vertices), -1)
    twin[own] = len(avatar.vertices) + np.arange(len(own))
    triangles = avatar.triangles.copy()
    triangles[below] = twin[triangles[below]]
    cut = Avatar(np.concatenate([avatar.vertices, avatar.vertices[own]]), triangles, np.zeros(len(avatar.vertices) + len(own), np.int32), ("Face",))  # fmt: skip  # noqa: E501
    anatomy = FaceAnatomy(cut, compute(cut, marks))
    features = anatomy.features
    offset = np.zeros((len(features.index), 3))
    offset[features.index >= len(avatar.vertices), 1] = -2 * MM
    row = row_of(anatomy, "jawOpen", offset)
    assert row.grades["seams"] == RED and np.isclose(row.values["seam_mm"], 2, atol=0.01)
    where = report.where(Measures(anatomy), "seams", "jawOpen", offset)
    border = cut.weld[np.unique(avatar.triangles[~below])]
    assert np.isin(cut.weld[where], border).all() and len(where) > 50
    joined = repair.repair(anatomy, "jawOpen", offset, {"seams"})
    assert row_of(anatomy, "jawOpen", joined).values["seam_mm"] < 0.01


def test_shapes_as_they_stand_on_a_mesh_are_measured(toothed):
    avatar, features = toothed.avatar, toothed.features
    offset = bump(features, "chin_tip", 3 * MM, 0.4)
    moved = np.flatnonzero(offset.any(1))
    beyond = np.setdiff1d(np.arange(len(avatar.vertices)), features.index)[:150]
    indices = np.concatenate([features.index[moved], beyond])
    deltas = np.concatenate([features.space.vectors_to_avatar(offset[moved]), np.full((len(beyond), 3), 0.05)])
    order = np.argsort(indices)
    shape = Shape("jawForward", indices[order], deltas[order].astype(np.float32))
    (found,), outside = report.dense(features, [shape])
    assert np.allclose(found, offset, atol=1e-5) and (outside[0] == beyond).all()
    row = report.examine(toothed, ["jawForward"], found[None], 1.0, outside)[0]
    assert row.grades["outside"] == (RED if len(beyond) > 100 else AMBER if len(beyond) > 75 else GREEN)


@pytest.mark.parametrize(
    ("value", "at_least", "grade"),
    [(7.4, False, GREEN), (7.6, False, AMBER), (10, False, AMBER), (10.1, False, RED), (9.9, True, RED),
     (10, True, AMBER), (14, True, GREEN)],
)  # fmt: skip
def test_grades_have_a_margin(value, at_least, grade):
    assert checks.grade_of(value, 10, at_least) == grade


def test_the_worst_grade_counts_and_what_failed_is_reported():
    row = ShapeReport("joy", grades={"most": RED, "least": AMBER}, sentences={"most": "too much", "least": "little"})
    assert not row.ok and row.grade == RED and row.notes == ["too much"]
    assert row.checks == {"most": False, "least": True}


def test_a_check_that_is_added_is_graded_found_and_repaired(toothed, measures, monkeypatch):
    """One object in the list: nothing else knows the check, and the report has its value."""
    backwards = checks.Check(
        name="backwards",
        field="backwards_mm",
        value=lambda shape: float(-EYE_DISTANCE_MM * shape.offset[:, 2].min(initial=0)),
        limit=lambda shape: 4.0,
        sentence=lambda shape, mm: Message("moves {mm:.1f} mm backwards", mm=mm),
        where=lambda shape: shape.face.features.index[shape.offset[:, 2] < -4 * MM],
        applies=lambda shape: shape.expression.group == "emotions",
        repair=RepairStep(lambda measures, name, offset: np.maximum(offset, -3 * MM), place=9),
    )
    monkeypatch.setattr(checks, "CHECKS", (*checks.CHECKS, backwards))
    smooth = bump(toothed.features, "cheek_r", 3 * MM, 0.4)
    offset = smooth + bump(toothed.features, "chin_tip", -10 * MM, 0.5)
    row = row_of(toothed, "joy", offset)
    most = np.abs(offset).max() / MM
    assert row.grades["backwards"] == RED and row.for_json()["backwards_mm"] == pytest.approx(most)
    assert str(row.notes[0]) == f"moves {most:.1f} mm backwards"
    assert "backwards" not in row_of(toothed, "jawForward", offset).grades
    found = report.where(measures, "backwards", "joy", offset)
    assert set(found) == set(toothed.features.index[offset[:, 2] < -4 * MM]) and len(found) > 10
    (after,), offsets = gated(toothed, ["joy"], [offset])
    assert after.ok and after.notes == ["was clamped and smoothed to pass the check"]
    assert offsets[0, :, 2].min() == pytest.approx(-3 * MM) and np.abs(offsets[0]).max() > 2.9 * MM


def test_checks_of_the_report_are_those_that_it_always_had():
    assert [check.name for check in checks.CHECKS] == [
        "size", "flips", "lids", "stretch", "teeth", "eyes", "seams", "stray", "outside", "symmetry", "eyes close",
        "lashes", "moves", "lips close", "mouth opens", "opens as its style", "teeth fill", "mouth hole",
        "looks apart", "distinct",
    ]  # fmt: skip
    assert {
        "size", "flips", "lids", "stretch", "teeth", "eyes", "seams", "stray", "outside", "lips close",
    } == REPAIRABLE  # fmt: skip


def test_a_row_of_the_report_keeps_its_fields(toothed):
    row = row_of(toothed, "vrc.v_aa", np.zeros_like(toothed.features.positions)).for_json()
    assert set(row) == {
        "name", "peak_mm", "lip_gap_mm", "moved_vertices", "flipped", "flipped_lids", "stretched", "teeth_mm",
        "eyes_mm", "seam_mm", "asymmetry_mm", "eyes_open", "lash_stretch", "stray_mm", "outside", "teeth_fill", "hole",
        "grades", "sentences", "remarks", "ok", "grade", "checks", "notes",
    }  # fmt: skip
