"""The detector of keypoints: what it is taught by, how it is measured, that a training goes on bit by bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import ARKIT, LANDMARKS
from training.motion import crops, keypoint_model, train_keypoints
from training.motion.crops import STORED, Crops
from training.motion.keypoint_model import SIZE, Detector, Keypoints, Output
from training.renders import shards
from training.renders.shards import Shard

rng = np.random.default_rng(0)


def faces(people: int = 10, frames: int = 4) -> Crops:
    """Nobody's faces: a bright square on noise, whose place is that of all landmarks but two, and jawOpen."""
    count = people * frames
    pictures = rng.integers(0, 60, (count, STORED, STORED, 3)).astype(np.uint8)
    places = rng.uniform(-0.5, 0.5, (count, 2)).astype(np.float32)
    for picture, place in zip(pictures, places, strict=True):
        x, y = ((place + 1) * STORED / 2).astype(int)
        picture[y - 12 : y + 12, x - 12 : x + 12] = 230
    landmarks = np.repeat(places[:, None], len(LANDMARKS), 1)
    left, right = (LANDMARKS.index(name) for name in crops.FACE)
    landmarks[:, left], landmarks[:, right] = (0.4, 0), (-0.4, 0)
    units = np.zeros((count, len(ARKIT)), np.float32)
    units[:, ARKIT.index("jawOpen")] = places[:, 0] + 0.5
    person = np.repeat(np.arange(people), frames)
    return Crops(
        pictures, landmarks, units, np.ones(units.shape, bool), np.repeat(np.eye(3)[None], count, 0),
        np.tile(np.arange(frames), people), person, person % 2, tuple(map(str, range(people))), ("a", "b"),
    )  # fmt: skip


def warp(count: int = 3, bend: float = 0.03) -> keypoint_model.Warp:
    return train_keypoints.random_warp(np.random.default_rng(1), count, 0.9, bend)


def test_points_are_the_means_of_their_heatmaps() -> None:
    heat = torch.zeros(1, 2, 16, 16)
    heat[0, 0, 4, 11] = 100
    found = keypoint_model.to_points(heat)
    assert torch.allclose(found.points[0, 0], torch.tensor([(11.5 / 8) - 1, (4.5 / 8) - 1]), atol=1e-4)
    assert torch.allclose(found.points[0, 1], torch.zeros(2), atol=1e-5), "an even heatmap's mean is the middle"
    assert found.spread[0, 0] < 1e-4 < found.spread[0, 1]


def test_a_warped_picture_shows_at_a_place_what_the_warp_says_was_elsewhere() -> None:
    chosen = warp(1)
    image = torch.zeros(1, 3, SIZE, SIZE)
    place = torch.tensor([[[0.2, -0.3]]])
    at = chosen(place)  # where the warped picture takes this place from
    grid = keypoint_model.pixel_grid(SIZE, SIZE)
    image[:] = torch.exp(-(grid - at[0, 0]).square().sum(2) / 0.01)
    seen = chosen.picture(image)[0, 0]
    brightest = grid.reshape(-1, 2)[seen.flatten().argmax()]
    assert torch.allclose(brightest, place[0, 0], atol=0.05)


def test_points_that_follow_a_warp_cost_nothing_and_others_do() -> None:
    chosen, image = warp(), torch.rand(3, 3, SIZE, SIZE)
    of_warped = Keypoints(torch.rand(3, 5, 2) - 0.5, torch.zeros(3, 5))
    right = Keypoints(chosen(of_warped.points), torch.zeros(3, 5))
    painted = torch.nn.functional.avg_pool2d(image, 2)
    terms = keypoint_model.loss(Output(right, right, of_warped, painted), image, chosen)
    assert terms["equivariance"] < 1e-6 and terms["painted"] < 1e-6 and terms["spread"] == 0
    wrong = keypoint_model.loss(Output(right, of_warped, of_warped, painted * 0.5), image, chosen)
    assert wrong["equivariance"] > 0.01 and wrong["painted"] > 0.01
    heap = Keypoints(torch.zeros(3, 5, 2), torch.ones(3, 5))
    heaped = keypoint_model.loss(Output(heap, heap, heap, painted), image, chosen)
    assert heaped["apart"] == pytest.approx(4) and heaped["spread"] == 1 and terms["apart"] < 2


def test_the_detector_is_small_and_blind_to_brightness() -> None:
    detector = Detector().eval()
    assert sum(value.numel() for value in detector.parameters()) < 300_000
    image = torch.rand(2, 3, SIZE, SIZE)
    with torch.no_grad():
        assert torch.allclose(detector(image).points, detector(image + 0.2).points, atol=1e-3)


def test_crops_hold_the_face_and_say_where_its_landmarks_are() -> None:
    picture = np.zeros((100, 120, 3), np.uint8)
    points = np.array([[90.0, 20.0], [110.0, 40.0], [100.0, 30.0]])
    picture[30, 100] = 255
    pixels, inside = crops.crop(picture, points)
    assert pixels.shape == (STORED, STORED, 3)
    assert np.allclose(inside[2], 0) and np.allclose(inside[0], [-1 / crops.MARGIN, -1 / crops.MARGIN])
    brightest = np.unravel_index(pixels[..., 0].argmax(), (STORED, STORED))
    assert np.abs(np.array(brightest) - STORED / 2).max() <= STORED / 30 + 1  # a pixel is 1 of 30


