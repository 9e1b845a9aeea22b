"""The hidden mark in every shape, on a closed head with a mouth bag, with no Blender."""

from dataclasses import dataclass

import numpy as np
import pytest

from blendshape_addon.core import shape_markers
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.shape_markers import AMOUNTS, MARKERS, find_markers, main_object, with_shape_markers
from blendshape_addon.core.shapes import Shape
from blendshape_addon.core.vocabulary import ALL_SHAPES, KNOWN_SHAPES, UNIFIED, VISEMES


@dataclass
class Face:
    points: np.ndarray
    frame: np.ndarray
    eye_distance: float


def ball(centre, radius, steps=16):
    """(V, 3), (T, 3): a closed sphere whose seam and poles are split vertices, as UV maps split them."""
    polar, turn = np.meshgrid(np.linspace(0, np.pi, steps), np.linspace(0, 2 * np.pi, 2 * steps), indexing="ij")
    points = np.stack([np.sin(polar) * np.cos(turn), np.cos(polar), np.sin(polar) * np.sin(turn)], -1)
    rows, columns = np.meshgrid(np.arange(steps - 1), np.arange(2 * steps - 1), indexing="ij")
    a = (rows * 2 * steps + columns).reshape(-1)
    triangles = np.concatenate(
        [np.stack([a, a + 1, a + 2 * steps], 1), np.stack([a + 1, a + 2 * steps + 1, a + 2 * steps], 1)]
    )
    return points.reshape(-1, 3) * radius + centre, triangles


def head(unit=1.0):
    """A head of 11 cm with a bag inside, and glasses as a second object; y up, facing +z, `unit` a metre."""
    skull, skull_triangles = ball((0, 1.6, 0), 0.11)
    bag, bag_triangles = ball((0, 1.57, 0.05), 0.02, 8)
    glasses, glasses_triangles = ball((0, 1.62, 0.15), 0.02, 8)
    vertices = np.concatenate([skull, bag, glasses]) * unit
    triangles = np.concatenate([skull_triangles, bag_triangles + len(skull), glasses_triangles + len(skull) + len(bag)])
    object_id = np.repeat([0, 1], [len(skull) + len(bag), len(glasses)]).astype(np.int32)
    marks = np.array([(-0.03, 1.62, 0.1), (0.03, 1.62, 0.1), (0, 1.6, 0.11), (0.02, 1.56, 0.1), (-0.02, 1.56, 0.1)])
    return Avatar(vertices, triangles, object_id, ("head", "glasses")), Face(marks * unit, np.eye(3), 0.063 * unit)


def empty(*names):
    return [Shape(name, np.empty(0, np.int64), np.empty((0, 3), np.float32)) for name in names]


def test_main_object_is_the_one_with_the_landmarks():
    avatar, found = head()
    assert main_object(avatar, found.points) == 0


@pytest.mark.parametrize("unit", [1.0, 100.0, 0.05])
def test_every_empty_shape_moves_50_to_100_micrometres(unit):
    avatar, face = head(unit)
    sizes = []
    for shape in with_shape_markers(avatar, empty(*ALL_SHAPES), face):
        size = np.linalg.norm(shape.deltas, axis=1) / unit
        assert len(size) and ((size >= 50e-6) & (size <= 100e-6)).all()
        sizes.append(size[0])
    assert np.diff(np.sort(sizes)).min() > 1e-7


def test_every_shape_has_an_amount_of_its_own_that_rounding_keeps_apart():
    assert set(KNOWN_SHAPES) <= AMOUNTS.keys()
    for section in (UNIFIED, AMOUNTS.keys() - set(UNIFIED)):
        amounts = np.sort([AMOUNTS[name] for name in section])
        assert amounts[0] >= 50e-6 and amounts[-1] <= 100e-6
        assert (np.diff(amounts) / amounts[1:]).min() > 0.005 > MARKERS.rounding


def test_another_shape_shifts_no_mark(monkeypatch):
    avatar, face = head()
    before = with_shape_markers(avatar, empty(*ALL_SHAPES), face)
    monkeypatch.setattr(shape_markers, "AMOUNTS", {"aNewShape": 52e-6, **AMOUNTS})
    new, *after = with_shape_markers(avatar, empty("aNewShape", *ALL_SHAPES), face)
    assert np.linalg.norm(new.deltas[0]) == pytest.approx(52e-6)
    for old, again in zip(before, after, strict=True):
        assert np.array_equal(old.deltas, again.deltas) and np.array_equal(old.indices, again.indices)


