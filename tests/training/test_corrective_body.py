"""The synthetic body: what its better surface does that linear skinning does not."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from blendshape_addon.core.corrective import frames as reading
from training.__main__ import main
from training.corrective import body, motions


@pytest.fixture(scope="module")
def human():
    return body.load()


def still(frames: int, **angles: float) -> motions.Motion:
    """All joints at rest but those given, radians."""
    tracks = {channel: np.full(frames, angles.get(channel, 0.0)) for channel in motions.CHANNELS}
    return tracks, np.zeros((frames, 3))


def test_at_rest_both_surfaces_are_the_mesh(human):
    moved = body.move(human, still(3))
    assert np.allclose(moved.skinned, human.rest, atol=1e-6) and np.allclose(moved.target, human.rest, atol=1e-6)
    assert not moved.contact.any()


def test_skin_meets_skin_where_a_limb_is_folded_and_nowhere_else(human):
    moved = body.move(human, still(1, knee_l=2.4, hip_flex_l=1.5))
    touched = np.flatnonzero(moved.contact[0])
    follows = human.weight[:, [human.at(name) for name in ("thigh_l", "calf_l")]].sum(1)
    assert len(touched) > 30 and follows[touched].min() > 0.5
    assert not body.move(human, still(1, knee_l=1.0)).contact.any()


def test_muscles_bulge_and_skin_stretches_only_so_far(human):
    bent = still(1, elbow_l=1.6)
    moved = body.move(human, bent)
    upper = human.weight[:, human.at("upperarm_l")] > 0.95
    assert 0.005 < np.linalg.norm(moved.target - moved.skinned, axis=2)[0, upper].max() < 0.02
    loose = copy.copy(human)
    loose.tissue = replace(human.tissue, passes=0)

    def outside(points: np.ndarray) -> float:
        length = np.linalg.norm(human.differences @ points.astype(np.float64), axis=1) / human.length
        return float(np.abs(length - length.clip(human.tissue.squeeze, human.tissue.stretch)).sum())

    assert outside(moved.target[0]) < 0.5 * outside(body.move(loose, bent).target[0])


def test_soft_tissue_swings_on_after_the_body_stops(human):
    tracks, hips = still(40)
    hips[:8, 1] = 0.03 * np.arange(8)
    hips[8:, 1] = 0.03 * 7
    moved = body.move(human, (tracks, hips))
    soft = human.softness > 0.8
    away = np.linalg.norm(moved.target - moved.skinned, axis=2)[:, soft].mean(1)
    assert away[9] > 0.002 and away[-1] < 0.2 * away[8:12].max()
    assert np.linalg.norm(moved.target - moved.skinned, axis=2)[:, human.softness == 0].max() < 1e-3


def test_a_sequence_has_no_break_and_is_the_same_again():
    names = ["walk", "reach", "squat", "climb"]
    angles, hips = motions.sequence(names, 120, seed=3)
    assert all(len(track) == 120 and np.abs(np.diff(track)).max() < 0.6 for track in angles.values())
    assert np.linalg.norm(np.diff(hips, axis=0), axis=1).max() < 0.15
    again, other = motions.sequence(names, 120, seed=3), motions.sequence(names, 120, seed=4)
    assert all(np.array_equal(angles[channel], again[0][channel]) for channel in angles)
    assert any(not np.array_equal(angles[channel], other[0][channel]) for channel in angles)


def test_synth_writes_frames_that_can_be_learned_from(tmp_path, capsys):
    asked = ["corrective", "synth", "--num_frames", "3", "--motion", "squat"]
    assert main([*asked, "--out", str(tmp_path / "a")]) == 0
    assert main([*asked, "--out", str(tmp_path / "b"), "--format", "npz"]) == 0
    source, target = (reading.read(tmp_path / "a" / name) for name in ("skinned", "target"))
    reading.check_pair(source, target)
    assert source.positions.shape == (3, 13380, 3)
    assert np.allclose(source.positions, reading.read(tmp_path / "b" / "skinned.npz").positions, atol=1e-6)
    assert reading.read_joints(tmp_path / "a" / "joints.npy", 3).shape == (3, 104, 3)
    capsys.readouterr()
    assert main(["corrective", "synth", "--out", str(tmp_path), "--motion", "fly"]) == 2
    assert "There is no motion “fly”" in capsys.readouterr().err
