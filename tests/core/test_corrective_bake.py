"""Corrective keys of arrays: which poses are chosen, what they give back, and what they leave alone."""

import json

import numpy as np
import pytest

from blendshape_addon.core.corrective import bake, range_of_motion, skinning
from blendshape_addon.core.corrective.bake import Mesh, Poses
from blendshape_addon.core.corrective.driver_table import table
from blendshape_addon.core.corrective.drivers import ACROSS, ALONG, AXES, Driver, rotate
from blendshape_addon.core.corrective.skinning import Skin
from blendshape_addon.core.errors import InputError

BONES = ("upper_arm.L", "lower_arm.L", "upper_arm.R", "lower_arm.R")
PARENTS = np.array([-1, 0, -1, 2])


def turn(axis, degrees) -> np.ndarray:
    """(F, 4) quaternions about one axis."""
    half = np.radians(np.atleast_1d(degrees)) / 2
    return np.column_stack([np.cos(half), np.sin(half)[:, None] * np.asarray(axis, float)])


@pytest.fixture(scope="module")
def arms():
    """Two arms along x, y along each bone: from 0.1 to 0.4 and to 0.7 on either side, tubes of 12 by 40 vertices."""
    rests = np.tile(np.eye(4), (4, 1, 1))
    for bone, (sign, at) in enumerate(((1, 0.1), (1, 0.4), (-1, 0.1), (-1, 0.4))):
        rests[bone, :3, :3] = np.array([[0, sign, 0], [-sign, 0, 0], [0, 0, 1]])
        rests[bone, 0, 3] = sign * at
    along, round_ = np.meshgrid(np.linspace(0.1, 0.7, 40), np.linspace(0, 2 * np.pi, 12, endpoint=False))
    side = np.column_stack([along.ravel(), 0.05 * np.cos(round_.ravel()), 0.05 * np.sin(round_.ravel())])
    points = np.concatenate([side, side * (-1, 1, 1)])
    lower = np.clip((side[:, 0] - 0.34) / 0.12, 0, 1)
    weights = np.zeros((len(points), 4), np.float32)
    weights[: len(side), 0], weights[: len(side), 1] = 1 - lower, lower
    weights[len(side) :, 2], weights[len(side) :, 3] = 1 - lower, lower
    return Mesh(points, Skin(weights)), rests


def bent(rests, left, right, twist=0.0) -> Poses:
    """Both elbows bent forwards by degrees (F,), the lower arms twisted."""
    rotations = np.tile(turn((1, 0, 0), 0.0)[0], (len(left), 4, 1))
    # Forwards, along -y, is +x of a left bone, whose y points along +x, and -x of a right one: about their z.
    rotations[:, 1], rotations[:, 3] = turn((0, 0, 1), -np.asarray(left)), turn((0, 0, 1), np.asarray(right))
    if np.any(twist):
        rotations[:, 1] = turn((0, 1, 0), np.broadcast_to(twist, len(left)))
    rest = range_of_motion.Rest(BONES, PARENTS, rests, np.ones(4, bool))
    return Poses(BONES, PARENTS, range_of_motion.posed(rest, rotations), rotations, rests)


def bulged(mesh: Mesh, poses: Poses) -> np.ndarray:
    """The mesh as skinning makes it, with a bulge that each elbow's angle lifts by up to 12 mm."""
    out = mesh.skinned(poses)
    angles = 2 * np.arccos(np.clip(np.abs(poses.rotations[..., 0]), 0, 1))
    for sign, bone in ((1, 1), (-1, 3)):
        near = np.exp(-(((sign * mesh.rest[:, 0] - 0.4) / 0.05) ** 2))
        out[:, :, 2] += (0.012 * np.sin(angles[:, bone, None] / 2) * near).astype(np.float32)
    return out


