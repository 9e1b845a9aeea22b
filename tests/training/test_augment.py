"""Augmentations on a face made of numbers, and on a real rig where there is one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.face.slits import find_slit
from blendshape_addon.core.geometry.mesh import connected_components, edges_of, vertex_normals, weld_points
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.vocabulary import LANDMARK_INDEX
from tests.core.pieces import mask
from training.data import augment, augment_mouth, identities, rigs
from training.data.labelled_face import LabelledFace

MAKEHUMAN = rigs.data_folder() / "makehuman" / "base_hm08"


def motion(points: np.ndarray) -> np.ndarray:
    """A smooth shape that is known at every point of space."""
    return np.stack([0 * points[:, 0], 0.1 * np.sin(2 * points[:, 0]), 0.05 * points[:, 1]], 1).astype(np.float32)


def jaw(points: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """What lies below the slit goes down."""
    return (lower * np.clip(-0.9 - points[:, 1], 0, 0.3) / 0.3)[:, None].astype(np.float32) * [0, -0.4, 0]


@pytest.fixture(scope="module")
def head():
    """The mask with two objects' names, a jaw that opens and a shape that is a function of place."""
    avatar, marks = mask(41, 51)
    seam = marks[[LANDMARK_INDEX["mouth_corner_l"], LANDMARK_INDEX["lip_upper_inner_mid"]]].mean(0)[1]
    lower = np.isin(np.arange(len(avatar.vertices)), avatar.triangles[_below(avatar, seam)])
    mark_lower = np.array([name.startswith(("lip_lower", "chin")) for name in LANDMARK_INDEX])
    return LabelledFace(
        vertices=avatar.vertices, triangles=avatar.triangles, part_id=avatar.object_id, part_names=("Face",),
        names=("jawOpen", "vrc.v_pp", "mouthLeft"),
        offsets=np.stack([jaw(avatar.vertices, lower), motion(avatar.vertices), motion(avatar.vertices)]).astype("f4"),
        hidden=np.zeros(len(avatar.vertices), bool), marks=marks,
        mark_offsets=np.stack([jaw(marks, mark_lower), motion(marks), motion(marks)]).astype("f4"),
    )  # fmt: skip


def _below(avatar, seam):
    return avatar.vertices[avatar.triangles].mean(1)[:, 1] < seam


def area(head: LabelledFace) -> float:
    corners = head.vertices[head.triangles]
    return np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2


def sound(head: LabelledFace) -> None:
    """Every array speaks of the same vertices, and the truth is still the function of place that it was."""
    count = len(head.vertices)
    assert head.offsets.shape == (len(head.names), count, 3)
    assert len(head.part_id) == len(head.hidden) == count
    assert head.triangles.min() >= 0 and head.triangles.max() < count
    assert head.part_id.max() < len(head.part_names)
    assert np.isfinite(head.vertices).all() and np.isfinite(head.offsets).all()


def test_a_coarser_mesh_keeps_face_truth_and_slit(head):
    coarse = augment.decimated(head, 300)
    sound(coarse)
    assert 200 < augment.face_vertices(coarse).sum() < 400 < augment.face_vertices(head).sum()
    assert np.abs(coarse.offsets[2] - motion(coarse.vertices)).max() < 0.03
    assert coarse.features.side[:, 0].min() < -0.5 and coarse.features.side[:, 0].max() > 0.5
    assert area(coarse) == pytest.approx(area(head), rel=0.1)


def test_a_mesh_that_is_coarse_already_is_not_made_finer(head):
    assert len(augment.decimated(head, 10**6).vertices) == len(augment.welded(head).vertices)


def test_a_finer_mesh_is_the_same_surface(head):
    fine = augment.subdivided(head, 4 * len(head.vertices))
    sound(fine)
    assert 3 * len(head.vertices) < len(fine.vertices) < 5 * len(head.vertices)
    assert area(fine) == pytest.approx(area(head), rel=1e-9)
    # Two halves of every edge and three new ones a triangle: no edge was cut twice.
    assert len(edges_of(fine.triangles)) == 2 * len(edges_of(head.triangles)) + 3 * len(head.triangles)
    assert np.abs(fine.offsets[2] - motion(fine.vertices)).max() < 0.01


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_other_diagonals_cover_the_same_face(head, seed):
    turned = augment.retriangulated(head, np.random.default_rng(seed), 1.0)
    assert np.array_equal(turned.vertices, head.vertices)
    changed = (np.sort(turned.triangles, 1) != np.sort(head.triangles, 1)).any(1).mean()
    assert 0.2 < changed < 1
    assert area(turned) == pytest.approx(area(head), rel=0.02)
    edges = np.sort(turned.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1)
    assert np.unique(edges, axis=0, return_counts=True)[1].max() == 2
    before, after = (vertex_normals(h.vertices, h.triangles) for h in (head, turned))
    assert (before * after).sum(1).min() > 0.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 8))
def test_seams_split_and_welded_again_are_the_mesh_that_was(head, seed, cuts):
    cut = augment.split(head, np.random.default_rng(seed), cuts)
    sound(cut)
    assert np.array_equal(cut.vertices[cut.triangles], head.vertices[head.triangles])
    assert len(cut.vertices) > len(head.vertices)
    assert weld_points(cut.vertices).max() == weld_points(head.vertices).max()
    whole = augment.welded(cut)
    assert len(whole.vertices) == len(augment.welded(head).vertices)


