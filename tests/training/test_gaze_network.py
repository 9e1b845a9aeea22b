"""The network of gaze and blinks: what it is fed, what it learns from, and what it is exported as."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from twice import assert_done_once

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.eye_format import EYE_POINTS, EYES, LEFT, RIGHT
from blendshape_addon.core.inference.face_format import POINTS, SCORES
from blendshape_addon.core.motion import eyes
from training.motion import gaze_model, readings, train_gaze
from training.motion.gaze_model import Output

rng = np.random.default_rng(0)


def landmarks() -> np.ndarray:
    """(478, 3) in a picture of 200 x 200 pixels, the eyes where a face has them and alike on both sides."""
    points = rng.uniform(40, 160, (478, 3))
    for number, (x, y) in enumerate(zip(rng.uniform(110, 150, 10), rng.uniform(80, 100, 10), strict=True)):
        points[LEFT[number], :2], points[RIGHT[number], :2] = (x, y), (200 - x, y)
    for eye, sign in ((LEFT, 1), (RIGHT, -1)):
        points[eye[0], :2], points[eye[1], :2] = (100 + sign * 15, 90), (100 + sign * 45, 90)
    return points


def data(people: int = 10, frames: int = 4) -> readings.Readings:
    """Readings of nobody: noise with a truth that the crops' first pixel tells."""
    count = people * frames
    gaze = rng.uniform(-20, 20, (count, 2, 2)).astype(np.float32)
    mouths = np.zeros((count, 64, 64, 3), np.uint8)
    eyes = rng.integers(0, 255, (count, 2, EYES.height, EYES.width, 3)).astype(np.uint8)
    person = np.repeat(np.arange(people, dtype=np.int32), frames)
    return readings.Readings(
        eyes=eyes, points=rng.normal(0, 0.3, (count, 24, 2)).astype(np.float32), mouths=mouths,
        scores=rng.random((count, len(SCORES)), np.float32), landmarks=np.zeros((count, POINTS, 3), np.float16),
        rotation=np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)), iris=gaze * 0.5,
        units=np.zeros((count, 52), np.float32),
        known=np.ones((count, 52), bool), distilled=np.zeros((count, 52), bool), gaze=gaze,
        blink=rng.random((count, 2)).astype(np.float32), neutral=np.arange(count) % frames == 0, person=person,
        fold=person % 2, people=tuple(map(str, range(people))), folds=("a", "b"), pictures={"a": 20, "b": 20},
    )  # fmt: skip


def test_there_are_24_landmarks_none_twice() -> None:
    assert len(EYE_POINTS) == len(set(EYE_POINTS)) == 24


def test_crops_of_a_symmetric_face_are_alike() -> None:
    half = rng.integers(0, 255, (200, 100, 3)).astype(np.uint8)
    # Pixel i lies at i, so the mirror image of column 100 + x is column 100 - x.
    picture = np.concatenate([np.zeros((200, 1, 3), np.uint8), half[:, :0:-1], half], axis=1)
    left, right = eyes.crops(picture, landmarks())
    assert left.shape == (32, 48, 3) and np.ptp(left) > 100
    # A crop begins at its left edge and ends a pixel before its right one, so the mirrored one lies a pixel further.
    assert np.abs(left[:, 1:] - right[:, :-1]).mean() < 2


def test_points_do_not_change_with_where_the_face_is_in_the_picture() -> None:
    points = landmarks()
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = points.copy()
    moved[:, :2] = points[:, :2] @ turn.T * 1.7 + [30, -12]
    assert np.allclose(eyes.points(points), eyes.points(moved), atol=1e-5)


