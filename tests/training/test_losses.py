"""The composite loss, and the coarse surface that it looks at."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from patches import grid

from training.config import LossConfig
from training.data import surface_rings
from training.data.batch import Batch
from training.deformer import losses

ALL = LossConfig(laplacian=1, edge=1, volume=1, reach=1)


def one_face(true, side=6):
    """A batch of one flat sheet whose one-rings are all looked at; true: (V, 3) of its single expression."""
    vertices, triangles = grid(side)
    rings = surface_rings.rings_of(triangles, len(vertices)).ravel()
    pick = np.concatenate([np.arange(len(vertices)), rings])

    def tensor(array):
        return torch.tensor(array, dtype=torch.float32)[None]

    batch = Batch(
        inputs=tensor(vertices[pick]), to_face=tensor(np.tile(np.eye(3), (len(pick), 1, 1))),
        targets=tensor(true[pick][:, None]), energy=tensor([(true**2).sum(1).mean()]),
        known=torch.ones(1, 1, dtype=torch.bool), artist=torch.zeros(1, dtype=int), places=tensor(vertices[rings]),
        chosen=torch.zeros(1, dtype=int),
    )  # fmt: skip
    return batch, vertices, lambda offsets: tensor(offsets[pick][:, None]).requires_grad_()


def terms(true, made):
    batch, _, expand = one_face(true)
    return {name: value.item() for name, value in losses.terms(expand(made), batch, ALL).items()}


def raised(height=0.1, side=6):
    vertices, _ = grid(side)
    return np.stack([0 * vertices[:, 0], 0 * vertices[:, 0], height * np.cos(2 * vertices[:, 0])], 1)


def test_a_mesh_that_is_all_sample_keeps_its_triangles():
    vertices, triangles = grid(7)
    coarse = surface_rings.sampled_triangles(vertices, triangles, np.arange(len(vertices)))
    assert {tuple(t) for t in coarse} == {tuple(t) for t in triangles}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(20, 150))
def test_sampled_triangles_cover_a_sheet_and_never_join_two(seed, size):
    vertices, triangles = grid(12)
    both = np.concatenate([vertices, vertices + [0, 0, 0.01]])  # much nearer than any neighbour in the sheet
    sample = np.random.default_rng(seed).choice(len(both), size, replace=False)
    coarse = surface_rings.sampled_triangles(both, np.concatenate([triangles, triangles + len(vertices)]), sample)
    upper = sample[coarse] >= len(vertices)
    assert (upper.all(1) | ~upper.any(1)).all()
    assert (np.diff(np.sort(coarse, 1), axis=1) > 0).all()
    if size > 100:
        a, b, c = both[sample[coarse]].transpose(1, 0, 2)
        area = np.cross(b - a, c - a)[:, 2] / 2
        assert 1.2 < area.sum() < 2.05, "two sheets of area 1"


def test_what_cannot_be_reached_has_no_triangles():
    vertices, triangles = grid(4)
    both = np.concatenate([vertices, vertices + [5, 0, 0]])
    coarse = surface_rings.sampled_triangles(both, np.concatenate([triangles, triangles + 16]), np.arange(16))
    assert len(coarse) == len(triangles) and coarse.max() < 16


def test_a_ring_is_the_triangles_around_a_vertex():
    vertices, triangles = grid(5)
    rings = surface_rings.rings_of(triangles, len(vertices))
    middle, corner = rings[12], rings[4]
    found = {frozenset(pair) for pair in zip([12] * 8, middle[1::2], middle[2::2], strict=True)}
    assert found - {frozenset({12})} == {frozenset(t) for t in triangles.tolist() if 12 in t}
    a, b = vertices[middle[1::2]] - vertices[12], vertices[middle[2::2]] - vertices[12]
    assert np.cross(a, b).sum(0)[2] == pytest.approx(6 / 16), "all turn the same way"
    assert (corner[3:] == 4).all(), "the only triangle at that corner, then itself"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.5))
def test_no_term_pulls_away_from_the_truth(seed, size):
    true = np.random.default_rng(seed).normal(0, size, (36, 3))
    found = terms(true, true)
    assert found.keys() == {"reconstruction", "laplacian", "edge", "volume", "reach"}
    assert max(found.values()) <= 0.0101  # the root's own floor


def test_an_inverted_ring_costs_unless_the_truth_inverts_it():
    true = np.zeros((36, 3))
    inverted = true.copy()
    inverted[14, 0] = 0.5  # past its neighbours at 0.2; the sheet stays flat and as large as it was
    turned = -2 * grid(6)[0] * [1, 0, 0]  # the whole sheet turned over, as a lid may be
    assert terms(true, inverted)["volume"] > 0.02
    assert terms(inverted, inverted)["volume"] < 1e-5
    assert terms(true, turned)["volume"] > 0.5
    assert terms(turned, turned)["volume"] < 1e-5
    assert terms(turned, true)["volume"] > 0.5, "against the truth, whichever way that looks"


def test_the_head_must_not_swell():
    flat, lifted = np.zeros((36, 3)), np.tile([0, 0, 0.1], (36, 1))
    assert terms(flat, lifted)["volume"] == pytest.approx(0.1, rel=1e-3)  # from 1 below to 1.1
    assert terms(lifted, lifted)["volume"] < 1e-5


def test_wrinkles_cost_more_than_a_smooth_error_of_the_same_size():
    true, checks = raised(), np.where(np.indices((6, 6)).sum(0).ravel() % 2, 1, -1)[:, None] * [0, 0, 0.02]
    smooth = np.tile([0, 0, 0.02], (36, 1))
    wrinkled, shifted = terms(true, true + checks), terms(true, true + smooth)
    assert wrinkled["reconstruction"] == pytest.approx(shifted["reconstruction"], rel=1e-4)
    assert wrinkled["laplacian"] > 1 > 0.02 > shifted["laplacian"]
    assert wrinkled["edge"] > 0.005 > shifted["edge"]


def test_stretched_edges_cost_by_how_much():
    wider = 0.1 * grid(6)[0]
    batch, _, expand = one_face(np.zeros((36, 3)))
    real = batch.places.unflatten(1, (-1, 17))
    share = ((real[:, :, 1:] - real[:, :, :1]).norm(dim=-1) > 0).float().mean()
    found = losses.terms(expand(wider), batch, ALL)["edge"]
    assert found.item() == pytest.approx(0.1 * share.item(), rel=0.02)


@pytest.mark.parametrize(("times", "cost"), [(0.5, 0), (1.2, 0), (2.25, 1)])
def test_only_what_goes_much_farther_than_the_truth_is_extreme(times, cost):
    true = raised()
    assert terms(true, times * true)["reach"] == pytest.approx(cost, abs=0.03)


@pytest.mark.parametrize("size", [0, 0.05])
def test_every_gradient_is_finite(size):
    batch, _, expand = one_face(size * np.random.default_rng(0).normal(size=(36, 3)))
    made = expand(np.zeros((36, 3)))
    losses.total(losses.terms(made, batch, ALL), ALL).backward()
    assert torch.isfinite(made.grad).all()


def test_a_term_without_weight_is_not_computed_and_weights_count():
    batch, _, expand = one_face(raised())
    made = expand(2 * raised())
    assert losses.terms(made, batch, LossConfig()).keys() == {"reconstruction"}
    half = LossConfig(edge=0.5)
    found = losses.terms(made, batch, half)
    assert losses.total(found, half).item() == pytest.approx((found["reconstruction"] + found["edge"] / 2).item())
