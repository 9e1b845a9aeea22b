"""What is known of a face is computed once in a run, and nothing that uses it changes it."""

from collections import Counter

import numpy as np
import pytest
from pieces import attached, ball, sheet
from test_recipes import known_face

from blendshape_addon.core import pipeline
from blendshape_addon.core.expressions import TABLE, Gaze, Lids, Region, Tongue
from blendshape_addon.core.face import anatomy as anatomy_module
from blendshape_addon.core.face import features
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.face_space import eye_centres, mouth_corners
from blendshape_addon.core.geometry.depth_collider import DepthCollider
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.refinement import barriers
from blendshape_addon.core.vocabulary import ALL_SHAPES, KNOWN_SHAPES, mirrored


@pytest.fixture(scope="module")
def toothed(face):
    """The mask with teeth behind the lips and eyeballs behind the lids."""
    avatar, marks = face
    teeth, triangles = sheet(np.linspace(-0.3, 0.3, 13), np.linspace(-0.25, 0.25, 9))
    avatar = attached(avatar, teeth + mouth_corners(marks).mean(0) - [0, 0, 0.2], triangles, "Teeth")
    for name, centre in zip(("Eye_L", "Eye_R"), eye_centres(marks), strict=True):
        eye, triangles = ball(0.2)
        avatar = attached(avatar, eye + centre - [0, 0, 0.22], triangles, name)
    return avatar, marks


def test_a_run_computes_each_part_of_a_face_once(toothed, monkeypatch):
    calls = Counter()

    def counted(owner, name):
        original = getattr(owner, name)

        def count(*args, **kwargs):
            calls[name] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, count)

    counted(anatomy_module.slits, "find_slit")
    counted(anatomy_module.drawn_eyes, "find")
    counted(anatomy_module, "on_lids")
    counted(DepthCollider, "__init__")
    avatar, marks = toothed
    made = pipeline.generate(avatar, GenerateOptions(ALL_SHAPES, provider="cpu"), face=known_face(marks))
    assert made.shapes and calls == {"find_slit": 3, "find": 1, "on_lids": 1, "__init__": 3}
    pipeline.generate(avatar, GenerateOptions(["joy"], provider="cpu"), analysis=made.analysis)
    assert calls == {"find_slit": 3, "find": 1, "on_lids": 1, "__init__": 3}


def test_colliders_are_as_they_were_after_they_were_used(toothed):
    avatar, marks = toothed
    anatomy = FaceAnatomy(avatar, features.compute(avatar, marks))
    colliders = [anatomy.teeth_collider, *anatomy.eye_colliders]
    assert len(colliders) == 3 and all(collider.rest_depth.max() > -np.inf for collider in colliders)
    before = [
        {name: value.copy() for name, value in vars(collider).items() if isinstance(value, np.ndarray)}
        for collider in colliders
    ]
    sunk = np.zeros((2, len(anatomy.features.index), 3), np.float32)
    for collider, depth in zip(colliders, (0.25, 0.08, 0.08), strict=True):
        sunk[:, collider.skin, 2] = -depth
    deep = [next(collider.penetrations(sunk)).max() for collider in colliders]
    barriers.push_out(anatomy, sunk, ["vrc.v_aa", "joy"])
    assert min(deep) > 0.02 and np.array_equal(sunk[0], sunk[1])
    held = [next(collider.penetrations(sunk)).max() for collider in colliders]
    assert all(after < 0.3 * behind for after, behind in zip(held, deep, strict=True))
    for collider, kept in zip(colliders, before, strict=True):
        assert all(np.array_equal(getattr(collider, name), value) for name, value in kept.items())


def test_the_table_of_expressions_mirrors_itself():
    sides = {"l": "r", "r": "l", "": "", "lr": "lr"}
    for name, row in TABLE.items():
        other = TABLE[mirrored(name)]
        assert other.side == sides[row.side] and other.closes_lids == sides[row.closes_lids]
        assert (other.region, other.gaze, other.lids, other.tongue) == (row.region, row.gaze, row.lids, row.tongue)
        assert all(half in TABLE for half in row.halves)


def test_the_table_of_expressions_says_what_moves():
    def those(column):
        return {name for name, row in TABLE.items() if column(row)}

    assert those(lambda row: row.closes_lids) == {
        "vrc.blink", "vrc.blink_left", "vrc.blink_right", "eyeBlinkLeft", "eyeBlinkRight"
    }  # fmt: skip
    assert those(lambda row: row.gaze is Gaze.IN) == {"eyeLookInLeft", "eyeLookInRight"}
    assert those(lambda row: row.gaze) == {name for name in KNOWN_SHAPES if "Look" in name}
    assert those(lambda row: row.lids is Lids.SQUINT) == {"eyeSquintLeft", "eyeSquintRight"}
    assert those(lambda row: row.tongue is Tongue.ALVEOLAR) == {"vrc.v_dd", "vrc.v_nn"}
    assert those(lambda row: row.one_eye) == {
        name for name in KNOWN_SHAPES if name.startswith(("eye", "Eye", "vrc.blink_"))
    }
    assert those(lambda row: row.pupil) == {name for name in KNOWN_SHAPES if name.startswith(("EyeD", "EyeC"))}
    assert those(lambda row: row.tongue) >= {name for name in KNOWN_SHAPES if name.startswith("Tongue")}
    assert those(lambda row: row.region is Region.FACE) >= {"joy", "noseSneerLeft", "cheekSquintRight"}
    assert TABLE["mouthClose"].layered and not TABLE["vrc.v_pp"].layered
