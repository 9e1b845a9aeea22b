"""SMPL from files of its shape that are made up: bodies, their measurements, and files that are none."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from blendshape_addon.core.errors import InputError
from training.body import smpl
from training.body.measurements.extractor import measure

PARENTS = np.array([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21])


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays of SMPL's sizes; joints are means of a few vertices each."""
    rng = np.random.default_rng(seed)
    regressor = np.zeros((24, 6890))
    for joint in range(24):
        regressor[joint, rng.choice(6890, 5, replace=False)] = 0.2
    return {
        "v_template": rng.normal(0, 0.5, (6890, 3)),
        "shapedirs": rng.normal(0, 0.01, (6890, 3, 10)),
        "posedirs": rng.normal(0, 0.001, (6890, 3, 207)),
        "J_regressor": regressor,
        "weights": rng.dirichlet(np.full(24, 0.1), 6890),
        "kintree_table": np.stack([PARENTS, np.arange(24)]).astype(np.uint32),
        "f": rng.integers(0, 6890, (13776, 3)),
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.savez(tmp_path / "smpl.npz", **arrays())
    return tmp_path / "smpl.npz"


def test_the_t_pose_is_template_and_shape(file):
    model, data, betas = smpl.load(file), arrays(), np.linspace(-1, 1, 10)
    vertices, joints = model.body(betas)
    wanted = data["v_template"] + np.einsum("vxk,k->vx", data["shapedirs"], betas)
    assert vertices == pytest.approx(wanted, abs=1e-9)
    assert joints == pytest.approx(data["J_regressor"] @ wanted, abs=1e-9)


def test_a_turn_of_the_whole_body_turns_all_and_a_joint_what_hangs_on_it(file):
    model = smpl.load(file)
    rest, joints = model.body(np.zeros(10))
    quarter = np.array([0, np.pi / 2, 0])
    turned, _ = model.body(np.zeros(10), global_orient=quarter)
    turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    assert turned == pytest.approx((rest - joints[0]) @ turn.T + joints[0], abs=1e-9)
    pose = np.zeros((23, 3))
    pose[smpl.NAMES.index("elbow_l") - 1] = quarter
    _, bent = model.body(np.zeros(10), pose.reshape(-1))
    still = [name for name in smpl.NAMES if name not in ("wrist_l", "hand_l")]
    kept = [smpl.NAMES.index(name) for name in still]
    assert bent[kept] == pytest.approx(joints[kept], abs=1e-9)
    elbow, wrist = (smpl.NAMES.index(name) for name in ("elbow_l", "wrist_l"))
    assert bent[wrist] == pytest.approx(turn @ (joints[wrist] - joints[elbow]) + joints[elbow], abs=1e-9)


def test_a_pickle_of_arrays_is_read_as_the_file_of_its_makers_is(tmp_path, file):
    data = arrays() | {"J_regressor": sparse.csc_matrix(arrays()["J_regressor"])}
    (tmp_path / "smpl.pkl").write_bytes(pickle.dumps(data, protocol=2))
    one, other = smpl.load(tmp_path / "smpl.pkl"), smpl.load(file)
    assert one.body(np.ones(10))[0] == pytest.approx(other.body(np.ones(10))[0])


def test_a_pickle_that_would_run_something_is_refused(tmp_path):
    class Runs:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "smpl.pkl").write_bytes(pickle.dumps({"v_template": Runs()}))
    with pytest.raises(InputError, match="is no model of SMPL: it asks for"):
        smpl.load(tmp_path / "smpl.pkl")
    assert not (tmp_path / "ran").exists()


def test_what_is_no_model_is_said(tmp_path):
    with pytest.raises(InputError, match=r"ML_SMPL_MODEL"):
        smpl.load(tmp_path / "missing.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(InputError, match="is no model of SMPL"):
        smpl.load(tmp_path / "text.npz")
    np.savez(tmp_path / "small.npz", **arrays() | {"weights": np.ones((5, 24))})
    with pytest.raises(InputError, match="its weight has another size"):
        smpl.load(tmp_path / "small.npz")


def test_a_body_of_smpl_has_what_is_measured(file):
    found = measure(smpl.load(file).measured(np.zeros(10)))
    assert found["height"] > 0 and all(np.isfinite(list(found.values())))