def test_keys_give_most_back_of_a_motion_that_they_were_not_made_of(arms):
    mesh, rests = arms
    poses = bent(rests, np.linspace(0, 140, 60), np.linspace(140, 0, 60))
    keys = bake.bake(mesh, poses, bulged(mesh, poses), 12)
    assert len(keys) <= 12
    unseen = bent(rests, 100 * np.sin(np.linspace(0, 3, 25)) ** 2, np.full(25, 77.0))
    skinned, true = mesh.skinned(unseen), bulged(mesh, unseen)
    before, after = (bake.errors(points, true, skinned) for points in (skinned, bake.keyed(mesh, unseen, keys)))
    assert bake.gain_kept(before.moving, after.moving) > 0.8
    still = bent(rests, [0.0], [0.0])
    assert np.array_equal(bake.keyed(mesh, still, keys), mesh.skinned(still)), "at rest every key is off"


def test_left_and_right_get_the_same_key_poses(arms):
    mesh, rests = arms
    poses = bent(rests, np.linspace(0, 140, 60), np.linspace(0, 90, 60))
    keys = bake.bake(mesh, poses, bulged(mesh, poses), 4)
    left, right = ({key.name: key for key in keys if f".{side}." in key.name} for side in "LR")
    assert len(left) == 2 and {name.replace(".L.", ".R.") for name in left} == set(right)
    for name, key in left.items():
        other = right[name.replace(".L.", ".R.")]
        assert (mesh.rest[key.indices, 0] > 0).all() and (mesh.rest[other.indices, 0] < 0).all()
        assert (key.driver.inner, key.driver.outer) == pytest.approx((other.driver.inner, other.driver.outer))


def test_one_arm_that_moves_gets_no_keys_on_the_other(arms):
    mesh, rests = arms
    poses = bent(rests, np.linspace(0, 140, 40), np.zeros(40))
    assert {key.driver.bone for key in bake.bake(mesh, poses, bulged(mesh, poses), 6)} == {"lower_arm.L"}


def test_key_poses_can_be_listed(arms):
    mesh, rests = arms
    poses = bent(rests, np.linspace(0, 140, 60), np.linspace(0, 140, 60))
    keys = bake.bake(mesh, poses, bulged(mesh, poses), 12, bake.parse_wanted("lower_arm.L=60,120; lower_arm.R:z=90"))
    assert [key.name for key in keys] == ["corr.lower_arm.L.60", "corr.lower_arm.L.120", "corr.lower_arm.R.90"]
    at = bent(rests, [0.0, 60.0, 120.0], [0.0, 45.0, 90.0])
    values = [key.driver.values(at.rotations[:, BONES.index(key.driver.bone)]) for key in keys]
    assert np.allclose(values[:2], [[0, 1, 0], [0, 0, 1]], atol=1e-6)
    assert values[2][0] == 0 and values[2][2] == pytest.approx(1)


@pytest.mark.parametrize("text", ["elbow", "elbow=", "=60", "elbow=60,x", "elbow=0", "elbow=200"])
def test_a_list_of_key_poses_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="names no key poses"):
        bake.parse_wanted(text)


def test_what_cannot_be_corrected_is_said(arms):
    mesh, rests = arms
    poses = bent(rests, np.linspace(0, 140, 20), np.zeros(20))
    with pytest.raises(InputError, match="nothing to correct"):
        bake.bake(mesh, poses, mesh.skinned(poses), 12)
    with pytest.raises(InputError, match="no bone “elbow”"):
        bake.bake(mesh, poses, bulged(mesh, poses), 12, bake.parse_wanted("elbow=60"))
    still = bent(rests, np.zeros(5), np.zeros(5))
    with pytest.raises(InputError, match="nothing to correct"):
        bake.bake(mesh, still, mesh.skinned(still) + np.float32(0.01), 12)


def test_a_half_turn_of_a_bone_makes_no_huge_offsets(arms):
    mesh, rests = arms
    poses = bent(rests, np.zeros(30), np.zeros(30), twist=np.linspace(0, 180, 30))
    skinned = mesh.skinned(poses)
    keys = bake.bake(mesh, poses, skinned + np.float32([0, 0, 0.005]), 4)
    assert max(np.linalg.norm(key.offsets, axis=1).max() for key in keys) < 0.05
    assert {key.driver.axis for key in keys} == {ACROSS}, "what lies along the bone does not tell a twist"


def test_blended_skinning_is_undone_where_it_can_be():
    rng = np.random.default_rng(1)
    linear = rng.normal(0, 0.1, (50, 3, 3)) + np.eye(3)
    assert np.allclose(skinning.inverses(linear, 5.0) @ linear, np.eye(3), atol=1e-5)
    flat = np.diag([1.0, 1.0, 0.0])[None]
    assert np.isfinite(skinning.inverses(flat, 5.0)).all() and np.abs(skinning.inverses(flat, 5.0)).max() < 2


