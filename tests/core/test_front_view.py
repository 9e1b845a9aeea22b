"""What is seen of a face from the front: teeth and holes in an open mouth, an eye that stays open, visemes alike."""

from dataclasses import replace

import numpy as np
import pytest
from pieces import attached, sheet

from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import mouth_corners, point
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.quality import report
from blendshape_addon.core.quality.checks import AMBER, GREEN
from blendshape_addon.core.quality.front_view import SHUT, FrontView
from blendshape_addon.core.quality.gate import repair_or_reject


def with_mouth(face, part, outward=True):
    """The mask with a sheet behind the lips that fills an open mouth, of which the creator said what it is."""
    avatar, marks = face
    wall, triangles = sheet(np.linspace(-0.5, 0.5, 13), np.linspace(-1.0, 0.3, 13))
    lips = point(marks, "lip_upper_inner_mid", "lip_lower_inner_mid")
    avatar = attached(avatar, wall + lips - [0, 0, 0.3], triangles if outward else triangles[:, ::-1], "Wall")
    override = np.full(len(avatar.vertices), -1, np.int8)
    override[avatar.object_id == 1] = part
    avatar = replace(avatar, part_override=override)
    return FaceAnatomy(avatar, compute(avatar, marks))


def opened(anatomy, wide=0.3):
    """(N, 3) float32: the lower lip and all below it drop."""
    seen = anatomy.features
    below = (seen.side[:, 0] < 0) & (seen.part == Part.SKIN)
    middle, width = point(seen.landmarks, "mouth_corner_l", "mouth_corner_r"), np.linalg.norm(
        np.subtract(*mouth_corners(seen.landmarks))
    )  # fmt: skip
    share = np.clip(1 - (2 * (seen.positions[:, 0] - middle[0]) / width) ** 2, 0, 1)
    return (below * share)[:, None].astype(np.float32) * np.float32([0, -wide, 0])


@pytest.fixture(scope="module")
def toothed(face):
    return with_mouth(face, Part.TEETH_UPPER)


def row_of(anatomy, name, offset):
    return report.examine(anatomy, [name], offset[None], 1.0)[0]


def test_upper_teeth_that_fill_an_open_mouth_are_reported(toothed):
    assert (toothed.features.part == Part.TEETH_UPPER).any()
    seen = FrontView(toothed).open_mouth(opened(toothed))
    assert seen.teeth > 0.9 and seen.hole < 0.05 and seen.area > 0.1
    row = row_of(toothed, "vrc.v_aa", opened(toothed))
    assert row.grades["teeth fill"] == AMBER and row.ok
    assert "upper teeth fill" in str(row.sentences["teeth fill"]) and row.values["teeth_fill"] == seen.teeth
    where = report.where(report.Measures(toothed), "teeth fill", "vrc.v_aa", opened(toothed))
    assert set(toothed.features.part[np.isin(toothed.features.index, where)]) == {Part.TEETH_UPPER}
    assert "teeth fill" not in row_of(toothed, "jawOpen", opened(toothed)).grades, "units are seen in visemes"


def test_a_mouth_that_shows_its_wall_is_fine_and_one_that_is_not_wide_open_says_nothing(face, toothed):
    walled = with_mouth(face, Part.MOUTH)
    seen = FrontView(walled).open_mouth(opened(walled))
    assert seen.teeth == 0 and seen.hole < 0.05
    assert "mouth hole" not in row_of(walled, "vrc.v_aa", opened(walled)).grades
    assert FrontView(toothed).open_mouth(opened(toothed, 0.05)) == SHUT


def test_an_open_mouth_without_a_wall_or_with_one_that_faces_away_is_a_hole(face, anatomy):
    for hollow in (anatomy, with_mouth(face, Part.MOUTH, outward=False)):
        assert FrontView(hollow).open_mouth(opened(hollow)).hole > 0.9
        row = row_of(hollow, "vrc.v_aa", opened(hollow))
        assert row.grades["mouth hole"] == AMBER and row.ok and "is a hole" in str(row.sentences["mouth hole"])


def test_visemes_that_look_alike_from_the_front_name_each_other(anatomy):
    aa, narrow = opened(anatomy), opened(anatomy, 0.1)
    to_and_fro = aa + np.where(aa.any(1, keepdims=True), np.float32([0, 0, 0.1]), 0).astype(np.float32)
    view = FrontView(anatomy)
    apart = view.differences([aa, narrow, to_and_fro])
    assert apart[0, 1] > 0.01 and apart[0, 2] == pytest.approx(0, abs=1e-6) and apart == pytest.approx(apart.T)
    assert view.differences([2 * aa, 2 * narrow])[0, 1] == pytest.approx(2 * apart[0, 1], rel=1e-4)
    names = ["vrc.v_sil", "vrc.v_aa", "vrc.v_oh", "vrc.v_e"]
    rows = report.examine(anatomy, names, np.stack([0 * aa, aa, to_and_fro, narrow]), 1.0)
    assert [row.grades.get("looks apart", GREEN) for row in rows] == [GREEN, AMBER, AMBER, GREEN]
    assert str(rows[1].sentences["looks apart"]) == "looks like vrc.v_oh from the front"
    weak = report.examine(anatomy, names, np.stack([0 * aa, aa, to_and_fro, narrow]), 0.5)
    assert all("looks apart" not in row.grades for row in weak), "at half their strength they may"


def test_a_mouth_that_opens_less_than_its_style_asks_for_is_reported(anatomy):
    offsets = np.stack([opened(anatomy, 0.2)])
    width = anatomy.mouth.corners[1, 0] - anatomy.mouth.corners[0, 0]
    for share, grade in ((0.2 / width, GREEN), (0.4 / width, AMBER)):
        (row,) = repair_or_reject(anatomy, ["vrc.v_oh"], offsets.copy(), 1.0, {"vrc.v_oh": share})
        assert row.grades.get("opens as its style", GREEN) == grade and row.ok
    assert "as far as in its style" in str(row.sentences["opens as its style"])
    (weak,) = repair_or_reject(anatomy, ["vrc.v_oh"], offsets.copy(), 0.5, {"vrc.v_oh": share})
    assert "opens as its style" not in weak.grades | row_of(anatomy, "vrc.v_oh", offsets[0]).grades
