"""Lips and lids meet where they must, and nothing that is not theirs moves."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pieces import attached, sheet

from blendshape_addon.core.face import slits
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.face.slits import COLUMNS
from blendshape_addon.core.geometry.mesh import edges_of
from blendshape_addon.core.refinement import barriers, contacts, style_offsets
from blendshape_addon.core.refinement.parameters import LID_CONTACT, MOUTH_OPENING
from blendshape_addon.core.vocabulary import LANDMARK_INDEX

# What coarse rims leave over what is meant.
DEEPEST = -LID_CONTACT.max_overlap * EYE_DISTANCE_MM - 0.3


def blob(features, landmark, width, push, field, sign):
    """(N, 3) smooth motion `push` around a landmark, of one side of a slit only."""
    centre = features.landmarks[LANDMARK_INDEX[landmark]]
    weight = np.exp(-((features.positions - centre) ** 2).sum(1) / width**2) * (features.side[:, field] * sign > 0)
    return (weight[:, None] * np.array(push)).astype(np.float32)


def inner(gap):
    """Columns away from the corners, where a rim of a few vertices says little."""
    return gap[3:-3] * EYE_DISTANCE_MM


@pytest.mark.parametrize("drop", [-0.06, -0.02, 0.05])
def test_pp_closes_lips_that_were_left_open_or_pushed_through_each_other(anatomy, features, drop):
    mouth = anatomy.mouth
    offset = blob(features, "lip_lower_inner_mid", 0.3, (0, drop, 0), 0, -1)
    assert np.abs(inner(mouth.gap(features.positions + offset))).max() > 0.9
    (closed,) = contacts.resolve_contacts(anatomy, offset[None].copy(), ["vrc.v_pp"])
    assert np.abs(inner(mouth.gap(features.positions + closed))).max() < 0.3
    brow = np.linalg.norm(features.positions - features.landmarks[LANDMARK_INDEX["brow_mid_l"]], axis=1).argmin()
    assert np.abs((closed - offset)[brow]).max() * EYE_DISTANCE_MM < 0.05


def test_a_mouth_that_is_open_at_rest_is_shut_by_its_lower_lip(face, features):
    """As a muzzle is, whose nose would be drawn to the chin. One that a shape opens is shut by both lips."""
    avatar, marks = face
    drop = blob(features, "lip_lower_inner_mid", 0.3, (0, -0.1, 0), 0, -1)
    vertices = avatar.vertices.copy()
    vertices[features.index] += drop @ features.space.rotation * features.space.scale
    ajar = replace(avatar, vertices=vertices)
    moved = marks.copy()
    for name in ("lip_lower_inner_mid", "lip_lower_inner_l", "lip_lower_inner_r", "lip_lower_outer_mid"):
        nearest = np.linalg.norm(features.positions - features.landmarks[LANDMARK_INDEX[name]], axis=1).argmin()
        moved[LANDMARK_INDEX[name]] += drop[nearest] @ features.space.rotation * features.space.scale
    shares = []
    for anatomy, offset in (
        (FaceAnatomy(ajar, compute(ajar, moved)), np.zeros_like(drop)),
        (FaceAnatomy(avatar, features), drop),
    ):
        rest, mouth = anatomy.features.positions, anatomy.mouth
        middle = np.abs(COLUMNS - 0.5) < 0.2
        assert mouth.gap(rest + offset)[middle].min() > 0.05
        (closed,) = contacts.resolve_contacts(anatomy, offset[None].copy(), ["vrc.v_pp"])
        assert np.abs(mouth.gap(rest + closed)[middle]).max() * EYE_DISTANCE_MM < 0.3
        before, after = (mouth.rim(rest + motion, mouth.upper)[middle].mean() for motion in (offset, closed))
        shares.append((before - after) / mouth.gap(rest + offset)[middle].mean())
    assert shares[0] < 0.3 and shares[1] == pytest.approx(0.5, abs=0.1)


def test_other_visemes_stay_open_but_never_pass_through(anatomy, features):
    mouth = anatomy.mouth
    opened = blob(features, "lip_lower_inner_mid", 0.3, (0, -0.2, 0), 0, -1)
    crossed = blob(features, "lip_lower_inner_mid", 0.3, (0, 0.06, 0), 0, -1)
    wide, apart = contacts.resolve_contacts(anatomy, np.stack([opened, crossed]), ["vrc.v_aa", "vrc.v_rr"])
    assert np.array_equal(wide, opened)
    assert inner(mouth.gap(features.positions + apart)).min() > -0.3


@pytest.mark.parametrize("share", [0.15, 0.3, 0.5])
def test_a_mouth_opens_as_wide_as_the_style_asks(anatomy, features, share):
    mouth = anatomy.mouth
    width = np.linalg.norm(mouth.corners[1] - mouth.corners[0])
    offset = blob(features, "lip_lower_inner_mid", 0.3, (0, -0.3 * width, 0.01), 0, -1)
    direction = offset / np.abs(offset).max()
    style_offsets.open_mouth(anatomy, offset[None], ["vrc.v_aa"], {"vrc.v_aa": share, "vrc.v_oh": 0.1})
    assert mouth.gap(features.positions + offset)[7] == pytest.approx(share * width, abs=0.02 * width)
    assert np.allclose(offset / np.abs(offset).max(), direction, atol=1e-5)


def test_aa_parts_the_lips_where_its_style_does_not_say_how_far(anatomy, features):
    mouth = anatomy.mouth
    width = np.linalg.norm(mouth.corners[1] - mouth.corners[0])
    little, much = (blob(features, "lip_lower_inner_mid", 0.3, (0, -share * width, 0), 0, -1) for share in (0.06, 0.3))
    offsets = np.stack([little, much, little])
    scales = style_offsets.open_mouth(anatomy, offsets, ["vrc.v_aa", "vrc.v_aa", "vrc.v_e"], {})
    assert mouth.gap(features.positions + offsets[0])[7] == pytest.approx(MOUTH_OPENING.least * width, rel=0.1)
    assert scales.keys() == {"vrc.v_aa"} and np.array_equal(offsets[1:], [much, little])


@pytest.mark.parametrize("behind", [None, 0.4])
def test_shapes_end_behind_the_face(features, behind):
    depth = features.landmarks[:, 2].min() - features.positions[:, 2]
    offsets = np.ones((2, len(depth), 3), np.float32)
    style_offsets.end_behind_face(features, offsets, behind)
    if behind is None:
        assert (offsets == 1).all()
        return
    near = depth < behind / 2
    assert (offsets[:, near] == 1).all() and near.any()
    deep = replace(features, landmarks=features.landmarks + [0, 0, 1.4])
    style_offsets.end_behind_face(deep, offsets, behind)
    depth = deep.landmarks[:, 2].min() - features.positions[:, 2]
    assert (offsets[:, depth >= behind] == 0).all() and (depth >= behind).any()


def test_a_shape_that_hardly_parts_the_lips_is_not_torn_open(anatomy, features):
    offset = blob(features, "lip_lower_inner_mid", 0.3, (0.05, -0.002, 0), 0, -1)
    kept = offset.copy()
    style_offsets.open_mouth(anatomy, offset[None], ["vrc.v_aa"], {"vrc.v_aa": 0.4})
    assert np.array_equal(offset, kept)


@pytest.mark.parametrize("strength", [0.5, 1.3])
def test_a_blink_ends_where_the_lids_meet(anatomy, features, strength):
    eye = anatomy.eyes["l"]
    opening = eye.gap(features.positions).max()
    offset = blob(features, "lid_upper_mid_l", 0.3, (0, -opening * strength, 0.02), 1, 1)
    (closed,) = contacts.resolve_contacts(anatomy, offset[None].copy(), ["eyeBlinkLeft"])
    gap = inner(eye.gap(features.positions + closed))
    assert np.abs(inner(eye.gap(features.positions + offset))).max() > 1.5
    assert gap.min() > DEEPEST and gap.max() < 0.3
    other = features.positions[:, 0] < -0.2
    assert np.abs((closed - offset)[other]).max() * EYE_DISTANCE_MM < 0.05


@pytest.mark.parametrize("meet", [0.0, 0.1, 0.35])
def test_lids_meet_where_the_style_says(anatomy, features, meet):
    eye, rest = anatomy.eyes["l"], features.positions
    opening = eye.gap(rest)
    offset = blob(features, "lid_upper_mid_l", 0.3, (0, -0.6 * opening.max(), 0), 1, 1)
    offset += blob(features, "lid_lower_mid_l", 0.3, (0, 0.4 * opening.max(), 0), 1, -1)
    (closed,) = contacts.resolve_contacts(anatomy, offset[None].copy(), ["eyeBlinkLeft"], meet)
    raised = inner((eye.rim(rest + closed, eye.lower) - eye.rim(rest, eye.lower)) / opening)
    assert np.median(raised) / EYE_DISTANCE_MM == pytest.approx(meet, abs=0.06)
    assert inner(eye.gap(rest + closed)).max() < 0.3


def test_the_edge_of_a_lid_has_no_gap(anatomy, features):
    """From one corner to the other each vertex of it is a neighbour of the next."""
    for eye in anatomy.eyes.values():
        edges = {tuple(edge) for edge in edges_of(anatomy.skin)}
        for rim in (eye.upper, eye.lower):
            way = rim[np.argsort(features.positions[rim, 0])]
            joined = [(min(a, b), max(a, b)) in edges for a, b in pairwise(way)]
            assert len(way) > 6 and np.mean(joined) > 0.75  # where the edge steps up, two are at one x


def test_how_far_an_eye_is_left_open_is_a_share_of_what_it_was(anatomy, features):
    eye = anatomy.eyes["l"]
    opening = eye.gap(features.positions).max()
    for share in (0.0, 0.5, 1.0):
        moved = features.positions + (features.side[:, 1:2] > 0) * [0, -share * opening, 0]
        assert eye.left_open(features.positions, moved) == pytest.approx(max(1 - share, 0), abs=0.15)
    shut = features.positions + (features.side[:, 1:2] > 0) * [0, -opening, 0]
    assert eye.left_open(shut, features.positions) == 0


def test_lids_of_an_emotion_close_no_further_than_shut(anatomy, features):
    eye = anatomy.eyes["l"]
    opening = eye.gap(features.positions).max()
    half, crossed = (blob(features, "lid_upper_mid_l", 0.3, (0, -opening * s, 0), 1, 1) for s in (0.1, 1.5))
    kept, shut = contacts.resolve_contacts(anatomy, np.stack([half, crossed]), ["joy", "joy"])
    assert np.array_equal(kept, half)
    assert inner(eye.gap(features.positions + crossed)).min() < DEEPEST
    assert inner(eye.gap(features.positions + shut)).min() > DEEPEST


def test_the_lower_lip_bites_on_the_edge_of_the_upper_teeth(face):
    avatar, marks = face
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"]]
    teeth, triangles = sheet(np.linspace(-0.3, 0.3, 7), np.linspace(-0.06, 0.2, 4))
    biting = attached(avatar, teeth + seam - [0, 0, 0.1], triangles, "Teeth")
    features = compute(biting, marks)
    assert (features.part == Part.TEETH_UPPER).sum() == len(teeth)
    anatomy = FaceAnatomy(biting, features)
    mouth = anatomy.mouth
    offset = blob(features, "lip_lower_inner_mid", 0.3, (0, -0.2, 0), 0, -1)
    (bitten,) = contacts.resolve_contacts(anatomy, offset[None].copy(), ["vrc.v_ff"])
    middle = np.abs(slits.COLUMNS - 0.5) < 0.15
    rim = mouth.rim(features.positions + bitten, mouth.lower)[middle]
    assert np.abs(rim - (seam[1] - 0.06)).max() * EYE_DISTANCE_MM < 1
    assert np.array_equal(bitten[features.part == Part.TEETH_UPPER], 0 * teeth)


def test_lips_pressed_back_stay_before_the_teeth(face):
    avatar, marks = face
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"]]
    plate, triangles = sheet(np.linspace(-0.3, 0.3, 9), np.linspace(-0.25, 0.25, 9))
    toothed = attached(avatar, plate + seam - [0, 0, 0.2], triangles, "Teeth")
    features = compute(toothed, marks)
    skin = features.part == Part.SKIN
    lips = skin & (np.abs(features.positions[:, :2] - seam[:2]) < 0.2).all(1)
    offsets = np.zeros((2, len(features.index), 3), np.float32)
    offsets[:, skin, 2] = -0.27 * np.exp(-((features.positions[skin] - seam) ** 2).sum(1) / 0.1)
    barriers.push_out(FaceAnatomy(toothed, features), offsets, ["vrc.v_ou", "mouthRollUpper"])
    held, rolled = ((features.positions + offset)[lips, 2].min() > seam[2] - 0.2 for offset in offsets)
    assert held and not rolled


def test_skin_far_behind_the_teeth_is_left_alone(face):
    avatar, marks = face
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"]]
    plate, triangles = sheet(np.linspace(-0.3, 0.3, 9), np.linspace(-0.25, -0.05, 5))
    toothed = attached(avatar, plate + seam - [0, 0, 0.2], triangles, "Teeth")
    features = compute(toothed, marks)
    lower, skin = features.part == Part.TEETH_LOWER, features.part == Part.SKIN
    throat = skin & (np.abs(features.positions[:, 0]) < 0.2) & (features.positions[:, 1] < seam[1] - 0.3)
    features.positions[throat, 2] -= 1.2
    offsets = np.zeros((1, len(features.index), 3), np.float32)
    offsets[0, lower, 1] = -0.3
    offsets[0, throat, 1] = -0.01
    barriers.push_out(FaceAnatomy(toothed, features), offsets, ["jawOpen"])
    assert lower.any() and throat.sum() > 50 and not offsets[0, throat, 2].any()
