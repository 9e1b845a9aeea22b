"""Welding, normals, the two face spaces: what must hold for any mesh."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import Canonical, FaceSpace, canonical_landmarks
from blendshape_addon.core.geometry.mesh import (
    Facing,
    both_ways,
    connected_components,
    edges_of,
    vertex_normals,
    weld_points,
)
from blendshape_addon.core.geometry.nearest import nearest_on_triangles, nearest_within
from blendshape_addon.core.geometry.smoothing import neighbour_means
from blendshape_addon.core.geometry.thin_plate import ThinPlate
from blendshape_addon.core.vocabulary import LANDMARK_MIRROR

seeds = st.integers(0, 2**32 - 1)


def rotation(rng):
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_weld_joins_copies_and_only_copies(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (40, 3))
    pick = rng.integers(0, 40, 25)
    weld = weld_points(np.concatenate([points, points[pick]]))
    assert (weld[40:] == weld[pick]).all()
    assert len(np.unique(weld)) == 40


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_components_are_those_of_a_flood_fill(seed):
    rng = np.random.default_rng(seed)
    triangles = rng.integers(0, 60, (rng.integers(1, 40), 3))
    labels = connected_components(60, triangles)
    reach = np.eye(60, dtype=bool)
    for a, b in edges_of(triangles):
        reach[a, b] = reach[b, a] = True
    for _ in range(6):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    assert ((labels[:, None] == labels) == reach).all()


def test_normals_of_a_sphere_point_outward_across_a_seam():
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 40), np.linspace(0.2, np.pi - 0.2, 20))
    points = np.stack([np.cos(u) * np.sin(v), np.cos(v), -np.sin(u) * np.sin(v)], -1).reshape(-1, 3)
    at = np.arange(800).reshape(20, 40)
    quads = np.stack([at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
    weld = weld_points(points)
    normals = vertex_normals(points, triangles, weld)
    inner = slice(40, -40)
    assert ((normals * points).sum(1)[inner] > 0.98).all()
    assert np.allclose(normals[at[:, 0]], normals[at[:, -1]])  # column 0 and 39 are the same place


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_which_triangles_turn_over_does_not_depend_on_the_other_triangles(seed):
    rng = np.random.default_rng(seed)
    rest, triangles = rng.normal(size=(30, 3)) * rng.uniform(0, 1, (30, 1)) ** 3, rng.integers(0, 30, (60, 3))
    facing, moved = Facing.of(rest, triangles), rest + rng.normal(size=(30, 3)) * 0.3
    some = rng.random(60) < rng.uniform(0, 1)
    over = facing.flipped(moved)
    assert over.any()
    assert (facing.only(some).flipped(moved) == over[some]).all()


def test_what_was_lost_far_away_joins_nothing_else(face):
    """One vertex at 10,000 km would make every distance in a face a small share of the avatar."""
    avatar = face[0]
    far = np.concatenate([avatar.vertices, [[1e8, 0, 0], [1e38, 0, 0]]])
    lost = Avatar(far, avatar.triangles, np.zeros(len(far), np.int32), ("Face",))
    spike = Avatar(far, np.concatenate([avatar.triangles, [[0, 1, len(far) - 2]]]).astype(np.int32),
                   np.zeros(len(far), np.int32), ("Face",))  # fmt: skip
    for other in (lost, spike):
        assert other.weld[:-2].max() == avatar.weld.max() and other.size < 1.1 * avatar.size


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_coordinates_that_are_no_numbers_are_refused(broken):
    with pytest.raises(InputError, match="NaN"):
        Avatar(np.array([[0, 0, 0], [1, 0, 0], [0, broken, 0]]), np.array([[0, 1, 2]]), np.zeros(3, int), ("x",))


def test_a_mesh_without_faces_is_refused():
    with pytest.raises(InputError, match="no faces"):
        Avatar(np.zeros((3, 3)), np.zeros((0, 3), int), np.zeros(3, int), ("x",))


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_face_space_undoes_any_similarity(seed):
    rng = np.random.default_rng(seed)
    marks = canonical_landmarks() + rng.normal(0, 0.02, canonical_landmarks().shape)
    turn, size, shift = rotation(rng), 10 ** rng.uniform(-3, 3), rng.normal(size=3)
    reference = FaceSpace.of(marks).to_face(marks)
    moved = marks @ turn.T * size + shift
    assert np.allclose(FaceSpace.of(moved).to_face(moved), reference, atol=1e-6)
    vectors = rng.normal(size=(5, 3))
    space = FaceSpace.of(moved)
    back = space.vectors_to_avatar(space.to_face(space.origin + vectors) - space.to_face(space.origin[None]))
    assert np.allclose(back, vectors, atol=1e-6 * size)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_thin_plate_goes_through_its_points_and_its_jacobian_is_its_slope(seed):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(20, 3))
    target = source + rng.normal(0, 0.1, (20, 3))
    warp = ThinPlate(source, target, smoothing=0.0)
    assert np.allclose(warp(source), target, atol=1e-5)
    at = rng.normal(size=(7, 3)) * 1.5
    step = 1e-5
    for axis in range(3):
        ahead, behind = at.copy(), at.copy()
        ahead[:, axis] += step
        behind[:, axis] -= step
        slope = (warp(ahead) - warp(behind)) / (2 * step)
        assert np.allclose(warp.jacobian(at)[:, :, axis], slope, atol=1e-3)


def test_thin_plate_goes_through_points_of_one_plane():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(20, 3)) * [1, 1, 0]
    target = rng.normal(size=(20, 3))
    assert np.allclose(ThinPlate(source, target, smoothing=0.0)(source), target, atol=1e-5)


def test_canonical_space_takes_a_stretched_face_to_the_canonical_one(face):
    avatar, marks = face
    stretched = np.array([1.25, 0.8, 1.1])
    here = Canonical.of(avatar.vertices, marks)
    there = Canonical.of(avatar.vertices * stretched, marks * stretched)
    near = np.abs(avatar.vertices).max(1) < 1.2
    assert np.abs(here.positions - there.positions)[near].max() < 0.02
    # A canonical offset comes back stretched as the face is.
    offset = there.to_face[near] @ np.ones(3)
    assert np.abs(offset / stretched - here.to_face[near] @ np.ones(3)).max() < 0.12


def test_the_canonical_face_is_symmetric():
    marks = canonical_landmarks()
    assert np.allclose(marks[list(LANDMARK_MIRROR)] * [-1, 1, 1], marks, atol=1e-3)


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.2))
@settings(max_examples=30, deadline=None)
def test_the_nearest_within_a_radius_is_the_nearest_of_all_or_none(seed, radius):
    rng = np.random.default_rng(seed)
    points, queries = rng.uniform(0, 1, (60, 3)), rng.uniform(-0.1, 1.1, (80, 3))
    apart = np.linalg.norm(queries[:, None] - points, axis=2)
    expected = np.where(apart.min(1) < radius, apart.argmin(1), -1)
    assert np.array_equal(nearest_within(points, queries, radius), expected)


def test_the_nearest_on_triangles_is_no_farther_than_any_sample_of_them():
    rng = np.random.default_rng(0)
    corners, points = rng.uniform(0, 1, (40, 3, 3)), rng.uniform(-0.2, 1.2, (30, 3))
    reach = 0.15
    found, which = nearest_on_triangles(points, corners, reach)
    weights = rng.dirichlet([1, 1, 1], 4000)
    sampled = np.linalg.norm(points[:, None, None] - np.einsum("sk,tkc->tsc", weights, corners), axis=3).min(2)
    distance = np.linalg.norm(found - points, axis=1)
    on = which >= 0
    assert 5 < on.sum() < len(points) and (found[~on] == points[~on]).all()
    assert (distance[on] <= sampled[on].min(1) + 1e-12).all() and (distance[on] < reach).all()
    assert (sampled[~on].min(1) > 0.95 * reach).all()
    assert (np.abs(distance[on] - sampled[on, which[on]]) < 0.05).all()


def test_means_over_neighbours_leave_the_vertex_out():
    edges = np.array([[0, 1], [1, 2], [1, 3]])
    values = np.array([1.0, 10.0, 2.0, 6.0, 99.0])
    assert neighbour_means(*both_ways(edges), values).tolist() == [10, 3, 10, 10, 0]
    pairs = np.stack([values, -values], 1)
    assert np.array_equal(neighbour_means(*both_ways(edges), pairs)[:, 1], [-10, -3, -10, -10, 0])
    assert neighbour_means(edges[:, 0], edges[:, 1], values).tolist() == [10, 4, 0, 0, 0]
