"""Eyes that are flat pieces on closed skin close by their own height; eyes in holes, with lids, are no such thing."""

import numpy as np
import pytest
from pieces import attached, ball, mask, sheet

from blendshape_addon.core import pipeline
from blendshape_addon.core.detection.detect import Face
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.face.features import compute
from blendshape_addon.core.options import GenerateOptions

SHAPES = ("vrc.blink", "vrc.blink_left", "eyeSquintLeft", "surprised", "angry")


def card(avatar, marks, middle, half):
    """A sheet of (2,) half sizes about `middle` that lies a little before the surface, and its triangles."""
    places, triangles = sheet(*(np.linspace(-h, h, 7) for h in half))
    places += middle
    nearest = np.linalg.norm(avatar.vertices[None, :, :2] - places[:, None, :2], axis=2).argmin(1)
    places[:, 2] = avatar.vertices[nearest, 2] + 0.04
    return places, triangles


@pytest.fixture(scope="module")
def toon():
    """A mask with closed skin at the eyes and an iris, a highlight and a brow on either side, and where each lies."""
    avatar, marks = mask(eye_holes=False)
    where = {}
    for s in "lr":
        eye = point(marks, f"eye_inner_{s}", f"eye_outer_{s}")
        brow = point(marks, f"brow_mid_{s}")
        parts = (
            ("Iris", eye, (0.15, 0.14)),
            ("Light", eye + [0.05, 0.05, 0], (0.03, 0.03)),
            ("Brow", brow, (0.2, 0.02)),
        )
        for name, middle, half in parts:
            places, triangles = card(avatar, marks, middle, half)
            where[name + s] = slice(len(avatar.vertices), len(avatar.vertices) + len(places))
            avatar = attached(avatar, places + [0, 0, 0.01 * (name == "Light")], triangles, f"{name}_{s}")
    return avatar, marks, where


@pytest.fixture(scope="module")
def made(toon):
    """Name of each of SHAPES to (V, 3) where the toon's vertices come to lie."""
    avatar, marks, _ = toon
    known = Face(marks, np.ones(len(marks)), 1.0, np.eye(3), 1.0)
    made = pipeline.generate(avatar, GenerateOptions(SHAPES, provider="cpu"), face=known)
    assert made.report["ok"], [row["notes"] for row in made.report["shapes"]]
    moved = {shape.name: avatar.vertices.copy() for shape in made.shapes}
    for shape in made.shapes:
        moved[shape.name][shape.indices] += shape.deltas
    return moved


def height(places):
    return np.ptp(places[:, 1])


def test_a_blink_presses_iris_and_highlight_to_a_line_before_the_skin(toon, made):
    avatar, _, where = toon
    rest = avatar.vertices
    for name, closed in (("vrc.blink", "lr"), ("vrc.blink_left", "l")):
        for s in "lr":
            iris, light = (made[name][where[part + s]] for part in ("Iris", "Light"))
            share = height(iris) / height(rest[where["Iris" + s]])
            assert share < 0.1 if s in closed else share == 1
            if s in closed:
                assert np.ptp(np.concatenate([iris, light])[:, 1]) < 0.05
                skin = rest[: where["Irisl"].start]
                nearest = np.linalg.norm(skin[None, :, :2] - iris[:, None, :2], axis=2).argmin(1)
                assert (iris[:, 2] > skin[nearest, 2]).all()


def test_the_skin_behind_a_drawn_eye_and_the_brow_above_rest_in_a_blink(toon, made):
    avatar, marks, where = toon
    moved = np.linalg.norm(made["vrc.blink"] - avatar.vertices, axis=1)
    eye = point(marks, "eye_inner_l", "eye_outer_l")
    behind = (np.abs(avatar.vertices[:, :2] - eye[:2]) < [0.15, 0.14]).all(1)
    behind[where["Irisl"].start :] = False
    assert behind.sum() > 20 and moved[behind].max() < 1e-6
    assert moved[where["Browl"]].max() < 1e-6


def test_other_shapes_close_it_in_part_or_widen_it_and_tilt_the_brow(toon, made):
    avatar, _, where = toon
    iris, brow = avatar.vertices[where["Irisl"]], avatar.vertices[where["Browl"]]
    assert 0.65 < height(made["eyeSquintLeft"][where["Irisl"]]) / height(iris) < 0.8
    assert 1.02 < height(made["surprised"][where["Irisl"]]) / height(iris) < 1.25
    lowered = (made["angry"][where["Browl"]] - brow)[:, 1]
    assert lowered.mean() < -0.02
    assert np.abs(np.diff(lowered.reshape(7, 7), axis=1) - np.diff(lowered.reshape(7, 7), axis=1).mean()).max() < 1e-5


@pytest.mark.parametrize("what", ["eyeballs", "rings of lashes", "nothing"])
def test_eyes_with_lids_are_not_drawn(what):
    avatar, marks = mask()
    for s in "lr":
        eye = point(marks, f"eye_inner_{s}", f"eye_outer_{s}")
        if what == "eyeballs":
            places, triangles = ball(0.17)
            avatar = attached(avatar, places + eye - [0, 0, 0.17], triangles, f"Eye_{s}")
        if what == "rings of lashes":
            turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
            rims = [np.column_stack([r * 0.26 * np.cos(turn), r * 0.1 * np.sin(turn), 0 * turn]) for r in (1, 1.2)]
            at = np.arange(16)
            after = (at + 1) % 16
            faces = np.concatenate([np.stack([at, after, at + 16], 1), np.stack([after, after + 16, at + 16], 1)])
            avatar = attached(avatar, np.concatenate(rims) + eye + [0, 0, 0.03], faces, f"Eyelashes_{s}")
    assert FaceAnatomy(avatar, compute(avatar, marks)).drawn_eyes == []


def test_the_pieces_are_iris_highlight_and_brow(toon):
    avatar, marks, where = toon
    features = compute(avatar, marks)
    for eye in FaceAnatomy(avatar, features).drawn_eyes:
        pieces = {name for name, at in where.items() if np.isin(features.index[eye.pieces], np.r_[at]).any()}
        assert pieces == {"Iris" + eye.side, "Light" + eye.side}
        assert np.isin(features.index[eye.brow], np.r_[where["Brow" + eye.side]]).all() and len(eye.brow) == 49
