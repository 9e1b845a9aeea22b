"""Portraits: networks that begin as copies, terms of the loss, data, a training of each stage and its resumption."""

import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper
from PIL import Image

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry
from blendshape_addon.core.inference.eye_format import EYE_POINTS
from blendshape_addon.core.motion import eyes, pose
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.vocabulary import ARKIT, LANDMARK_INDEX, LANDMARKS
from training.data import rigs
from training.learning import arrays
from training.learning.distributed import ALONE
from training.motion.animator.losses import fetched
from training.portrait import (
    emtn,
    evaluate,
    face_code,
    gaze_blink_loss,
    losses,
    pairs,
    settings,
    synth,
    train_base,
    train_hr,
    train_student,
    weights,
)
from training.portrait.discriminator import Discriminator, believed, told_apart
from training.portrait.emo_dataset import EMODataset, warped
from training.portrait.emtn import Motion
from training.portrait.gbase import Gbase
from training.portrait.ghr import GHR
from training.portrait.pairs import Rendered, Renders
from training.portrait.perceptual import FaceFeatures, Perceptual
from training.portrait.resnet18 import ResNet18
from training.portrait.student import Student
from training.portrait.warp_generator import canonical_to_driver, followed, source_to_canonical
from training.renders import people, shards

needs_rigs = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="needs the folder of rigs")
ALL = dict.fromkeys(("perceptual", "adversarial", "feature_matching", "cycle", "gaze", "landmarks"), 0.1)


def small(size: int = 16, steps: int = 4, **weights_of: float) -> settings.Settings:
    told = settings.load("tiny64", steps=steps)
    shape = replace(told.size, size=size, width=4, volume=[4, 4, 8], latent=4, warp_width=8, student_width=4)
    training = replace(told.training, pairs=2, warmup=1, save_every=2, new_people=2)
    terms = replace(told.terms, perceptual_size=32)
    return replace(told, size=shape, training=training, terms=terms, losses=replace(told.losses, **weights_of))


def person(name: str, size: int = 16, frames: int = 3) -> Rendered:
    rng = np.random.default_rng(list(name.encode()))
    movie = rng.integers(0, 255, (frames, size, size, 3)).astype(np.uint8)
    flow = rng.normal(0, 0.1, (frames - 1, size, size, 2)).astype(np.float16)
    heads = pose.to_matrices(rng.normal(0, 0.3, (frames, 3))).astype(np.float32)
    points = rng.uniform(0.2, 0.8, (frames, len(EYE_POINTS), 2)).astype(np.float32)
    share = np.ones((frames - 1, size, size), np.float16)
    codes = rng.normal(0, 1, (frames, 2, face_code.SIZE)).astype(np.float16)
    landmarks = rng.uniform(0.2, 0.8, (frames, len(LANDMARKS), 2))
    units, known = rng.random((frames, len(ARKIT))).astype(np.float32), np.ones(len(ARKIT), np.float32)
    return Rendered(name, "ict", movie, movie, codes, flow, share, heads, points, landmarks, units, known)


def crowd(size: int = 16, frames: int = 3) -> Renders:
    return Renders([person(f"person {n}", size, frames) for n in range(4)])


