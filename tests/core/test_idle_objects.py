"""What beside the face hardly moves gets no keys, unless a seam with what moves would open."""

import numpy as np
import pytest

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.idle_objects import without_idle_objects
from blendshape_addon.core.shapes import Shape

EYES = 0.063  # metres between the eyes: 1 mm is 1 mm


def avatar():
    """A face, a collar beside it, and a body whose first vertices lie on the last of the face."""
    grid = np.stack([*np.meshgrid(np.arange(3.0), np.arange(3.0)), np.zeros((3, 3))], -1).reshape(-1, 3)
    vertices = np.concatenate([grid, grid + (10, 0, 0), grid + (0, 2, 0)])
    triangles = np.array([(0, 1, 3), (1, 4, 3), (4, 5, 7), (5, 8, 7), (3, 4, 6), (4, 7, 6), (1, 2, 4), (2, 5, 4)])
    triangles = np.concatenate([triangles, triangles + 9, triangles + 18]).astype(np.int32)
    return Avatar(vertices, triangles, np.repeat(np.arange(3, dtype=np.int32), 9), ("Face", "Collar", "Body"))


def shape(name, moves):
    """A shape that moves vertices by millimetres."""
    index = np.array(sorted(moves))
    return Shape(name, index, np.array([(0, 0, moves[i] / 1000) for i in index], np.float32))


def moved(shapes):
    return {one.name: sorted(np.unique(np.array([0, 1, 2]).repeat(9)[one.indices]).tolist()) for one in shapes}


def test_an_object_that_no_shape_moves_by_a_millimetre_gets_none():
    shapes = [shape("a", {0: 5, 9: 0.9}), shape("b", {1: 5, 10: 0.5})]
    assert moved(without_idle_objects(avatar(), shapes, 0, EYES, 1.0)) == {"a": [0], "b": [0]}
    shapes.append(shape("c", {2: 5, 11: 1.1}))  # then its smaller motions are made as well
    assert moved(without_idle_objects(avatar(), shapes, 0, EYES, 1.0)) == {"a": [0, 1], "b": [0, 1], "c": [0, 1]}


def test_a_seam_keeps_its_keys_and_the_face_all_of_them():
    at_seam = [shape("a", {6: 0.8, 18: 0.8})]
    assert moved(without_idle_objects(avatar(), at_seam, 0, EYES, 1.0)) == {"a": [0, 2]}
    beside = [shape("a", {6: 0.8, 26: 0.8})]
    assert moved(without_idle_objects(avatar(), beside, 0, EYES, 1.0)) == {"a": [0]}


@pytest.mark.parametrize(("eyes", "intensity", "keep"), [(EYES, 0.2, ()), (EYES / 10, 1.0, ()), (EYES, 1.0, (1,))])
def test_weak_shapes_small_avatars_and_objects_with_other_keys_keep_theirs(eyes, intensity, keep):
    shapes = [shape("a", {0: 5, 9: 0.5})]
    assert moved(without_idle_objects(avatar(), shapes, 0, eyes, intensity, keep)) == {"a": [0, 1]}
    shapes = [shape("a", {0: 5, 9: 0.05})]
    assert moved(without_idle_objects(avatar(), shapes, 0, eyes, intensity, keep)) == {"a": [0, *keep]}
