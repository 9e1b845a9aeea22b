"""Editing a shape key in places: smoothed, copied to the other side, led back."""

import numpy as np
import pytest

from blendshape_addon.core.geometry import key_editing
from blendshape_addon.core.geometry.mesh import edges_of

COUNT = 21


def grid(shift: float = 0.0, jitter: float = 0.0, sheets: tuple[float, ...] = (0.0,)):
    """A sheet of COUNT x COUNT points, or several behind each other that face each other; its triangles."""
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.linspace(-1, 1, COUNT), np.linspace(0, 1, COUNT))
    one = np.stack([x.ravel() + shift, y.ravel(), 0 * x.ravel()], 1)
    corner = np.arange(COUNT * COUNT).reshape(COUNT, COUNT)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])
    points, triangles = [], []
    for number, depth in enumerate(sheets):
        points.append(one + (0, 0, depth))
        triangles.append((faces if number % 2 == 0 else faces[:, ::-1]) + number * len(one))
    places = np.concatenate(points)
    moved = places + rng.normal(0, 1, places.shape) * (jitter, jitter, 0)
    return np.where(np.abs(places[:, :1] - shift) < 1e-9, places, moved), np.concatenate(triangles)


def bump(base: np.ndarray, shift: float = 0.0) -> np.ndarray:
    """A motion of the left alone."""
    x = base[:, 0] - shift
    high = np.where(x > 0, np.sin(np.pi * np.clip(x, 0, 1)), 0)
    return np.stack([0.1 * high, 0.2 * high * base[:, 1], 0.05 * high], 1)


@pytest.mark.parametrize("shift", [0.0, 0.7])
@pytest.mark.parametrize(("jitter", "near"), [(0.0, 1e-9), (0.012, 0.02)])
def test_a_side_is_copied_mirrored_also_where_vertices_have_no_twin(shift, jitter, near):
    base, triangles = grid(shift, jitter)
    offsets = bump(base, shift)
    out = key_editing.copy_side(base, triangles, offsets, np.ones(len(base)), to_left=False)
    mirrored = (base - (shift, 0, 0)) * (-1, 1, 1) + (shift, 0, 0)
    wanted = bump(mirrored, shift) * (-1, 1, 1)
    right = base[:, 0] < shift - 1e-3
    assert np.abs(out - wanted)[right].max() < near
    assert (out[base[:, 0] > shift + 1e-3] == offsets[base[:, 0] > shift + 1e-3]).all()
    back = key_editing.copy_side(base, triangles, np.zeros_like(offsets), np.ones(len(base)), to_left=True)
    assert not back.any()


def test_lips_that_touch_do_not_take_after_each_other():
    """Two sheets face each other, nearer than their vertices lie apart; one alone moves."""
    base, triangles = grid(jitter=0.012, sheets=(0.0, 0.01))
    upper = np.arange(len(base)) < len(base) // 2
    offsets = np.where(upper[:, None], bump(base), 0)
    out = key_editing.copy_side(base, triangles, offsets, np.ones(len(base)), to_left=False)
    right = base[:, 0] < -1e-3
    assert np.abs(out[right & ~upper]).max() < 1e-3 < 0.15 < np.abs(out[right & upper]).max()


def test_the_middle_stays_in_the_middle_and_a_mask_keeps_its_part():
    base, triangles = grid()
    offsets = bump(base) + (0.1, 0.1, 0)
    share = (base[:, 1] > 0.5).astype(float)
    out = key_editing.copy_side(base, triangles, offsets, share, to_left=False)
    middle = np.abs(base[:, 0]) < 1e-9
    assert (key_editing.on_both_sides(base, share * (base[:, 0] > 0.01))[~middle] == share[~middle]).all()
    assert (out[middle & (share == 1), 0] == 0).all() and (out[share == 0] == offsets[share == 0]).all()


def test_smoothing_takes_a_spike_down_and_leaves_what_is_even_and_what_is_masked():
    base, triangles = grid()
    edges, even = edges_of(triangles), np.tile([0.1, 0.2, 0.3], (len(base), 1))
    assert np.allclose(key_editing.smooth(even, edges, np.ones(len(base))), even)
    spiky = even.copy()
    spiky[200] += 1
    out = key_editing.smooth(spiky, edges, np.ones(len(base)))
    assert np.abs(out - even).max() < 0.4
    share = np.ones(len(base))
    share[200] = 0
    assert (key_editing.smooth(spiky, edges, share)[200] == spiky[200]).all()
    assert (key_editing.smooth(spiky, edges[:0], np.ones(len(base))) == spiky).all(), "points without edges"


@pytest.mark.parametrize(("shift", "jitter", "symmetric"), [(0, 0, True), (0.7, 0, False), (0, 0.01, False)])
def test_a_mesh_is_edited_on_both_sides_where_it_mirrors_across_its_origin(shift, jitter, symmetric):
    base, _ = grid(shift, jitter)
    assert key_editing.is_symmetric(base) == symmetric
    assert key_editing.middle(base) == pytest.approx(shift, abs=0.05)