@pytest.mark.parametrize(
    ("name", "micrometres"),
    [("vrc.v_sil", 55.0), ("vrc.v_pp", 55 + 40 / 74), ("joy", 55 + 17 * 40 / 74), ("tongueOut", 95.0)],
)
def test_marks_are_as_far_as_the_first_release_moved_them(name, micrometres):
    avatar, face = head()
    (shape,) = with_shape_markers(avatar, empty(name), face)
    assert np.linalg.norm(shape.deltas[0]) == pytest.approx(micrometres * 1e-6, rel=1e-6)


def test_the_mark_is_behind_the_surface_and_keeps_seams_closed():
    avatar, face = head()
    (shape,) = with_shape_markers(avatar, empty("vrc.v_sil"), face)
    assert (np.linalg.norm(avatar.vertices[shape.indices] - (0, 1.6, 0), axis=1) < 0.09).all()
    twins = np.flatnonzero(avatar.weld == avatar.weld[shape.indices[0]])
    assert np.array_equal(np.sort(shape.indices), twins)


def test_equal_shapes_become_different_and_keep_their_motion():
    avatar, face = head()
    moved = np.flatnonzero(avatar.vertices[:, 2] > 0.09)
    deltas = np.full((len(moved), 3), 0.01, np.float32)
    marked = with_shape_markers(avatar, [Shape(name, moved, deltas) for name in VISEMES], face)
    assert len({shape.deltas.tobytes() for shape in marked}) == 15
    for shape in marked:
        assert np.isin(moved, shape.indices).all()
        assert (np.diff(shape.indices) > 0).all()
        assert np.array_equal(shape.deltas[np.isin(shape.indices, moved)], deltas)


def test_where_every_vertex_moves_none_is_held_back():
    avatar, face = head()
    everything = np.arange(len(avatar.vertices))
    push = np.tile(np.float32([0, -0.01, 0]), (len(everything), 1))
    made = with_shape_markers(avatar, [Shape("jawOpen", everything, push), *empty("vrc.v_sil")], face)
    assert np.abs(made[0].deltas - push).max() < 101e-6 and len(made[0].indices) == len(everything)
    assert not np.array_equal(made[0].deltas, push) and len(made[1].indices)


def test_a_vertex_lost_far_away_takes_no_memory():
    avatar, face = head()
    vertices = avatar.vertices.copy()
    vertices[avatar.triangles[0]] += 1e7  # as far as the only vertices that stay where they are
    lost = Avatar(vertices, avatar.triangles, avatar.object_id, avatar.object_names)
    others = np.setdiff1d(np.arange(len(vertices)), avatar.triangles[0])
    push = np.tile(np.float32([0, -0.01, 0]), (len(others), 1))
    (made,) = with_shape_markers(lost, [Shape("jawOpen", others, push)], face)
    assert len(made.indices) > len(others)


def test_marks_tell_whose_shapes_these_are_in_any_unit():
    avatar, face = head()
    made = with_shape_markers(avatar, empty(*ALL_SHAPES[:20]), face)
    rng = np.random.default_rng(0)
    offsets = {shape.name: np.zeros(avatar.vertices.shape) for shape in made}
    for shape in made:
        offsets[shape.name][shape.indices] = shape.deltas
    for name in ALL_SHAPES[:10]:  # shapes that move something, one vertex by the same amount in all
        offsets[name][:50] += rng.normal(0, 0.001, (50, 3))
        offsets[name][60] = 1e-4
    for name in ALL_SHAPES[20:24]:  # the creator's
        offsets[name] = rng.normal(0, 0.001, avatar.vertices.shape)
    stored = {
        name: np.float32(avatar.vertices + offset) - np.float32(avatar.vertices) for name, offset in offsets.items()
    }
    assert find_markers({name: 100 * offset for name, offset in stored.items()}) == set(ALL_SHAPES[:20])
    assert find_markers({name: stored[name] for name in ALL_SHAPES[18:24]}) == set()


def test_no_mark_is_found_where_none_is():
    assert find_markers({}) == find_markers({name: np.zeros((5, 3)) for name in VISEMES}) == set()
    assert find_markers({name: np.ones((5, 3)) for name in VISEMES}) == set()


def test_a_vertex_of_no_face_is_not_marked():
    """Unity drops such vertices, and with them a shape that moves nothing else."""
    avatar, face = head()
    hidden = np.random.default_rng(0).normal((0, 1.6, 0), 0.001, (50, 3))
    loose = Avatar(
        np.concatenate([avatar.vertices, hidden]), avatar.triangles,
        np.concatenate([avatar.object_id, np.zeros(50, np.int32)]), avatar.object_names,
    )  # fmt: skip
    (shape,) = with_shape_markers(loose, empty("vrc.v_sil"), face)
    assert np.isin(shape.indices, avatar.triangles).all()
