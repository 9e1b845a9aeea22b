"""Coloured pictures of a mesh: what they show, and that drawing only what moves is as drawing all."""

import numpy as np
import pytest

from blendshape_addon.core.geometry.shading import Paint, Portrait

SQUARE = np.array([(-0.5, -0.5, 0), (0.5, -0.5, 0), (0.5, 0.5, 0), (-0.5, 0.5, 0)], float)
TWO = np.array([(0, 1, 2), (0, 2, 3)])


def plain(count, *colour):
    return Paint.plain(np.tile(np.array(colour, np.float32), (count, 1)))


def grid(count, z=0.0):
    """(V, 3) and (T, 3) of a square sheet of `count` cells across, a little wavy."""
    x, y = np.meshgrid(np.linspace(-0.9, 0.9, count + 1), np.linspace(-0.9, 0.9, count + 1))
    x, y = (x - 0.13 * y).ravel(), (y + 0.13 * x).ravel()  # so that no edge runs through the middles of pixels
    points = np.column_stack([0.83 * x, 0.83 * y, z + 0.1 * np.sin(3 * x)])
    first = (np.arange(count)[:, None] * (count + 1) + np.arange(count)).ravel()
    a, b, c, d = first, first + 1, first + count + 2, first + count + 1
    return points, np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])


def test_a_picture_shows_colour_where_the_mesh_is_and_nothing_beside_it():
    picture = Portrait(SQUARE, TWO, plain(2, 1, 0.5, 0, 1), 16).draw(np.empty(0, int), np.empty((0, 3)))
    assert picture.shape == (16, 16, 4)
    inside = picture[5:11, 5:11]
    assert (inside[..., 3] == 1).all() and (inside[..., 0] > 0.5).all()
    assert np.allclose(inside[..., 1] / inside[..., 0], 0.5, atol=1e-5) and not inside[..., 2].any()
    assert not picture[:3].any() and not picture[:, -3:].any()


@pytest.mark.parametrize("seed", range(4))
def test_what_moves_is_drawn_anew_as_if_all_were(seed):
    points, triangles = grid(12)
    behind, more = grid(5, z=-0.5)
    mesh = np.concatenate([points, behind]), np.concatenate([triangles, more + len(points)])
    random = np.random.default_rng(seed)
    colour = Paint.plain(np.column_stack([random.random((len(mesh[1]), 3)), np.ones(len(mesh[1]))]).astype(np.float32))
    indices = np.flatnonzero(np.linalg.norm(points[:, :2] - random.uniform(-0.8, 0.8, 2), axis=1) < 0.4)
    offsets = random.normal(0, 0.1, (len(indices), 3))
    moved = mesh[0].copy()
    moved[indices] += offsets
    partly = Portrait(*mesh, colour, 40).draw(indices, offsets)
    wholly = Portrait(moved, mesh[1], colour, 40).draw(np.empty(0, int), np.empty((0, 3)))
    assert (np.abs(partly - wholly) > 1e-4).mean() < 0.01, "but for pixels on the very edge of two triangles"
    assert np.abs(partly - Portrait(*mesh, colour, 40).draw(indices[:0], offsets[:0])).max() > 0.1


def test_a_hole_in_a_texture_shows_what_is_behind():
    texture = np.ones((2, 2, 4), np.float32) * (0, 0, 1, 1)
    texture[1, :, 3] = 0  # its upper half
    uv = np.array([[(0, 0), (1, 0), (1, 1)], [(0, 0), (1, 1), (0, 1)]], np.float32) * 0.98 + 0.01
    front = Paint(np.ones((2, 4), np.float32), np.zeros(2, int), uv, [texture])
    paint = Paint(
        np.concatenate([front.colour, np.tile(np.float32([1, 0, 0, 1]), (2, 1))]),
        np.array([0, 0, -1, -1]), np.concatenate([uv, uv]), [texture],
    )  # fmt: skip
    assert paint.see_through().tolist() == [True, True, False, False]
    behind = SQUARE - (0, 0, 0.2)
    picture = Portrait(np.concatenate([SQUARE, behind]), np.concatenate([TWO, TWO + 4]), paint, 32).draw(
        np.empty(0, int), np.empty((0, 3))
    )
    upper, lower = picture[10:14, 10:22], picture[18:22, 10:22]
    assert (upper[..., 0] > 0.4).all() and not upper[..., 2].any(), "red, through the hole"
    assert (lower[..., 2] > 0.4).all() and not lower[..., 0].any(), "blue"


def test_a_mesh_whose_triangles_are_wound_the_other_way_round_is_as_bright():
    points, triangles = grid(6)
    nothing = np.empty(0, int), np.empty((0, 3))
    one, other = (Portrait(points, rows, plain(len(rows), 1, 1, 1, 1), 16).draw(*nothing)
                  for rows in (triangles, triangles[:, ::-1]))  # fmt: skip
    assert np.allclose(one, other, atol=1e-5)