def test_a_mirrored_face_gives_mirrored_results() -> None:
    network = gaze_model.build("small").eval()
    eyes, points = torch.rand(3, 2, 32, 48, 3) * 255, torch.rand(3, 24, 2)
    flip = torch.tensor([-1.0, 1.0])
    with torch.no_grad():
        one = network(eyes, points)
        other = network(eyes.flip(1), points[:, list(gaze_model.MIRROR)] * flip)
    assert torch.allclose(one.gaze, other.gaze.flip(1) * flip, atol=1e-4)
    assert torch.allclose(one.blink, other.blink.flip(1), atol=1e-5)
    assert torch.allclose(one.code, other.code.flip(1), atol=1e-4)
    with torch.no_grad():
        away, mirrored = (network.away(rows.code, rows.code.roll(1, 0)) for rows in (one, other))
        assert torch.allclose(away, mirrored.flip(1) * flip, atol=1e-4)
        assert (network.away(one.code, one.code) == 0).all(), "a picture looks where it looks"


def test_the_gaze_of_a_closed_eye_costs_nothing() -> None:
    gaze, blink = torch.zeros(2, 2, 2), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    none = torch.zeros(2, 2)

    def cost(found: torch.Tensor, lids: torch.Tensor = none) -> dict[str, torch.Tensor]:
        """Of two pictures, the second against the first."""
        return gaze_model.loss(Output(found, lids, none), found[None, 1:] - found[None, :1], gaze, blink)

    wrong = gaze.clone()
    wrong[:, 0] = torch.tensor([[30.0, 30.0], [50.0, 20.0]])
    assert all(cost(wrong)[name] == 0 for name in ("gaze mae", "gaze mse", "away mae", "away mse"))
    wrong[:, 1] = 10
    assert cost(wrong)["gaze mae"] > 0.5 and cost(wrong)["away mae"] == 0, "both pictures are wrong alike"
    wrong[1, 1] = 20
    assert cost(wrong)["away mae"] > 0.5
    right, opposite = (cost(gaze, sign * (20 * blink - 10))["blink"] for sign in (1, -1))
    assert right < 0.01 < opposite


def test_vgg16_takes_the_weights_of_a_file_and_keeps_them(tmp_path) -> None:
    shapes, inputs = {}, 3
    layer = 0
    for outputs in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if outputs:
            shapes |= {f"features.{layer}.weight": (outputs, inputs, 3, 3), f"features.{layer}.bias": (outputs,)}
            inputs = outputs
        layer += 2 if outputs else 1
    file = tmp_path / "vgg16.pth"
    torch.save({name: torch.full(shape, 0.01) for name, shape in shapes.items()}, file)
    network = gaze_model.build("vgg16", file)
    assert torch.equal(network.backbone.features[0].weight, torch.full((64, 3, 3, 3), 0.01))
    output = network(torch.rand(2, 2, 32, 48, 3) * 255, torch.rand(2, 24, 2))
    assert output.gaze.shape == (2, 2, 2) and output.blink.shape == (2, 2)
    assert not any(p.requires_grad for p in network.backbone.features.parameters())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("missing.pth", None, "no weights of VGG16 at"), ("bad.pth", b"nothing", "holds no weights of VGG16"),
     ("bad.safetensors", b"nothing", "holds no weights of VGG16")],
)  # fmt: skip
def test_without_its_weights_vgg16_says_what_to_give(tmp_path, name, content, said) -> None:
    if content:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        gaze_model.build("vgg16", tmp_path / name)
    with pytest.raises(InputError, match="--weights"):
        gaze_model.build("vgg16")


def test_new_people_are_people_of_every_family_and_never_frames() -> None:
    rows = data(people=20)
    new = readings.new_people(rows)
    assert not set(rows.person[new]) & set(rows.person[~new])
    assert set(rows.fold[new]) == set(rows.fold) and new.mean() == pytest.approx(0.2)


def test_values_less_the_persons_neutral_ones() -> None:
    rows = data(people=3)
    away = readings.less_neutral(rows.gaze, rows)
    assert np.allclose(away[rows.neutral], 0)
    assert np.allclose(away[rows.person == 1], rows.gaze[rows.person == 1] - rows.gaze[4])
    lost = readings.less_neutral(rows.gaze, replace(rows, neutral=rows.neutral & (rows.person != 2)))
    assert np.isnan(lost[rows.person == 2]).all() and np.isfinite(lost[rows.person != 2]).all()


