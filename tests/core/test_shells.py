"""Outlines, backs and copies of a surface are put onto it and read once."""

import numpy as np
import pytest

from blendshape_addon.core.avatar import shells
from blendshape_addon.core.avatar.avatar import Avatar


def sphere(radius=1.0, centre=(0.0, 0.0, 0.0), segments=24):
    """Vertices (n, 3) and triangles (m, 3) of a ball that faces outwards, open at its poles."""
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    up = np.linspace(0.1, np.pi - 0.1, segments // 2)
    points = np.stack([np.outer(np.sin(up), np.cos(around)), np.outer(np.sin(up), np.sin(around)),
                       np.outer(np.cos(up), np.ones(segments))], axis=-1).reshape(-1, 3)  # fmt: skip
    row, column = (grid.ravel() for grid in np.meshgrid(np.arange(segments // 2 - 1), np.arange(segments)))
    a, b = row * segments + column, row * segments + (column + 1) % segments
    triangles = np.concatenate([np.stack([a, a + segments, b + segments], 1), np.stack([a, b + segments, b], 1)])
    return points * radius + centre, triangles


def avatar(*meshes, one_object=False):
    starts = np.cumsum([0, *(len(points) for points, _ in meshes)])
    sizes = [len(points) for points, _ in meshes]
    owners = np.zeros(sum(sizes), np.int32) if one_object else np.repeat(np.arange(len(meshes), dtype=np.int32), sizes)
    return Avatar(
        np.concatenate([points for points, _ in meshes]),
        np.concatenate([triangles + start for (_, triangles), start in zip(meshes, starts, strict=False)]),
        owners,
        tuple(f"part {number}" for number in range(owners.max() + 1)),
    )


def turned(mesh):
    """`mesh` with its triangles turned over, beginning at another corner, as Blender cuts a quad the other way."""
    return mesh[0], mesh[1][:, [2, 1, 0]]


@pytest.mark.parametrize("one_object", [False, True])
@pytest.mark.parametrize("outline_first", [False, True])
def test_an_outline_goes_onto_the_skin_that_faces_outwards(one_object, outline_first):
    skin, outline = sphere(), turned(sphere(1.03))
    meshes = (outline, skin) if outline_first else (skin, outline)
    found = shells.collapsed(avatar(*meshes, one_object=one_object))
    assert np.allclose(found.vertices, np.concatenate([skin[0], skin[0]]))
    assert len(found.triangles) == len(skin[1])
    start = len(skin[0]) * outline_first
    assert (found.triangles >= start).all() and (found.triangles < start + len(skin[0])).all()


def test_a_copy_that_is_an_object_goes_onto_the_first():
    first, copy = sphere(), sphere(1.0, (0.02, 0, 0.01))
    found = shells.collapsed(avatar(first, copy))
    assert np.allclose(found.vertices[len(first[0]) :], first[0]) and len(found.triangles) == len(first[1])


@pytest.mark.parametrize(
    "meshes",
    [
        (sphere(), sphere(1.0, (0.5, 0, 0))),  # beside each other, as two eyes
        (sphere(), sphere(1.3)),  # one inside the other, far from its surface
        (sphere(), sphere(1.02, segments=26)),  # of another mesh
    ],
)
def test_what_covers_nothing_stays(meshes):
    before = avatar(*meshes)
    assert shells.collapsed(before) is before


def test_strands_of_one_object_stay():
    """Side by side, turned the same way."""
    before = avatar(sphere(), sphere(1.0, (0.02, 0, 0)), one_object=True)
    assert shells.collapsed(before) is before


def test_backs_on_the_very_same_vertices_places_are_left_out():
    """Whatever the order of their vertices."""
    points, triangles = sphere()
    order = np.random.default_rng(1).permutation(len(points))
    place = np.argsort(order)
    found = shells.collapsed(avatar((points, triangles), (points[order], place[triangles][:, ::-1])))
    assert len(found.triangles) == len(triangles) and found.triangles.max() < len(points)
