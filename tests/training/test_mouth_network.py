"""The network of mouths: what it learns from, what its two files say, and what is written of it."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from twice import assert_done_once

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import POINTS
from blendshape_addon.core.inference.mouth_format import MOUTH, MOUTH_POINTS, MOUTH_UNITS
from blendshape_addon.core.vocabulary import ARKIT
from tests.training.test_gaze_network import data
from training.motion import measure_units, mouth_model, readings, train_mouth
from training.motion.mouth_model import MouthNet
from training.motion.readings import Readings

rng = np.random.default_rng(0)


def mouths(people: int = 10, frames: int = 4) -> Readings:
    """Readings of nobody whose lower lip is as low as the jaw is open, which the crop's brightness tells, too."""
    rows = data(people, frames)
    jaw = np.where(rows.neutral, 0, rng.random(rows.count)).astype(np.float32)
    units = np.zeros_like(rows.units)
    units[:, ARKIT.index("jawOpen")] = jaw
    landmarks = np.zeros((rows.count, POINTS, 3), np.float16)
    landmarks[:, 14, 1] = -0.4 * jaw
    crops = rng.integers(0, 255, (rows.count, MOUTH.size, MOUTH.size, 3)).astype(np.uint8)
    return replace(rows, units=units, landmarks=landmarks, mouths=crops)


def test_a_unit_is_mirrored_to_its_other_side_and_a_landmark_to_its_mirror_image() -> None:
    of = dict(zip(MOUTH_UNITS, (MOUTH_UNITS[n] for n in mouth_model.MIRROR_UNITS), strict=True))
    assert of["mouthSmileLeft"] == "mouthSmileRight" and of["jawLeft"] == "jawRight" and of["mouthLeft"] == "mouthRight"
    assert of["jawOpen"] == "jawOpen" and of["mouthRollUpper"] == "mouthRollUpper"
    back = [mouth_model.MIRROR_POINTS[n] for n in mouth_model.MIRROR_POINTS]
    assert (
        back == list(range(len(MOUTH_POINTS)))
        and MOUTH_POINTS[mouth_model.MIRROR_POINTS[MOUTH_POINTS.index(61)]] == 291
    )


def test_batches_are_people_beside_their_own_neutral_faces() -> None:
    rows = mouths()
    task = train_mouth.MouthTask(rows)
    batch = task.draw(np.random.default_rng(1))
    assert batch.crops.shape == (train_mouth.PEOPLE, train_mouth.PICTURES, MOUTH.size, MOUTH.size, 3)
    assert batch.crops.min() >= 0 and batch.crops.max() <= 255
    low = batch.points[:, :, MOUTH_POINTS.index(14), 1]
    assert low[:, 0].abs().max() < 0.05, "the first one is neutral"
    jaw = batch.units[..., MOUTH_UNITS.index("jawOpen")]
    assert torch.allclose(low[:, 1:], -0.4 * jaw, atol=0.03)
    assert task.predict(task.build(), batch).shape == batch.units.shape == batch.used.shape


def test_units_that_nobody_drew_cost_nothing() -> None:
    task = train_mouth.MouthTask(mouths())
    batch = task.draw(np.random.default_rng(1))
    wrong = batch.units.clone()
    wrong[..., 3] += 5
    used = batch.used.clone()
    used[..., 3] = 0
    assert task.terms(wrong, batch._replace(used=used))["units"] == 0 < task.terms(wrong, batch)["units"]


def test_people_whose_mouth_no_artist_drew_are_not_learned_from() -> None:
    rows = mouths()
    known = rows.known.copy()
    known[rows.person == 3] = False
    assert len(train_mouth.MouthTask(replace(rows, known=known)).people) == 9
    with pytest.raises(InputError, match="No mouth was read"):
        train_mouth.MouthTask(replace(rows, known=np.zeros_like(known)))


def test_both_exported_files_say_what_the_trained_network_does() -> None:
    network, rows = MouthNet().eval(), mouths(people=2)
    first, second = (
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]) for model in train_mouth.export(network)
    )
    points = rows.landmarks[:, list(MOUTH_POINTS)].astype(np.float32)
    (seen,) = first.run(["features"], {"crop": rows.mouths.astype(np.float32), "points": points})
    (told,) = second.run(["units"], {"away": readings.less_neutral(seen, rows).astype(np.float32)})
    assert np.allclose(told, train_mouth.predict(network, rows), atol=5e-3)
    assert np.abs(told[rows.neutral]).max() == 0 < np.abs(told[~rows.neutral]).min()


def test_a_finished_training_is_not_done_again(tmp_path) -> None:
    assert_done_once(train_mouth.train, train_mouth.RECIPE, mouths(), tmp_path / "mouth.safetensors")


def test_readings_of_two_folders_are_those_of_different_people() -> None:
    one, other = mouths(), replace(mouths(people=4), folds=("b", "c"))
    both = readings.joined([one, other])
    assert both.count == one.count + other.count and both.folds == ("a", "b", "c") and len(both.people) == 14
    assert len(np.unique(both.person)) == 14
    assert set(both.fold[one.count :]) == {1, 2}, "the other's folds are told by name"


def test_a_network_is_written_only_if_it_explains_more_than_the_head() -> None:
    units = {"jawOpen": {"network": 0.9, "head": 0.8}, "cheekPuff": {"network": 0.0, "head": -0.1}}
    assert train_mouth.better({"new people": units})
    assert not train_mouth.better({"new people": units, "without a": {"jawOpen": {"network": 0.5, "head": 0.6}}})
    assert "| jawOpen | 0.90 (0.80) |" in train_mouth.table({"new people": units})


def test_the_share_of_the_network_is_the_largest_that_does_no_harm() -> None:
    rows = replace(mouths(people=30), folds=("a", "b"))
    column = MOUTH_UNITS.index("jawOpen")
    told = np.zeros((rows.count, len(MOUTH_UNITS)), np.float32)
    told[:, column] = rows.units[:, ARKIT.index("jawOpen")]
    assert measure_units.shares(measure_units.Measured(rows, left_out=told))["jawOpen"] == 1
    told[rows.fold == 0] *= -1
    harmful = measure_units.Measured(rows, left_out=told)
    assert measure_units.shares(harmful)["jawOpen"] < 1


def test_files_of_other_renders_are_refused(tmp_path) -> None:
    rows, file = mouths(), tmp_path / "left_out.safetensors"
    train_mouth.arrays.save(file, train_mouth.FORMAT, {"mouths": np.zeros((3, 2))}, ["somebody"])
    with pytest.raises(InputError, match="of other renders"):
        measure_units.left_out_mouths(file, rows)


@pytest.mark.parametrize(
    ("more", "said"),
    [([], "No renders are in"), (["--out", "mouth.bin"], "end in .onnx"), (["--steps", "0"], "--steps is 0"),
     (["--hold-out-steps", "-1"], "--hold-out-steps is -1")],
)  # fmt: skip
def test_train_mouth_refuses_what_makes_no_sense(tmp_path, more, said) -> None:
    line = ["--renders", str(tmp_path), "--out", str(tmp_path / "mouth.onnx"), *more]
    with pytest.raises(InputError, match=said):
        train_mouth.main(line)