def test_a_finished_training_is_not_done_again_and_one_of_other_people_is_refused(tmp_path) -> None:
    assert_done_once(train_gaze.train, train_gaze.RECIPE, data(), tmp_path / "gaze.safetensors")


def test_the_exported_network_says_what_the_trained_one_does() -> None:
    network, rows = gaze_model.build("small").eval(), data(people=2)
    session = onnxruntime.InferenceSession(train_gaze.export(network), providers=["CPUExecutionProvider"])
    gaze, blink, code = eyes.look(session, rows.eyes, rows.points)
    away = eyes.away(session, code, code - readings.less_neutral(code, rows))
    for found, wanted, near in zip(
        (gaze, away, blink), train_gaze.predict(network, rows), (1e-2, 1e-2, 1e-3), strict=True
    ):
        assert np.allclose(found, wanted, atol=near)


def test_a_training_begins_with_the_weights_of_an_earlier_one(tmp_path) -> None:
    config = replace(train_gaze.RECIPE, steps=1, warmup=0, rate=0.0, save_every=1)
    earlier = train_gaze.train(data(), config, tmp_path / "earlier.safetensors")
    later = train_gaze.train(data(), config, tmp_path / "later.safetensors", start=tmp_path / "earlier.safetensors")
    anew = train_gaze.train(data(), replace(config, seed=1), tmp_path / "anew.safetensors")
    first, same, other = (network.state_dict()["compare.0.weight"] for network in (earlier, later, anew))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_without_a_neutral_face_nothing_is_learned(tmp_path) -> None:
    rows = data()
    with pytest.raises(InputError, match="No person's neutral face"):
        train_gaze.train(
            replace(rows, neutral=np.zeros(rows.count, bool)), train_gaze.RECIPE, tmp_path / "a.safetensors"
        )


def test_figures_are_exact_for_the_truth_and_count_only_open_eyes() -> None:
    rows = data()
    perfect = train_gaze.figures(rows.gaze, rows.blink, rows)
    assert perfect["gaze across, deg"] == 0 and perfect["blink R2"] == 1
    shut = rows.blink >= train_gaze.SHUT
    wrong = np.where(shut[..., None], 90, rows.gaze + np.float32([3, 5]))
    values = train_gaze.figures(wrong, np.full_like(rows.blink, rows.blink.mean()), rows)
    assert values["gaze across, deg"] == pytest.approx(3, abs=1e-4)
    assert values["gaze up, deg"] == pytest.approx(5, abs=1e-4)
    assert values["blink R2"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("more", "said"),
    [([], "No renders are in"), (["--out", "gaze.bin"], "end in .onnx"), (["--steps", "0"], "at least 1"),
     (["--hold-out-steps", "0"], "--hold-out-steps is 0"),
     (["--backbone", "vgg16"], "--weights")],
)  # fmt: skip
def test_train_gaze_refuses_what_makes_no_sense(tmp_path, more, said) -> None:
    line = ["--renders", str(tmp_path), "--out", str(tmp_path / "gaze.onnx"), *more]
    with pytest.raises(InputError, match=said):
        train_gaze.main(line)


def test_a_network_that_is_worse_than_the_head_is_not_better() -> None:
    good = {"gaze across, deg": 2.0, "gaze up, deg": 2.0, "blink R2": 0.9}
    head = {"gaze across, deg": 3.0, "gaze up, deg": 3.0, "blink R2": 0.8}
    assert train_gaze.better({"new people": {"network": good, "head": head}})
    for name, value in (("gaze up, deg", 3.1), ("blink R2", 0.7)):
        rows = {"a": {"network": good, "head": head}, "b": {"network": good | {name: value}, "head": head}}
        assert not train_gaze.better(rows)


def test_irises_say_where_eyes_look_by_their_place_between_the_corners() -> None:
    still = np.zeros((1, 478, 3))
    for eye in (LEFT, RIGHT):
        still[0, [eye[0], eye[1]], 0] = (0.2, 0.5)
        still[0, eye[8], 0] = 0.35 + 0.03
    (directions,) = readings.irises(still)
    assert (directions[:, 0] > 8).all() and np.abs(directions[:, 1]).max() == 0