def pictures(count: int = 2, size: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


# Networks


def test_base_begins_as_the_copy_and_every_weight_learns():
    torch.manual_seed(0)
    network = Gbase(small().size)
    source, driver = pictures(seed=1), pictures(seed=2)
    assert torch.allclose(network(source, source).picture, source, atol=1e-5)
    # What the rest sees of the zeroed layers is 0 until these have moved.
    with torch.no_grad():
        for value in network.parameters():
            value += 0.05 * torch.randn_like(value)
    moved = network(source, driver)
    units = network.emtn.units(moved.driver.expression)
    ((moved.picture - driver).square().mean() + units.square().mean()).backward()
    assert (moved.picture - source).abs().max() > 1e-3
    assert [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_both_warps_undo_each_other_for_the_same_pose_and_turn_rigidly():
    turn = emtn.rotations(torch.tensor([[0.1, 0.4, -0.2]]))
    motion = Motion(turn, torch.tensor([[0.1, -0.1, 0.0]]), torch.zeros(1, 4), torch.zeros(1, 478, 3))
    at, local = torch.rand(1, 3, 4, 8, 8) - 0.5, torch.zeros(1, 3, 4, 8, 8)
    there = source_to_canonical(at, motion, local)
    assert torch.allclose(canonical_to_driver(there, motion, local), at, atol=1e-6)
    apart = [(x - x[:, :, :1, :1, :1]).norm(dim=1) for x in (at, there)]
    assert torch.allclose(*apart, atol=1e-5) and (there - at).abs().max() > 0.1


def test_what_landmarks_do_is_followed_near_them():
    source = torch.rand(1, 20, 3, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.2
    driver = source + torch.tensor([0.25, 0.125, 0.0])
    moved, near = followed(source, driver, 16)
    assert torch.allclose(moved[0, :, 7, 9], torch.tensor([-0.25, -0.125]), atol=1e-5)
    assert near[0, 0, 7, 9] > 0.9 and near[0, 0, 15, 0] < 0.1


def test_motion_is_adopted_from_what_another_person_does():
    def somebody(points, turn, at, size):
        turn = emtn.rotations(torch.tensor([turn]))
        return Motion(turn, torch.zeros(1, 3), torch.zeros(1, 4), points @ turn.mT * size + torch.tensor(at))

    own, other, smile = torch.randn(3, 1, 478, 3, generator=torch.Generator().manual_seed(0)).unbind(0)
    for points in (own, other):  # with the outer corners of the eyes at a distance of 1
        points[:, 33], points[:, 263] = torch.tensor([-0.5, 0.0, 0.0]), torch.tensor([0.5, 0.0, 0.0])
    smile[:, [33, 263]] = 0
    rest = somebody(other, [0.0, 0.0, 0.0], [0.5, 0.4, 0.0], 0.2)
    driver = somebody(other + smile, [0.0, 0.3, 0.0], [0.6, 0.4, 0.0], 0.2)
    source = somebody(own, [0.0, 0.0, 0.0], [0.4, 0.5, 0.0], 0.3)
    found = emtn.adopted(source, driver, rest)
    wanted = somebody(own + smile, [0.0, 0.3, 0.0], [0.4 + 0.1 * 1.5, 0.5, 0.0], 0.3)
    assert torch.allclose(found.points, wanted.points, atol=1e-5)
    assert torch.allclose(found.rotation, wanted.rotation, atol=1e-6)
    assert torch.allclose(emtn.adopted(source, rest, rest).points, source.points, atol=1e-5)


def test_pose_is_that_of_the_renders():
    vectors = np.array([[0.2, -0.5, 0.1]])
    made = emtn.rotations(torch.from_numpy(vectors))
    assert np.allclose(made.numpy(), pose.to_matrices(vectors))
    true = Motion(made.float(), torch.zeros(1, 3), torch.zeros(1, 4), torch.zeros(1, 478, 3))
    assert losses.pose_apart(true, made.float(), torch.ones(1)) < 1e-3
    assert losses.pose_apart(true, torch.eye(3)[None], torch.ones(1)) > 0.05
    assert losses.pose_apart(true, torch.eye(3)[None], torch.zeros(1)) == 0


def test_high_resolution_begins_with_detail_of_the_source_and_keeps_the_base():
    torch.manual_seed(0)
    network = GHR(small().size)
    source = pictures(2, 32)
    output = network(source, source)
    assert output.picture.shape == (2, 3, 32, 32) and output.base.shape == (2, 3, 16, 16)
    # An untrained base fetches every pixel from where it is.
    apart = [(one - source).square().mean() for one in (output.picture, output.enlarged)]
    assert 0 < apart[0] < 0.5 * apart[1]
    output.picture.sum().backward()
    assert all(value.grad is None for value in network.base.parameters())
    assert network.encoder.enter.weight.grad is not None


def test_student_begins_as_the_copy_of_its_avatars():
    torch.manual_seed(0)
    student = Student(small().size)
    known = pictures(2, 16)
    student.know(known)
    output = student(pictures(2, 16, 5), torch.tensor([1, 0]))
    assert torch.allclose(output.picture, known[[1, 0]], atol=1 / 255)
    assert len(student.avatars) == len(student.portraits) == 100


def test_discriminator_sees_two_scales_and_its_kinds_of_loss_agree_on_who_is_right():
    judge = Discriminator(4)
    features = judge(pictures(2, 32))
    assert [rows[-1].shape[-1] for rows in features] == [4, 2]
    made = pictures(1, 32).requires_grad_()
    believed(judge.frozen(made), "hinge").backward()
    assert made.grad.any() and all(value.grad is None for value in judge.parameters())
    right, wrong = [[torch.full((1, 1, 2, 2), 1.0)]], [[torch.full((1, 1, 2, 2), -1.0)]]
    for kind in settings.ADVERSARIES:
        assert told_apart(wrong, right, kind) < told_apart(right, wrong, kind)
        assert believed(right, kind) < believed(wrong, kind)


# Frozen networks, beside the files that they are made of


def test_features_are_those_of_the_file():
    network = FaceFeatures()
    model = onnx.load(registry.models_folder() / "face_landmarks.onnx")
    for name in network.ends:
        model.graph.output.append(helper.make_tensor_value_info(name, 1, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(0).random((1, 256, 256, 3), np.float32)
    made = network(torch.from_numpy(image).permute(0, 3, 1, 2))
    for mine, theirs in zip(made, session.run(network.ends, {"image": image}), strict=True):
        assert np.allclose(mine.numpy(), theirs, atol=1e-4)
    whole = FaceFeatures(whole=True)
    (landmarks,) = session.run(["landmarks"], {"image": image})
    with torch.no_grad():
        found = whole(torch.from_numpy(image).permute(0, 3, 1, 2))
    assert np.allclose(found[1].flatten().numpy(), landmarks.ravel(), atol=1e-2) and found[0].numel() == 512
    distance = Perceptual(32)
    assert distance(pictures(), pictures()) == 0 < distance(pictures(), pictures(seed=1))


def test_gaze_is_that_of_the_file_and_gradients_reach_the_picture():
    loss = gaze_blink_loss.GazeBlinkLoss()
    session = onnxruntime.InferenceSession(registry.models_folder() / "gaze.onnx", providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    seen = (255 * rng.random((3, 2, 32, 48, 3))).astype(np.float32)
    points = rng.normal(0, 0.5, (3, len(EYE_POINTS), 2)).astype(np.float32)
    gaze, blink, code = eyes.look(session, seen, points)
    output = loss.network(torch.from_numpy(seen), torch.from_numpy(points))
    assert np.allclose(output.gaze.numpy(), gaze, atol=1e-2)
    assert np.allclose(output.blink.sigmoid().numpy(), blink, atol=1e-3)
    away = loss.network.away(output.code, output.code.flip(0)).numpy()
    assert np.allclose(away, eyes.away(session, code, code[::-1]), atol=0.1) and np.abs(away).max() > 1

    picture = np.kron(rng.integers(0, 255, (16, 16, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    landmarks = np.zeros((478, 3))
    landmarks[list(EYE_POINTS), :2] = rng.uniform(60, 200, (len(EYE_POINTS), 2))
    at = torch.from_numpy((landmarks[list(EYE_POINTS), :2] + 0.5) / 256).float()[None]
    made = (torch.from_numpy(picture / np.float32(255)).permute(2, 0, 1)[None]).requires_grad_()
    # The reader rounds places to a part of a pixel, which shows at edges alone.
    assert np.abs(gaze_blink_loss.crops(made, at)[0].detach().numpy() - eyes.crops(picture, landmarks)).mean() < 1
    assert np.allclose(gaze_blink_loss.upright(at)[0], eyes.points(landmarks), atol=1e-4)
    loss(made, made.detach().roll(9, 3), at, torch.ones(1)).backward()
    assert made.grad.any()
    assert loss(made, made.detach().roll(9, 3), at, torch.zeros(1)) == 0


def test_contrast_prefers_the_drivers_own_motion():
    drivers = torch.eye(4)
    right, wrong = (losses.motion_contrast(drivers.roll(by, 0), drivers, 0.1, 0.2) for by in (0, 1))
    assert right < 0.1 < wrong


def test_codes_tell_where_a_face_is_and_carry_gradients():
    picture = pictures(1, 64).requires_grad_()
    found = face_code.read(picture)
    assert found.code.shape == (1, face_code.SIZE) and found.eyes.shape == (1, len(EYE_POINTS), 2)
    found.code.sum().backward()
    assert picture.grad.any()
    points = found.code[0, : 3 * 478].reshape(478, 3).detach()
    middle, size = found.code[0, 3 * 478 : 3 * 478 + 2].detach(), found.code[0, 3 * 478 + 2].detach()
    assert torch.allclose(points[list(EYE_POINTS), :2] * size + middle, found.eyes[0], atol=1e-5)
    assert (points[33, :2] + points[263, :2]).abs().max() < 1e-5  # the outer corners, about their middle


def test_care_lies_about_mouth_and_eyes():
    at = np.full((len(LANDMARKS), 2), 0.5)
    for name, row in LANDMARK_INDEX.items():
        side = 0.3 if name.endswith("_r") else 0.7 if name.endswith("_l") else 0.5
        at[row] = (side, 0.3) if name.startswith(("eye_", "lid_")) else (side, 0.8)
    at[LANDMARK_INDEX["eye_outer_l"], 0] = 0.8
    at[LANDMARK_INDEX["eye_outer_r"], 0] = 0.2
    found = pairs.care(at, 40)
    assert found[12, 30] and found[12, 10] and found[32, 20] and found[32, 12]  # either eye, and the mouth
    assert not found[20].any() and not found[12, 20] and not found[0].any()


def test_units_count_where_they_are_known():
    read, true = torch.zeros(1, 2, 3), torch.ones(1, 2, 3)
    known = torch.tensor([1.0, 0.0, 0.0]).expand(1, 2, 3)
    assert losses.units_apart(read, true, known) == 1
    assert losses.units_apart(read, true, torch.zeros(1, 2, 3)) == 0


# Data


def test_mirrored_pairs_agree_with_what_is_said_of_them():
    pair = person("somebody").at(0)
    back = pairs.mirrored(pairs.mirrored(pair))
    for mine, theirs in zip(back, pair, strict=True):
        assert np.allclose(mine, theirs, atol=1e-6)
    both = pairs.batch_of([pair, pairs.mirrored(pair)])
    first, second = fetched(both.source, both.flow)
    assert torch.allclose(first, second.flip(2), atol=1e-3)


def test_zoomed_pairs_agree_with_what_is_said_of_them():
    smooth = np.kron(np.random.default_rng(0).random((4, 4, 3)), np.ones((8, 8, 1))).astype(np.float32)
    still = person("somebody", 32).at(0)._replace(source=smooth, driver=smooth)
    moved = still._replace(driver=np.roll(smooth, 2, 1), flow=np.full((32, 32, 2), [-2 / 32, 0], np.float32))
    batch = pairs.zoomed(pairs.batch_of([moved]), 0.6, np.random.default_rng(1))
    assert batch.flow[0, 0].max() < -2 / 32 and not batch.flow[0, 1].any()
    inside = (fetched(batch.source, batch.flow) - batch.driver)[..., 5:-5, 5:-5].abs().mean()
    assert inside < 0.3 * (batch.source - batch.driver)[..., 5:-5, 5:-5].abs().mean()
    # A dot stays where it is said to be.
    dot = np.zeros((32, 32, 3), np.float32)
    dot[12, 18] = 1
    at = np.tile([18.5 / 32, 12.5 / 32], (24, 1))
    batch = pairs.zoomed(pairs.batch_of([moved._replace(driver=dot, eyes=at)]), 0.6, np.random.default_rng(2))
    down, across = np.unravel_index(int(batch.driver[0, 0].argmax()), (32, 32))
    assert np.abs(batch.eyes[0, 0].numpy() * 32 - [across + 0.5, down + 0.5]).max() < 1.01


@needs_rigs
def test_flow_of_what_is_drawn_brings_the_source_to_the_driver(tmp_path):
    folder = next(iter(people.drawable()))
    drawn = people.person(rigs.load(folder), 3)
    scenes = list(synth.scenes(drawn, 2, np.random.default_rng(0), 64))
    assert all(scene.noise == 0 and scene.seed == scenes[0].seed for scene in scenes)
    shards.save(tmp_path / "one.safetensors", shards.of_scenes(scenes, with_flow=True))
    data = pairs.load(tmp_path, 32, motion_size=64)
    again = pairs.load(tmp_path, 32).people[0]  # whose codes lie in the folder now
    assert np.array_equal(again.codes, data.people[0].codes)
    kept = tmp_path / "codes" / "one.safetensors"
    rows, _ = arrays.load(kept, pairs._CODES)
    arrays.save(kept, pairs._CODES, {name: np.zeros_like(values) for name, values in rows.items()}, "other networks")
    assert np.array_equal(pairs.load(tmp_path, 32).people[0].codes, again.codes)
    assert again.seen.shape[1] == 32 < data.people[0].seen.shape[1]
    batch = pairs.batch_of([data.people[0].at(0)])
    moved = fetched(batch.source, batch.flow)
    apart = [((one - batch.driver).abs() * batch.share).sum() for one in (batch.source, moved)]
    assert apart[1] < 0.6 * apart[0]
    assert np.allclose(np.linalg.det(data.people[0].heads), 1, atol=1e-4)
    with pytest.raises(InputError, match="64 pixels and 24 are trained"):
        pairs.load(tmp_path, 24)
    with pytest.raises(InputError, match="give 5 or more"):
        data.split(5)


@needs_rigs
def test_rigs_are_drawn_as_the_reader_of_clips_drives_them(tmp_path):
    folder = rigs.data_folder() / "ict" / "generic_neutral"
    drawn = people.person(rigs.load(folder), 5)
    scenes = list(synth.scenes(drawn, 3, np.random.default_rng(5), 128))
    scenes[1] = replace(scenes[1], units={"jawOpen": 0.9}, head=(0.0, 15.0, 0.0), gaze=((0.0, 0.0),) * 2)
    shards.save(tmp_path / "one.safetensors", shards.of_scenes(scenes, with_flow=True))
    one = pairs.load(tmp_path, 64, motion_size=128).people[0]
    reader = FaceReader(provider="cpu")
    still, moved = (evaluate.rig_rendered(one, number, reader).astype(float) for number in (0, 1))
    assert np.abs(still - one.pictures[0]).mean() < 0.5
    assert np.abs(moved - one.pictures[1]).mean() < 0.5 * np.abs(still - one.pictures[1]).mean()
    with pytest.raises(InputError, match="no rig ict/nobody"):
        evaluate.rig_rendered(replace(one, name="ict/nobody/5"), 1, reader)


def test_people_are_known_by_their_features():
    everybody = crowd(32)
    faces = evaluate.Faces(everybody, Perceptual(32))
    picked = [(one, 1) for one in everybody.people]
    right = np.stack([one.pictures[0] for one in everybody.people])
    assert faces.share_right(right, picked) == 1
    assert faces.share_right(np.roll(right, 1, 0), picked) == 0


def clip(folder, name: str, count: int = 4, size=(24, 24), mode: str = "RGB"):
    (folder / name).mkdir(parents=True)
    for number in range(count):
        Image.new(mode, size, (40 * number, 90, 30, 100)[: len(mode)]).save(folder / name / f"{number + 1:04d}.png")


def test_clips_are_windows_of_frames(tmp_path):
    clip(tmp_path, "a", 5)
    clip(tmp_path, "wide", 3, (40, 24))
    data = EMODataset(16, 24, 2, 2, (0.8, 1.0), tmp_path)
    rng = np.random.default_rng(0)
    window = data.window(0, rng)
    assert window.shape == (2, 24, 16, 3) and data.not_square == ["wide"] and len(data) == 2
    assert window[1, 5, 5, 0] - window[0, 5, 5, 0] == 80  # two frames apart
    pair = EMODataset(16, 16, 1, 1, (1.0, 1.0), tmp_path).pair(rng)
    assert pair.known == 0 and (pair.source != pair.driver).any()
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps({"a": [1, 5]}))
    chosen = EMODataset(16, 16, 2, 1, (1.0, 1.0), tmp_path, listed).window(0, rng)
    assert chosen[:, 3, 3, 0].tolist() == [0, 160]
    picture = rng.integers(0, 255, (32, 32, 3)).astype(np.uint8)
    assert warped(picture, rng).shape == picture.shape and (warped(picture, rng) != picture).any()


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (lambda folder: clip(folder, "a", 1), {}, "one frame only"),
        (lambda folder: clip(folder, "a", 3, mode="RGBA"), {}, "transparent"),
        (lambda folder: clip(folder, "a", 3), {"n_sample_frames": 4}, "needs 4"),
        (lambda folder: folder.mkdir(exist_ok=True), {}, "no clips"),
        (lambda folder: clip(folder, "a"), {"img_scale": (0.5, 2.0)}, "img_scale"),
    ],
)
def test_bad_clips_are_said(tmp_path, make, options, said):
    make(tmp_path)
    usual = {"width": 16, "height": 16, "n_sample_frames": 2, "sample_rate": 1, "img_scale": (1.0, 1.0)}
    with pytest.raises(InputError, match=said):
        EMODataset(**usual | options, video_dir=tmp_path)


# Trainings


def test_a_step_of_each_stage_with_all_terms(tmp_path):
    told = small(size=32, steps=2, **ALL)
    base = train_base.train_base(crowd(32), told, tmp_path, device=ALONE)
    assert all(value.isfinite().all() for value in base.state_dict().values())
    file = tmp_path / train_base.NAME
    network, _ = weights.base(file)
    assert torch.equal(network.eapp.enter.weight, base.eapp.enter.weight)
    sharp = train_hr.train_hr(crowd(64), told, file, tmp_path, device=ALONE)
    assert torch.equal(sharp.base.eapp.enter.weight, base.eapp.enter.weight)
    learned = crowd(32)
    avatars = train_student.of_people(learned.people[:2])
    student, teacher = train_student.train_student(learned, avatars, told, file, tmp_path, device=ALONE)
    for rows in (
        evaluate.compare(network, learned, 3),
        evaluate.compare_in_use(network, learned, 3),
        train_hr.compare(sharp, crowd(64), 3),
        train_student.compare(student, teacher, avatars, learned.people[:2], learned),
    ):
        assert all(np.isfinite(value) for found in rows.values() for value in found.values())
    evaluate.sheet(network, learned, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size == (4 * 64, 6 * 64)


def test_a_run_that_was_cut_short_goes_on_bit_by_bit(tmp_path):
    weights_of = {"adversarial": 0.1, "cycle": 0.1}
    whole = train_base.train_base(crowd(), small(steps=4, **weights_of), tmp_path / "whole", device=ALONE)

    class Stopped(Exception):
        pass

    class Cut(Renders):
        left = 5  # pairs: the third step draws its second pair no more

        def pair(self, rng):
            self.left -= 1
            if self.left < 0:
                raise Stopped
            return super().pair(rng)

    with pytest.raises(Stopped):
        train_base.train_base(Cut(crowd().people), small(steps=4, **weights_of), tmp_path / "cut", device=ALONE)
    again = train_base.train_base(crowd(), small(steps=4, **weights_of), tmp_path / "cut", device=ALONE)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_step_in_bf16_keeps_places_and_terms_exact():
    told = small()
    task = train_base.BaseTask(crowd(), told, torch.device("cpu"))
    torch.manual_seed(0)
    network, batch = task.build(), task.draw(np.random.default_rng(0))
    exact = task.predict(network, batch)
    with torch.autocast("cpu", torch.bfloat16):
        made = task.predict(network, batch)
    assert made.units.dtype == torch.bfloat16  # layers are in bf16
    assert (made.output.flow - exact.output.flow).abs().max() < 1e-2
    terms = task.terms(made, batch)
    assert {value.dtype for value in terms.values()} == {torch.float32}
    task.total(terms).backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in network.parameters())


def test_terms_of_weight_0_are_not_computed():
    told = small()
    off = replace(told, losses=replace(told.losses, **dict.fromkeys(vars(told.losses), 0.0) | {"flow": 1.0}))
    task = train_base.BaseTask(crowd(), off, torch.device("cpu"))
    network = task.build()
    batch = task.draw(np.random.default_rng(0))
    assert list(task.terms(task.predict(network, batch), batch)) == ["flow"]
    assert network.discriminator is None


def test_checkpoints_of_other_sizes_and_pickles_are_refused(tmp_path):
    train_base.train_base(crowd(), small(steps=2), tmp_path, device=ALONE)
    other = replace(small(steps=2), size=replace(small().size, latent=8))
    with pytest.raises(InputError, match="whose latent is 4, and this training's is 8"):
        train_base.train_base(crowd(), other, tmp_path, device=ALONE)
    with pytest.raises(InputError, match="no student"):
        weights.of_checkpoint(tmp_path / train_base.NAME, weights.STUDENT)
    torch.manual_seed(3)
    mine = Gbase(small().size)
    torch.save(mine.state_dict(), tmp_path / "Gbase.pth")
    torch.manual_seed(4)
    filled = Gbase(small().size)
    weights.load_into(filled, tmp_path / "Gbase.pth")
    assert torch.equal(filled.eapp.enter.weight, mine.eapp.enter.weight)
    with pytest.raises(InputError, match="of another size"):
        weights.load_into(Gbase(other.size), tmp_path / "Gbase.pth")
    torch.save(mine, tmp_path / "whole.pth")  # with code of its own
    with pytest.raises(InputError, match="more than weights"):
        weights.load_into(filled, tmp_path / "whole.pth")
    with pytest.raises(InputError, match="student_width = 64"):
        ResNet18(4).load(tmp_path / "resnet18.pth")


def test_no_disk_is_said(tmp_path):
    (tmp_path / "file").write_text("in the place of the folder")
    with pytest.raises(InputError, match="cannot be written|check the folder"):
        evaluate.sheet(Gbase(small().size), crowd(), tmp_path / "file" / "sheet.png")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[losses]\nflaw = 1", "losses.flaw, which is no setting"),
        ("[training]\npairs = 1", "at least 2"),
        ('[terms]\nadversary = "other"', "choose from hinge"),
        ("[sizes.tiny64]\nvolume = [8, 8, 12]", "multiple of 8"),
        ("[sizes.huge]\nsize = 1", "a table sizes huge"),
        ("no toml", "no TOML"),
    ],
)
def test_bad_settings_are_said(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        settings.load("tiny64", tmp_path / "mine.toml")
    assert settings.sizes() == ["tiny64", "small128", "full512"]