def test_new_people_are_people_of_every_family() -> None:
    data = faces(20)
    new = data.new_people()
    assert not set(data.person[new]) & set(data.person[~new]) and set(data.fold[new]) == {0, 1}


def test_regression_finds_what_is_linear_and_nothing_in_noise() -> None:
    x, person = rng.normal(size=(200, 6)), np.arange(150) // 10
    linear, noise = x @ rng.normal(size=(6, 3)) + 5, rng.normal(size=(200, 3))
    for truth, low, high in ((linear, 0.99, 1.0), (noise, -0.5, 0.2)):
        told = train_keypoints.regression(x[:150], truth[:150], x[150:], person)
        found = train_keypoints.explained(told, truth[150:])
        assert (found >= low).all() and (found <= high).all()


def test_a_training_that_was_stopped_goes_on_bit_by_bit_and_learns(tmp_path) -> None:
    data = faces()
    config = replace(train_keypoints.RECIPE, steps=6, warmup=1, save_every=3)
    once = train_keypoints.train(data, config, tmp_path / "once.safetensors", 5)
    stopped = tmp_path / "stopped.safetensors"

    def stop(step: int, settings: object) -> float:
        if step == 4:
            raise KeyboardInterrupt
        return keep(step, settings)

    keep = train_keypoints.loop.rate_at
    with pytest.raises(KeyboardInterrupt):
        train_keypoints.train(data, config, stopped, 5, stop)
    again = train_keypoints.train(data, config, stopped, 5)
    for one, other in zip(once.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(InputError, match="other settings"):
        train_keypoints.train(replace(data, people=tuple("abcdefghij")), config, stopped, 5)


def test_a_detector_that_was_saved_is_the_same(tmp_path) -> None:
    detector, file = Detector(6).eval(), tmp_path / "k.safetensors"
    train_keypoints.save(file, detector, {})
    image = torch.rand(2, 3, SIZE, SIZE)
    assert torch.equal(
        train_keypoints.detect(detector, image), train_keypoints.detect(train_keypoints.load(file), image)
    )
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged"):
        train_keypoints.load(file)


def test_points_of_a_clip_lie_on_the_face_in_its_pixels() -> None:
    detector = Detector(4).eval()
    frames = rng.integers(0, 255, (3, 90, 160, 3)).astype(np.uint8)
    landmarks = np.tile(np.array([[40.0, 30], [60, 50]]), (3, 1, 1))
    landmarks[1] = np.nan
    points = train_keypoints.on_faces(detector, frames, landmarks)
    assert np.isnan(points[1]).all() and np.isfinite(points[[0, 2]]).all()
    half = 20 * crops.MARGIN / 2
    assert (np.abs(points[0] - [50, 40]) <= half).all()


def write_renders(folder, people: int) -> None:
    """Shards of nobody, as `motion renders` writes them."""
    data = faces(people)
    for person in range(people):
        own = data.person == person
        zeros = np.zeros((own.sum(), 2, 2), np.float32)
        pixels = (data.landmarks[own] + 1) * STORED / 2
        shard = Shard(
            f"a/{person}", "a", data.pictures[own], data.units[own], np.ones(52, bool), np.zeros(52, bool), zeros,
            zeros[..., 0], data.head[own].astype(np.float32),
            np.dstack([pixels, np.zeros(pixels.shape[:2])]).astype(np.float32),
            np.zeros((0, STORED, STORED, 3), np.float16),
        )  # fmt: skip
        shards.save(folder / f"a__{person}__1.safetensors", shard)


@pytest.mark.parametrize(
    ("people", "more", "said"),
    [(0, [], "No renders are in"), (3, [], "fewer than 5 people"), (3, ["--steps", "0"], "--steps is 0"),
     (3, ["--keypoints", "99"], "from 4 to 64"), (3, ["--out", "k.bin"], "end in .safetensors")],
)  # fmt: skip
def test_bad_input_is_a_sentence(tmp_path, people, more, said) -> None:
    folder = tmp_path / "renders"
    folder.mkdir()
    if people:
        write_renders(folder, people)
    with pytest.raises(InputError, match=said):
        train_keypoints.main(["--data", str(folder), "--out", str(tmp_path / "k.safetensors"), *more])


def test_the_command_leaves_a_detector_and_its_figures(tmp_path, capsys) -> None:
    write_renders(tmp_path / "renders", 5)
    out = tmp_path / "k.safetensors"
    train_keypoints.main(["--data", str(tmp_path / "renders"), "--out", str(out), "--steps", "2", "--keypoints", "4"])
    assert train_keypoints.load(out).heat.out_channels == 4
    assert "equivariance, %" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.glob("k*")) == ["k.json", "k.safetensors"]