@pytest.mark.parametrize("axis", AXES)
def test_the_expression_says_what_the_driver_does(axis):
    rng = np.random.default_rng(2)
    rotations = rng.normal(size=(200, 4))
    rotations /= np.linalg.norm(rotations, axis=1, keepdims=True)
    centre = rotate(rotations[:1], axis)[0]
    driver = Driver("bone", axis, tuple(centre), 0.3, 1.1, tuple(rotations[0]))
    assert len(driver.expression()) < 256, "what Blender keeps of one"
    said = [
        eval(driver.expression(), {"sqrt": np.sqrt, "max": max, "min": min}, dict(zip("wxyz", row, strict=True)))
        for row in rotations
    ]
    assert np.allclose(said, driver.values(rotations), atol=5e-3)
    assert driver.values(rotations)[0] == 1


def test_the_table_can_be_rebuilt_in_unity(arms):
    """Its formula, with the axes of Unity, gives the values that it lists."""
    mesh, rests = arms
    poses = bent(rests, np.linspace(0, 140, 60), np.linspace(0, 140, 60))
    corrected, skinned = bulged(mesh, poses), mesh.skinned(poses)
    keys = bake.bake(mesh, poses, corrected, 4)
    errors = bake.errors(skinned, corrected, skinned)
    document = json.loads(table("Arms", "Rig", keys, (errors, errors)))
    assert document["version"] == 1 and len(document["keys"]) == len(keys)
    for row in document["keys"]:
        unity = row["unity"]
        pose = np.array([unity["rotation"][name] for name in "wxyz"])
        half = np.arccos(min(abs(pose[0]), 1))
        around = pose[1:] * np.sign(pose[0]) / np.linalg.norm(pose[1:])
        for sample in row["values"]:
            share = sample["angle_degrees"] / row["angle_degrees"]
            rotation = np.array([np.cos(half * share), *(np.sin(half * share) * around)])
            point = rotate(rotation[None], tuple(unity["axis"]))[0]
            distance = np.linalg.norm(point - unity["centre"])
            value = np.clip((row["outer"] - distance) / (row["outer"] - row["inner"]), 0, 1)
            assert value == pytest.approx(sample["value"], abs=0.01)
        assert row["values"][0]["value"] == 0 and row["values"][-1]["value"] == 1
        assert row["probe"] == ("tip" if tuple(row["blender"]["axis"]) == ALONG else "side")


def test_a_range_of_motion_bends_what_bends_and_returns(arms):
    _, rests = arms
    with pytest.raises(InputError, match="holds no motion"):
        range_of_motion.poses(range_of_motion.Rest(("a", "b", "c", "d"), PARENTS, rests, np.ones(4, bool)))
    bones = (*BONES, "upper_leg.L", "lower_leg.L", "upper_leg.R", "lower_leg.R")
    legs = np.tile(np.eye(4), (4, 1, 1))
    for bone, (x, z) in enumerate(((0.1, 0.0), (0.1, -0.4), (-0.1, 0.0), (-0.1, -0.4))):
        legs[bone, :3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # y down
        legs[bone, :3, 3] = x, 0, z
    parents = np.array([*PARENTS, -1, 4, -1, 6])
    rest = range_of_motion.Rest(bones, parents, np.concatenate([rests, legs]), np.ones(8, bool))
    poses = range_of_motion.poses(rest)
    tips = (poses.matrices @ rest.matrices @ np.array([0, 0.3, 0, 1.0]))[..., :3]
    assert tips[:, 1, 1].min() < -0.2 and tips[:, 3, 1].min() < -0.2, "hands come forwards, along -y"
    assert tips[:, 5, 1].max() > 0.2 and tips[:, 7, 1].max() > 0.2, "feet go back"
    assert np.allclose(tips[:, 1] * (-1, 1, 1), tips[:, 3], atol=1e-9), "both sides alike"
    assert np.allclose(poses.matrices[[0, -1]], np.eye(4), atol=1e-9)