def test_welding_leaves_lips_that_touch_but_part(head):
    """Two vertices at one place that move apart stay two."""
    twin = dataclasses.replace(
        augment.split(head, np.random.default_rng(0), 0), offsets=head.offsets[:, head.triangles.ravel()]
    )
    moved = twin.offsets.copy()
    moved[0, 0] += 0.2
    apart = augment.welded(dataclasses.replace(twin, offsets=moved))
    assert len(apart.vertices) == len(augment.welded(twin).vertices) + 1


@settings(max_examples=10, deadline=None)
@given(st.floats(0.02, 0.5))
def test_an_open_mouth_ends_where_the_closed_one_ended(head, amount):
    wide = augment_mouth.opened(head, amount)
    sound(wide)
    gap = [LANDMARK_INDEX[f"lip_{side}_inner_mid"] for side in ("upper", "lower")]
    assert np.subtract(*wide.marks[gap, 1]) > np.subtract(*head.marks[gap, 1])
    for n in (0, 1):  # jawOpen and a viseme are places to be; the third adds to what is there
        before = FaceSpace.of(head.marks + head.mark_offsets[n])
        after = FaceSpace.of(wide.marks + wide.mark_offsets[n])
        same = after.to_face(wide.vertices + wide.offsets[n]) - before.to_face(head.vertices + head.offsets[n])
        assert np.abs(same).max() < 1e-5
    assert np.linalg.norm(wide.offsets[2]) == pytest.approx(np.linalg.norm(head.offsets[2]), rel=0.2)


def test_sealed_lips_are_one_surface_that_moves_as_one(head):
    slit = find_slit(head.features, 0)
    assert slit is not None
    shut = augment_mouth.sealed(head)
    sound(shut)
    middle = shut.features.side[:, 0]
    lips = np.linalg.norm(shut.features.positions - shut.marks[LANDMARK_INDEX["lip_upper_inner_mid"]], axis=1) < 0.06
    assert np.abs(middle[lips]).max() < 0.5 < np.abs(head.features.side[slit.upper, 0]).max()
    ends = edges_of(shut.triangles)
    jump = np.linalg.norm(shut.offsets[0, ends[:, 0]] - shut.offsets[0, ends[:, 1]], axis=1)
    seam = (np.abs(shut.vertices[ends] - shut.marks[LANDMARK_INDEX["lip_upper_inner_mid"]]) < [0.2, 0.03, 0.1]).all(
        (1, 2)
    )
    torn = np.linalg.norm(head.offsets[0, slit.lower]).max()
    assert jump[seam].max() < 0.5 * torn


def test_a_body_beside_the_head_never_moves(head):
    body = head.vertices - [0, 8, 0], head.triangles
    whole = augment.beside(head, *body, "Body")
    sound(whole)
    assert not whole.offsets[:, len(head.vertices) :].any()
    assert augment.body_of(head) is None and len(augment.body_of(whole)[0]) == len(head.vertices)
    alone = augment.alone(whole)
    assert alone.vertices[:, 1].min() > -4 and np.array_equal(alone.marks, head.marks)


def test_noise_keeps_seams_together(head):
    cut = augment.split(head, np.random.default_rng(0), 5)
    rough = augment.noisy(cut, np.random.default_rng(0), 0.005)
    assert weld_points(rough.vertices).max() == weld_points(cut.vertices).max()
    assert (rough.vertices - cut.vertices).std() == pytest.approx(0.005, rel=0.1)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_styles_are_smooth_mirrored_and_never_fold(head, seed):
    style = identities.random_style(head.marks, np.random.default_rng(seed), 1.0)
    points = np.random.default_rng(seed).uniform(-1.2, 0.6, (200, 3))
    assert np.allclose(style(points * [-1, 1, 1]), style(points) * [-1, 1, 1], atol=1e-9)
    step = 1e-5
    columns = [(style(points + step * axis) - style(points - step * axis)) / (2 * step) for axis in np.eye(3)]
    assert np.linalg.det(np.stack(columns, -1)).min() > 0


@pytest.mark.skipif(not MAKEHUMAN.exists(), reason=f"no MakeHuman rig in {rigs.data_folder()}")
def test_a_real_mouth_is_emptied_without_a_trace_in_front():
    head = LabelledFace.of(rigs.load(MAKEHUMAN))
    empty = augment_mouth.without_mouth(head)
    kept = {empty.part_names[n] for n in np.unique(empty.part_id)}
    assert not kept & {"teeth_upper", "teeth_lower", "tongue"} and "body" in kept
    before, after = (
        rasterise((h.vertices + [0, 0.5, 0]) / 1.5, h.triangles[(np.abs(h.vertices[h.triangles]) < 2).all((1, 2))], 128)
        for h in (head, empty)
    )
    changed = before.mask & (np.abs(np.where(before.mask, before.depth, 0) - after.depth) > 0.02)
    assert before.mask.mean() > 0.3 and changed.sum() < 10  # a hairline between the lips
    gone = len(head.vertices) - len(empty.vertices)
    assert gone > 362 + 100  # teeth and tongue, and skin behind the lips


@pytest.mark.skipif(not MAKEHUMAN.exists(), reason=f"no MakeHuman rig in {rigs.data_folder()}")
def test_a_fused_mouth_is_one_piece_with_the_skin_and_nameless():
    head = LabelledFace.of(rigs.load(MAKEHUMAN))
    tongue = np.flatnonzero(head.part_id == head.part_names.index("tongue"))
    fused = augment_mouth.fused(head)
    pieces = connected_components(len(fused.vertices), fused.triangles)
    nose = np.linalg.norm(fused.vertices - fused.marks[LANDMARK_INDEX["nose_tip"]], axis=1).argmin()
    assert (pieces[tongue] == pieces[nose]).all() and fused.part_names == ("Avatar",)
