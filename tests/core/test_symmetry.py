"""Both halves of a face move alike where its mesh is symmetric, wherever the landmarks put its middle."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_recipes import dense, known_face

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face import symmetry
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.style.tuning import Tuning
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, mirrored

NAMES = ["vrc.v_aa", "joy", "vrc.blink", "mouthSmileLeft", "mouthSmileRight", "jawLeft", "jawRight"]


def uneven(marks: np.ndarray, amount: float = 0.03) -> np.ndarray:
    """Landmarks as a search leaves them: not quite where the mesh has its halves."""
    return marks + np.random.default_rng(0).normal(0, amount, marks.shape)


def twins(vertices: np.ndarray) -> np.ndarray:
    """(V,) the vertex of the mask across x = 0 of each: its columns mirror each other."""
    places = np.round(vertices[:, :2], 6)
    number = {tuple(place): index for index, place in enumerate(places + 0.0)}
    return np.array([number[tuple(place)] for place in places * [-1, 1] + 0.0])


@pytest.fixture(scope="module")
def face(face):
    """The mask, whose height leans to one side by a little, made even."""
    avatar, marks = face
    vertices = avatar.vertices.copy()
    vertices[:, 2] = (vertices[:, 2] + vertices[twins(vertices), 2]) / 2
    return Avatar(vertices, avatar.triangles, avatar.object_id, avatar.object_names), marks


@pytest.fixture(scope="module")
def features(face):
    return compute(*face)


@pytest.fixture(scope="module")
def made(face):
    avatar, marks = face
    face_there = known_face(uneven(marks))
    runs = {
        kind: pipeline.generate(
            avatar, GenerateOptions(NAMES, provider="cpu", tuning=Tuning(asymmetric=kind == "as")), face=face_there
        )
        for kind in ("even", "as")
    }
    return {kind: dense(avatar, run) for kind, run in runs.items()}


def test_shapes_mirror_each_other_on_a_symmetric_mesh(face, made):
    avatar, _ = face
    partner = [NAMES.index(mirrored(name)) for name in NAMES]
    apart = {
        kind: np.abs(offsets[partner] - offsets[:, twins(avatar.vertices)] * [-1, 1, 1]).max()
        for kind, offsets in made.items()
    }
    assert apart["as"] > 0.01 and apart["even"] < 1e-5
    assert np.abs(made["even"] - made["as"]).max() < 2 * apart["as"]


def test_one_shape_alone_comes_out_as_among_all(face, made):
    avatar, marks = face
    alone = pipeline.generate(
        avatar, GenerateOptions(["mouthSmileRight"], provider="cpu"), face=known_face(uneven(marks))
    )
    assert np.allclose(dense(avatar, alone)[0], made["even"][NAMES.index("mouthSmileRight")], atol=1e-6)


def test_a_recipe_with_a_side_keeps_it(face):
    avatar, marks = face
    changes = {"natural": {"joy": {"mouthSmileLeft": 1.0}, "fun": {"mouthSmile": 1.0}}}
    options = GenerateOptions(["joy", "fun"], provider="cpu", preset="natural", tuning=Tuning(changes=changes))
    run = pipeline.generate(avatar, options, face=known_face(marks))
    joy, fun = np.linalg.norm(dense(avatar, run), axis=2)
    left, right = (np.linalg.norm(avatar.vertices - marks[LANDMARK_INDEX[f"mouth_corner_{s}"]], axis=1).argmin()
                   for s in "lr")  # fmt: skip
    assert joy[left] > 5 * joy[right] and fun[left] == pytest.approx(fun[right], rel=1e-3)


@settings(max_examples=4, deadline=None)
@given(st.floats(-0.06, 0.06), st.floats(-6, 6), st.floats(-6, 6))
def test_the_middle_is_the_meshs_own(face, features, beside, turn, tilt):
    """However the landmarks' frame lies over it, by a few hundredths of the eye distance and a few degrees."""
    a, b = np.radians([turn, tilt])
    turned = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]]) @ np.array(
        [[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]]
    )
    positions, normals = features.positions @ turned.T + [beside, 0, 0], features.normals @ turned.T
    moved = replace(features, positions=positions, normals=normals)
    found = symmetry.find(face[0], moved)
    assert np.abs(found.normal - turned[:, 0]).max() < 1e-5
    assert found.share.min() == 1


def test_what_has_no_twin_is_left_alone(face, features):
    avatar, _ = face
    rng = np.random.default_rng(1)
    scar = np.linalg.norm(features.positions - features.landmarks[LANDMARK_INDEX["cheek_l"]], axis=1) < 0.3
    positions = features.positions + scar[:, None] * rng.normal(0, 0.01, features.positions.shape)
    found = symmetry.find(avatar, replace(features, positions=positions))
    assert found.share[scar].mean() < 0.02 and 0.7 < found.share.mean() < 1
    assert {0.25, 0.5, 0.75} <= set(np.unique(found.share).tolist())
    offset = rng.normal(0, 0.1, positions.shape).astype(np.float32)
    assert (found.even_out(offset, offset)[found.share == 0] == offset[found.share == 0]).all()
