"""What the network sees: side fields that part the lips, and features that no move, turn or scale changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pieces import attached, sheet

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection import snap
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import eye_centres
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.face.parts import Part, classify
from blendshape_addon.core.geometry.harmonic import cotangent_weights, solve
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARK_MIRROR


def test_lip_side_jumps_across_the_closed_mouth(face):
    avatar, marks = face
    features = compute(avatar, marks)
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"], 1]
    middle = (np.abs(features.positions[:, 0]) < 0.15) & (np.abs(features.positions[:, 1] - seam) < 0.12)
    above = features.positions[:, 1] > seam + 0.01
    below = features.positions[:, 1] < seam - 0.01
    assert features.side[middle & above, 0].min() > 0.5
    assert features.side[middle & below, 0].max() < -0.5


def test_lid_sides_have_the_right_sign_and_eye(face):
    avatar, marks = face
    features = compute(avatar, marks)
    for field, side in ((1, "l"), (2, "r")):
        for lid, sign in (("upper", 1), ("lower", -1)):
            mark = marks[LANDMARK_INDEX[f"lid_{lid}_mid_{side}"]] + [0, 0.06 * sign, 0]
            nearest = np.argmin(np.linalg.norm(features.positions - mark, axis=1))
            assert features.side[nearest, field] * sign > 0.3
            assert abs(features.side[nearest, 3 - field]) < 0.3


def test_vertices_without_triangles_change_nothing(face):
    avatar, marks = face
    crumbs = np.random.default_rng(0).normal(marks.mean(0), 0.4, (300, 3))
    loose = Avatar(np.concatenate([avatar.vertices, crumbs, [[1e9, 0, 0]]]), avatar.triangles,
                   np.zeros(len(avatar.vertices) + 301, np.int32), avatar.object_names)  # fmt: skip
    one, other = compute(avatar, marks), compute(loose, marks)
    assert np.array_equal(one.index, other.index) and np.array_equal(one.part, other.part)
    assert np.allclose(one.side, other.side, atol=1e-6) and one.sealed == other.sealed


def test_a_face_where_the_mesh_has_no_surface_is_refused(face):
    avatar, marks = face
    for places in (avatar.vertices + 50, np.zeros_like(avatar.vertices)):
        lost = Avatar(places, avatar.triangles, avatar.object_id, avatar.object_names)
        with pytest.raises(FaceNotFound, match="no surface"):
            compute(lost, marks + 100)


def test_a_mouth_of_no_width_is_refused_and_not_looked_at(face):
    avatar, marks = face
    crushed = marks.copy()
    crushed[LANDMARK_INDEX["mouth_corner_l"]] = crushed[LANDMARK_INDEX["mouth_corner_r"]]
    assert snap.snap_to_edges(avatar, crushed) is crushed
    with pytest.raises(FaceNotFound, match="no surface"):
        compute(avatar, crushed)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None)
def test_inputs_do_not_change_with_place_turn_and_size(face, seed):
    avatar, marks = face
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    size, shift = 10 ** rng.uniform(-2, 2), rng.normal(size=3)
    moved = Avatar(avatar.vertices @ turn.T * size + shift, avatar.triangles, avatar.object_id, avatar.object_names)
    expected = compute(avatar, marks).inputs()[0]
    assert np.abs(compute(moved, marks @ turn.T * size + shift).inputs()[0] - expected).max() < 2e-2


def test_the_mirror_of_a_symmetric_face_is_the_face(face):
    avatar, marks = face
    features = compute(avatar, marks)
    flipped = Avatar(avatar.vertices * [-1, 1, 1], avatar.triangles[:, ::-1], avatar.object_id, avatar.object_names)
    mirrored = compute(flipped, marks[list(LANDMARK_MIRROR)] * [-1, 1, 1])
    apart = np.abs(mirrored.inputs() - features.inputs(mirror=True)).max(0)
    assert apart[6:9].max() < 2e-3  # fields are solved to so much
    assert np.delete(apart, slice(6, 9)).max() < 1e-5


@pytest.mark.parametrize("rows,columns", [(3, 21), (300, 100)])  # the former solved at once, the latter by cycles
def test_a_harmonic_field_on_a_strip_is_linear_and_cut_by_a_slit(rows, columns):
    x = np.linspace(0, 1, columns)
    strip = np.stack([*np.meshgrid(x, np.linspace(0, rows / columns, rows)), np.zeros((rows, columns))], -1)
    points = np.concatenate([strip.reshape(-1, 3)] * 2)  # and another in the same place that is not joined to it
    count = rows * columns
    at = np.arange(count).reshape(rows, columns)
    quads = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
    edges, weights = cotangent_weights(points, np.concatenate([triangles, triangles + count]))
    field = solve(2 * count, edges, weights, [(at[:, -1], at[:, 0])])[:, 0]
    assert np.abs(field[:count] - (2 * points[:count, 0] - 1)).max() < 0.05  # pieces without anchors are pulled to 0
    assert not field[count:].any()


@given(st.integers(0, 2**32 - 1), st.integers(20, 900))
@settings(max_examples=25, deadline=None)
def test_harmonic_fields_are_those_of_the_whole_system(seed, count):
    rng = np.random.default_rng(seed)
    edges = rng.integers(0, count, (int(rng.integers(1, 3 * count)), 2))
    edges = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], axis=1), axis=0)
    weights = rng.uniform(0.05, 10, len(edges))
    held = [rng.choice(count, (2, 4), replace=False) for _ in range(3)]
    fields = solve(count, edges, weights, held)
    matrix = np.zeros((count, count))
    matrix[edges[:, 0], edges[:, 1]] = matrix[edges[:, 1], edges[:, 0]] = -weights
    matrix -= np.diag(matrix.sum(1) - 1e-9)  # what has no anchor is 0
    for field, (plus, minus) in zip(fields.T, held, strict=True):
        given_, free = np.concatenate([plus, minus]), np.ones(count, bool)
        free[given_] = False
        start = np.zeros(count)
        start[plus], start[minus] = 1, -1
        exact = start.copy()
        exact[free] = np.linalg.solve(matrix[np.ix_(free, free)], -matrix[np.ix_(free, given_)] @ exact[given_])
        # Energies, which are what is made small: a value in a far corner of such a graph may be farther off.
        wrong, before = (apart @ matrix @ apart for apart in (field - exact, start - exact))
        assert wrong <= (0.01**2) * before + 1e-9


@pytest.mark.parametrize(
    "name,expected", [("eyelash", Part.ATTACHED), ("まつげ", Part.ATTACHED), ("Brows", Part.ATTACHED)]
)
def test_a_card_over_the_eye_follows_the_skin(face, name, expected):
    avatar, marks = face
    lid = marks[LANDMARK_INDEX["lid_upper_mid_l"]]
    card = lid + np.array([[-0.15, 0, 0.02], [0.15, 0, 0.02], [0.15, 0.05, 0.1], [-0.15, 0.05, 0.1]])
    count = len(avatar.vertices)
    both = Avatar(
        np.concatenate([avatar.vertices, card]),
        np.concatenate([avatar.triangles, [[count, count + 1, count + 2], [count, count + 2, count + 3]]]),
        np.concatenate([avatar.object_id, np.ones(4, int)]),
        ("Face", name),
    )
    features = compute(both, marks)
    assert (features.part[features.index >= count] == expected).all()
    assert (features.part[features.index < count] == Part.SKIN).all()


def test_single_teeth_are_sorted_by_the_plane_they_bite_on(face):
    avatar, marks = face
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"]]
    box, triangles = sheet(np.linspace(-0.03, 0.03, 3), np.linspace(-0.06, 0.06, 3))
    upper = []
    for z in np.linspace(-0.3, -0.9, 6):
        rise = -0.2 * (z + 0.3)  # at the back the lower teeth stand higher than the upper ones at the front do
        for side in (0.25, -0.25):
            for row in (1, -1):
                tooth = box + seam + [side, rise + 0.065 * row, z]
                avatar = attached(avatar, tooth, triangles, "Teeth")
                upper += [row > 0] * len(box)
    part = classify(avatar, avatar.vertices, marks)[-len(upper) :]
    assert np.array_equal(part == Part.TEETH_UPPER, upper) and np.array_equal(
        part == Part.TEETH_LOWER, ~np.array(upper)
    )


def test_pupils_and_highlights_are_of_the_eye_and_lashes_follow_the_skin(face):
    avatar, marks = face
    centre = eye_centres(marks)[0]
    iris, triangles = sheet(np.linspace(-0.15, 0.15, 5), np.linspace(-0.12, 0.12, 5))
    avatar = attached(avatar, iris + centre - [0, 0, 0.06], triangles, "Eye")
    dot, triangles = sheet(np.linspace(0, 0.05, 3), np.linspace(0, 0.05, 3))
    avatar = attached(avatar, dot + centre + [0.02, 0.03, -0.05], triangles, "Thing")
    lash, triangles = sheet(np.linspace(-0.25, 0.25, 7), np.linspace(0.08, 0.14, 3))
    avatar = attached(avatar, lash + centre + [0, 0, 0.02], triangles, "Eyelash")
    part = classify(avatar, avatar.vertices, marks)
    first = len(face[0].vertices)
    assert (part[first : first + 34] == Part.EYE).all() and (part[first + 34 :] == Part.ATTACHED).all()
