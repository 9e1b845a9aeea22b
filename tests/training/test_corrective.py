"""Corrective models: learned from frames, run by the add-on itself, refused in a sentence where they cannot be."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from blendshape_addon.core.corrective import frames as reading
from blendshape_addon.core.corrective import model as runtime
from blendshape_addon.core.corrective.bones import Bones, matrices
from blendshape_addon.core.corrective.frames import Frames
from training.__main__ import main
from training.corrective import corrector, estimate, measure

RINGS, AROUND = 40, 12
COUNT = 48


def bend(angle: np.ndarray, shift: np.ndarray) -> tuple[Frames, Frames, np.ndarray]:
    """A tube of two bones that bends at its middle by (F,) radians and moves by (F, 3) metres: linearly skinned, and
    with a muscle that bulges when it is bent; and the joints, (F, 3, 3)."""
    height, turn = np.meshgrid(np.linspace(-0.4, 0.4, RINGS), np.arange(AROUND) * 2 * np.pi / AROUND, indexing="ij")
    rest = np.stack([0.06 * np.cos(turn), height, 0.06 * np.sin(turn)], -1).reshape(-1, 3)
    upper = np.clip(0.5 + rest[:, 1] / 0.16, 0, 1)[:, None]
    ring, around = np.meshgrid(np.arange(RINGS - 1), np.arange(AROUND), indexing="ij")
    after = (around + 1) % AROUND
    quads = np.stack([ring * AROUND + around, ring * AROUND + after, (ring + 1) * AROUND + after,
                      (ring + 1) * AROUND + around], -1).reshape(-1, 4)  # fmt: skip
    half = angle[:, None] / 2
    rotation = matrices(np.concatenate([np.cos(half), np.sin(half), 0 * half, 0 * half], 1))
    moved = rest @ np.swapaxes(rotation, 1, 2)
    skinned = (1 - upper) * rest + upper * moved + shift[:, None]
    bulge = 0.02 * np.clip(angle - 0.6, 0, None)[:, None, None] * np.exp(-((rest[:, 1:2] / 0.12) ** 2))
    outwards = rest * [1, 0, 1] / 0.06
    target = skinned + bulge * ((1 - upper) * outwards + upper * (outwards @ np.swapaxes(rotation, 1, 2)))
    joints = (
        np.stack([np.broadcast_to([0, -0.4, 0], shift.shape), 0 * shift, rotation @ [0, 0.4, 0]], 1) + shift[:, None]
    )
    corners, sizes = quads.ravel(), np.full(len(quads), 4)
    return (
        Frames(skinned.astype(np.float32), corners, sizes),
        Frames(target.astype(np.float32), corners, sizes),
        joints.astype(np.float32),
    )


def motion(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Angles and shifts of COUNT frames."""
    rng = np.random.default_rng(seed)
    time = np.arange(COUNT) / 30
    angle = 0.7 - 0.7 * np.cos(time * rng.uniform(6, 9))
    return angle, 0.3 * np.stack([np.sin(time * 2 + rng.uniform(0, 6)), time, 0 * time], 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Frames to learn from and others to measure on, and the joints of both, as files."""
    root = tmp_path_factory.mktemp("corrective")
    for name, seed in (("learn", 0), ("unseen", 7)):
        (root / name).mkdir()
        source, target, joints = bend(*motion(seed))
        reading.write(root / name / "skinned.npz", source)
        reading.write(root / name / "target.npz", target)
        np.save(root / name / "joints.npy", joints)
    return root


def train(folder, out, *options: str) -> int:
    return main(["corrective", "train", "-src", str(folder / "skinned.npz"), "-tar", str(folder / "target.npz"),
                 "--model_saved_path", str(out), "--device", "cpu", *options])  # fmt: skip


def only(folder, name: str):
    (found,) = folder.rglob(name)
    return found


@pytest.fixture(scope="module")
def gated(folder):
    assert train(folder / "learn", folder / "gated", "--num_condition_frames", "3") == 0
    return only(folder / "gated", "model.onnx")


def test_a_learned_model_halves_the_error_of_a_motion_that_it_never_saw(folder, gated):
    source, target = (reading.read(folder / "unseen" / f"{name}.npz") for name in ("skinned", "target"))
    model = runtime.load(gated)
    assert (model.frames, model.vertices, model.joints, model.topology) == (3, RINGS * AROUND, 0, source.topology)
    predicted = model.correct_all(source.positions)
    before = measure.measure(source.positions, source.positions, target.positions)
    after = measure.measure(predicted, source.positions, target.positions)
    assert after["moves"] < 0.5 * before["moves"] and after["rest"] <= 0.1


def test_one_frame_is_corrected_as_within_a_sequence_and_wherever_it_stands(folder, gated):
    source = reading.read(folder / "unseen" / "skinned.npz").positions
    model = runtime.load(gated)
    every = model.correct_all(source)
    assert np.allclose(model.correct(source[8:11]), every[10], atol=1e-6)
    turn = matrices(np.array([[0.8, 0.0, 0.6, 0.0]]))[0]
    assert np.allclose(model.correct(source[8:11] @ turn.T + [1, 2, 3]), every[10] @ turn.T + [1, 2, 3], atol=2e-5)


def test_the_exported_model_says_what_pytorch_says(folder, gated):
    model, _, _ = corrector.load(only(folder / "gated", "1.pt"))
    source = reading.read(folder / "learn" / "skinned.npz").positions
    from training.corrective import linear
    from training.corrective.clip import Clip

    clip = Clip(source, model.bones, 3)
    offsets = linear.predict(model.base, clip)
    expected = source + np.einsum("fvab,fvb->fva", clip.turns, offsets)
    assert np.allclose(runtime.load(gated).correct_all(source), expected, atol=5e-5)  # weights in half precision


def test_bones_are_found_in_how_a_mesh_moves(folder):
    source = reading.read(folder / "learn" / "skinned.npz")
    bones = estimate.estimate(source.positions, source.edges)
    motion_ = bones.fit(source.positions)
    angle = motion(0)[0] - motion(0)[0][0]
    rigid = np.flatnonzero(np.abs(bones.rest[:, 1] - bones.rest[:, 1].mean()) > 0.3)
    top = rigid[source.positions[0][rigid] @ [0, 1, 0] > np.median(source.positions[0][:, 1])]
    turns = np.stack([bones.vertex_turns(turn) for turn in motion_.turn])
    found = np.arccos(np.clip((np.trace(turns[:, top[0]], axis1=1, axis2=2) - 1) / 2, -1, 1))
    assert np.degrees(np.abs(found - np.abs(angle)).max()) < 1.0


def test_the_bones_that_tell_what_is_missing_are_chosen_wherever_they_are():
    rng = np.random.default_rng(0)
    count, frames = 9, 120
    rest = np.repeat(np.arange(count), 10)[:, None] * [1.0, 0, 0] + rng.normal(0, 0.1, (10 * count, 3))
    near = np.array([[(k + step) % count for step in (1, 2, 3)] for k in range(count)])
    bones = Bones(rest, np.repeat(np.arange(count), 10)[:, None], np.ones((10 * count, 1)), near)
    time = np.arange(frames)[:, None]
    angle = 0.8 * np.sin(time * rng.uniform(0.1, 0.9, count) + rng.uniform(0, 6, count))[..., None]
    turn = matrices(np.concatenate([np.cos(angle / 2), np.sin(angle / 2), 0 * angle, 0 * angle], -1).reshape(-1, 4))
    turn = turn.reshape(frames, count, 3, 3)
    missing = np.zeros((frames, 10 * count, 3))
    missing[:, :10, 0] = 0.01 * np.sin(angle[:, 6] - angle[:, 0])  # of the first bone's vertices, by the seventh bone
    chosen = estimate.choose_near(bones, turn, missing)
    assert chosen[0, 0] == 1 and 6 in chosen[0] and len(set(chosen[0])) == 3


@pytest.mark.parametrize("options", [
    ("--model_type", "without_joints"),
    ("--model_type", "with_joints"),
    ("--model_type", "without_joints_smoothened"),
    ("--model_type", "with_joints", "--space", "absolute", "--num_embeddings", "0"),
], ids=" ".join)  # fmt: skip
def test_a_network_resumes_to_the_same_weights(folder, tmp_path, options):
    own = ("--mini_batch_size", "9000", "--num_condition_frames", "2", *options)
    if "with_joints" in options:
        own += ("--joint_files_dir", str(folder / "learn" / "joints.npy"))
    assert train(folder / "learn", tmp_path / "whole", "--num_epochs", "4", *own) == 0
    assert train(folder / "learn", tmp_path / "parts", "--num_epochs", "2", *own) == 0
    half = only(tmp_path / "parts", "2.pt")
    assert train(folder / "learn", tmp_path / "parts", "--num_epochs", "4", "--load_saved_model", str(half), *own) == 0
    one, other = (corrector.load(only(tmp_path / name, "4.pt"))[0].state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    model = runtime.load(only(tmp_path / "parts", "model.onnx"))
    source, joints = reading.read(folder / "unseen" / "skinned.npz"), np.load(folder / "unseen" / "joints.npy")
    assert model.joints == (3 if "with_joints" in options else 0)
    assert np.isfinite(model.correct_all(source.positions, joints if model.joints else None)).all()
    assert (only(tmp_path / "whole", "loss.png")).stat().st_size > 1000


def test_predicted_meshes_and_maps_of_the_error_are_written(folder, gated, tmp_path):
    given = ["-src", str(folder / "unseen" / "skinned.npz"), "-tar", str(folder / "unseen" / "target.npz")]
    assert main(["corrective", "infer", *given, "--is_target_available", "--load_saved_model", str(gated),
                 "--num_inference_meshes", "3", "--out", str(tmp_path / "out")]) == 0  # fmt: skip
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"00003.obj", "00004.obj", "00005.obj", "report.json", "errors.gif", "errors.png", "errors.obj"}
    written = reading.frames_from_folder(tmp_path / "out", limit=3)
    expected = runtime.load(gated).correct_all(reading.read(folder / "unseen" / "skinned.npz").positions[:5])[2:]
    assert np.allclose(written.positions, expected, atol=1e-5)
    assert (
        main(["corrective", "evaluate", *given, "--load_saved_model", str(gated), "--out", str(tmp_path / "two")]) == 0
    )
    figures = json.loads((tmp_path / "two" / "report.json").read_text())["figures"]
    assert figures["model"]["moves"] < figures["skinned"]["moves"]


def test_a_saved_model_is_exported_and_a_damaged_one_refused(folder, gated, tmp_path, capsys):
    saved, out = only(folder / "gated", "1.pt"), tmp_path / "mine.onnx"
    assert main(["corrective", "export", str(saved), "--out", str(out)]) == 0
    source = reading.read(folder / "unseen" / "skinned.npz").positions
    assert np.array_equal(runtime.load(out).correct_all(source), runtime.load(gated).correct_all(source))
    (tmp_path / "cut.pt").write_bytes(saved.read_bytes()[:5000])
    (tmp_path / "pickle.pt").write_bytes(b"\x80\x04N.")
    capsys.readouterr()
    for name, words in {"cut": "is damaged", "pickle": "is damaged", "missing": "There is no model in"}.items():
        asked = ["corrective", "export", str(tmp_path / f"{name}.pt"), "--out", str(tmp_path / "never.onnx")]
        assert main(asked) == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1
    assert not (tmp_path / "never.onnx").exists()


def test_kinds_are_compared_and_rows_that_are_there_are_kept(folder, tmp_path, capsys):
    for name in ("learn", "unseen"):
        np.save(folder / name / "contact.npy", np.zeros((COUNT, RINGS * AROUND), bool))
    asked = ["corrective", "compare", "--learn", str(folder / "learn"), "--unseen", str(folder / "unseen"),
             "--num-frames", "36", "--frames", "1,2", "--out", str(tmp_path / "rows.json")]  # fmt: skip
    assert main([*asked, "--types", "linear"]) == 0
    first = json.loads((tmp_path / "rows.json").read_text())
    assert set(first) == {"linear n=1 seed=0", "linear n=2 seed=0", "skinned"}
    assert main([*asked, "--types", "linear,without_joints+absolute", "--seeds", "1", "--num-epochs", "1"]) == 0
    second = json.loads((tmp_path / "rows.json").read_text())
    assert len(second) == 5 and all(second[name] == row for name, row in first.items())
    assert "| skinned |" in capsys.readouterr().out


def test_what_cannot_be_learned_from_is_refused_in_a_sentence(folder, tmp_path, capsys):
    source, target, joints = bend(*motion(0))
    for name, frames in (("skinned", source), ("target", target)):
        reading.write(tmp_path / f"{name}.npz", frames)
    fewer = Frames(target.positions[:-1], target.corners, target.sizes)
    order = np.arange(target.positions.shape[1])[::-1]
    reordered = Frames(target.positions[:, order], target.corners, target.sizes)
    swapped = Frames(target.positions, np.where(target.corners < 2, 1 - target.corners, target.corners), target.sizes)
    broken = Frames(target.positions.copy(), target.corners, target.sizes)
    broken.positions[3, 4, 1] = np.nan
    smaller = bend(*motion(0))[1]
    smaller = Frames(smaller.positions[:, :-1], smaller.corners[: -8 * AROUND], smaller.sizes[: -2 * AROUND])
    cases = {
        "as many of both": fewer, "in another order": swapped, "frame 4 of": broken, "same mesh": smaller,
    }  # fmt: skip
    assert reordered.topology == target.topology  # a mirrored tube: edges alone cannot tell
    for words, frames in cases.items():
        reading.write(tmp_path / "target.npz", frames)
        assert train(tmp_path, tmp_path / "saved") == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1
    reading.write(tmp_path / "target.npz", target)
    np.save(tmp_path / "joints.npy", joints[:-1])
    for words, options in {
        "fewer condition frames": ("--num_frames", "2", "--num_condition_frames", "3"),
        "the joints of every frame": ("--model_type", "with_joints", "--joint_files_dir", str(tmp_path / "joints.npy")),
        "give them with --joint_files_dir": ("--model_type", "with_joints"),
        "leave --space out": ("--model_type", "linear", "--space", "absolute"),
        "must be a whole number": ("--num_epochs", "0"),
    }.items():
        assert train(tmp_path, tmp_path / "saved", *options) == 2
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1
    assert not (tmp_path / "saved").exists()


def test_the_runtime_refuses_what_its_model_did_not_learn_on(folder, gated):
    model = runtime.load(gated)
    source = reading.read(folder / "unseen" / "skinned.npz")
    window = source.positions[:3]
    for words, bad in {
        "another mesh|has 479": window[:, :-1], "looks at 3 frames": window[:2], "no numbers": window * np.nan,
    }.items():  # fmt: skip
        with pytest.raises(runtime.InputError, match=words):
            model.correct(bad)
    with pytest.raises(runtime.InputError, match="learned on another mesh"):
        model.check_mesh(source.edges[:-1], model.vertices)


@pytest.mark.parametrize("name", ["fit_mesh", "fit_mesh_with_joints", "inference_mesh", "inference_mesh_with_joints"])
def test_the_modules_of_the_design_start(name):
    done = subprocess.run(
        [sys.executable, "-m", f"training.corrective.{name}", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0 and "-src" in done.stdout
