"""The rasteriser against the definition, pixel by pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection.views import crop, draw, pieces
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.geometry import raster
from blendshape_addon.core.geometry.parameters import RASTER
from blendshape_addon.core.geometry.raster import rasterise

coordinate = st.floats(-1.6, 1.6, allow_nan=False).map(lambda x: round(x, 3))
meshes = st.lists(st.tuples(coordinate, coordinate, coordinate), min_size=3, max_size=12).flatmap(
    lambda points: st.tuples(
        st.just(np.array(points)),
        st.lists(st.tuples(*[st.integers(0, len(points) - 1)] * 3), min_size=1, max_size=10).map(np.array),
    )
)


def brute_force(vertices: np.ndarray, triangles: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Depth of the nearest surface at each pixel centre, and by how much the nearest edge misses the centre."""
    depth, margin = np.full((size, size), -np.inf), np.full((size, size), np.inf)
    for row in range(size):
        for column in range(size):
            p = np.array([(column + 0.5) / size * 2 - 1, 1 - (row + 0.5) / size * 2])
            for a, b, c in vertices[triangles]:
                matrix = np.stack([b - a, c - a], 1)[:2]
                if abs(np.linalg.det(matrix)) < 1e-9:
                    continue
                v, w = np.linalg.solve(matrix, p - a[:2])
                inside = min(v, w, 1 - v - w)
                margin[row, column] = min(margin[row, column], abs(inside))
                if inside >= 0:
                    depth[row, column] = max(depth[row, column], a[2] + v * (b - a)[2] + w * (c - a)[2])
    return depth, margin


@settings(max_examples=60, deadline=None)
@given(meshes, st.sampled_from([1, 5, 9]))
def test_every_pixel_sees_the_nearest_surface(mesh: tuple[np.ndarray, np.ndarray], size: int) -> None:
    vertices, triangles = mesh
    picture = rasterise(vertices, triangles, size)
    depth, margin = brute_force(vertices, triangles, size)
    clear = margin > 1e-7  # a centre exactly on an edge may fall on either side
    assert np.array_equal(picture.mask[clear], np.isfinite(depth)[clear])
    seen = clear & picture.mask
    assert np.allclose(picture.depth[seen], depth[seen], atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(meshes)
def test_barycentric_weights_give_back_pixel_and_depth(mesh: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, triangles = mesh
    picture = rasterise(vertices, triangles, 12)
    position = picture.interpolate(vertices, triangles)
    row, column = np.nonzero(picture.mask)
    centre = np.stack([(column + 0.5) / 6 - 1, 1 - (row + 0.5) / 6], 1)
    # A sliver's weights lose digits in proportion to its area.
    corners = vertices[triangles[picture.triangle[row, column]]]
    edges = corners[:, 1:, :2] - corners[:, :1, :2]
    sound = np.abs(np.linalg.det(edges)) > 1e-4
    assert np.allclose(position[row, column, :2][sound], centre[sound], atol=1e-6)
    assert np.allclose(position[row, column, 2][sound], picture.depth[row, column][sound], atol=1e-6)


def test_a_shared_edge_leaves_no_crack() -> None:
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid(np.linspace(-1.1, 1.1, 14), np.linspace(-1.1, 1.1, 14)), -1).reshape(-1, 2)
    grid += rng.uniform(-0.03, 0.03, grid.shape)
    at = np.arange(196).reshape(14, 14)
    a, b, c, d = at[:-1, :-1].ravel(), at[:-1, 1:].ravel(), at[1:, 1:].ravel(), at[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    assert rasterise(np.column_stack([grid, np.zeros(196)]), triangles, 61).mask.all()


def test_triangles_without_area_or_with_nan_cover_nothing() -> None:
    vertices = np.array([[0, 0, 0], [0.5, 0.5, 0], [1, 1, 0], [np.nan, 0, 0], [0, 1, 0], [0, np.inf, 0]], float)
    triangles = np.array([[0, 1, 2], [0, 0, 0], [0, 3, 4], [0, 1, 5]])
    assert not rasterise(vertices, triangles, 16).mask.any()


def test_the_lowest_number_wins_at_equal_depth() -> None:
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0]], float)
    picture = rasterise(square, np.array([[0, 1, 2], [1, 2, 0], [2, 1, 0]]), 8)
    assert set(np.unique(picture.triangle)) == {-1, 0}


def test_few_fragments_at_a_time_make_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    vertices = np.round(rng.uniform(-1, 1, (60, 3)), 1)  # many equal depths
    triangles = rng.integers(0, 60, (80, 3))
    whole = rasterise(vertices, triangles, 40)
    monkeypatch.setattr(raster, "RASTER", replace(RASTER, chunk=100))
    few = rasterise(vertices, triangles, 40)
    assert np.array_equal(few.triangle, whole.triangle) and np.array_equal(few.depth, whole.depth)
    assert np.array_equal(few.barycentric, whole.barycentric)


def test_too_many_layers_are_refused_and_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "RASTER", replace(RASTER, max_fragments=64 * 64 * 10))
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0]], float)
    assert rasterise(square, np.tile([0, 1, 2], (10, 1)), 64).mask.any()
    with pytest.raises(InputError, match="criss-cross"):
        rasterise(square, np.tile([0, 1, 2], (11, 1)), 64)


def card(half: float, z: float) -> np.ndarray:
    return np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])


def test_borders_show_a_card_that_lies_flat_on_the_skin() -> None:
    vertices = np.concatenate([card(0.9, 0), card(0.5, 1e-6)])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    avatar = Avatar(vertices, triangles, np.zeros(8, np.int32), ("Face",))
    normals = np.tile([0, 0, 1.0], (8, 1))
    assert len(np.unique(pieces(avatar))) == 2
    view = draw(vertices, triangles, normals, pieces(avatar), np.eye(3), np.zeros(3), 1.0, 40)
    row, column = np.nonzero(view.channels[4])
    off = np.maximum(np.abs((row + 0.5) / 20 - 1), np.abs((column + 0.5) / 20 - 1))
    assert len(off) > 70 and np.abs(off - 0.5).max() < 0.06  # the card's rim, not the skin's
    assert crop(view, 0, 0, 1.0).image[4].any()
    one = draw(vertices, triangles, normals, np.zeros(4, int), np.eye(3), np.zeros(3), 1.0, 40)
    assert not one.channels[4].any()


def test_objects_are_pieces_even_where_they_are_welded() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    avatar = Avatar(vertices, np.array([[0, 1, 2], [3, 4, 5]], np.int32), np.array([0, 0, 0, 1, 1, 1]), ("A", "B"))
    assert len(np.unique(pieces(avatar))) == 2
