"""Students and high resolution: what is computed once, files of an avatar, weights of others, resumption."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from blendshape_addon.core.errors import InputError, ModelError
from blendshape_addon.core.motion.face import FaceReader
from tests.training.test_portrait import crowd, pictures, small
from training.learning.distributed import ALONE
from training.motion.animator.losses import fetched
from training.portrait import (
    animate,
    emtn,
    export,
    face_code,
    framing,
    pairs,
    settings,
    train_base,
    train_hr,
    train_student,
    weights,
)
from training.portrait.framing import Portrait
from training.portrait.gbase import Gbase
from training.portrait.ghr import GHR
from training.portrait.perceptual import VGG, Perceptual
from training.portrait.resnet18 import ResNet18
from training.portrait.student import OneAvatar, Student

SIZE = small().size
ADVERSARY = {"adversarial": 0.1, "feature_matching": 0.1}


def stirred(network: torch.nn.Module) -> torch.nn.Module:
    """With weights and statistics as after a training, so that no layer gives 0."""
    torch.manual_seed(0)
    with torch.no_grad():
        for value in network.parameters():
            value += 0.1 * torch.randn_like(value)
        for name, value in network.named_buffers():
            if name.endswith("running_var"):
                value.copy_(torch.rand_like(value) + 0.5)
            elif name.endswith("running_mean"):
                value.copy_(0.1 * torch.randn_like(value))
    return network.eval()


def student() -> Student:
    network = stirred(Student(SIZE))
    network.know(torch.nn.functional.interpolate(pictures(3, 4), SIZE.size, mode="bilinear"))
    return network


def drivers(count: int = 3) -> torch.Tensor:
    return pictures(count, SIZE.motion_size, 7)


def avatars() -> list[train_student.Avatar]:
    return train_student.of_people(crowd().people[:2])


def base(folder) -> tuple:
    """A file of Gbase's weights, and its settings."""
    torch.manual_seed(0)
    file = folder / "Gbase.pth"
    torch.save(stirred(Gbase(SIZE)).state_dict(), file)
    return file


# One avatar


@torch.no_grad()
def test_what_is_computed_once_changes_nothing():
    network, seen = student(), drivers()
    output = network(seen, torch.tensor([2, 2, 2]))
    assert (output.picture - network.portraits[2] / 255).abs().max() > 0.01
    for mine, theirs in zip(OneAvatar(network, 2)(seen), output[:3], strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4)
    assert len(network.avatars) == 100  # the student itself is left as it was


def test_an_avatar_in_its_file_is_that_of_the_student(tmp_path):
    network, seen = student(), drivers()
    export.write(network, 1, "Ann", tmp_path / "ann.onnx")
    moved = export.AvatarFile(tmp_path / "ann.onnx")
    assert (moved.name, moved.size, moved.motion_size) == ("Ann", SIZE.size, SIZE.motion_size)
    assert (moved.portrait == network.portraits[1].permute(1, 2, 0).numpy()).all()
    with torch.no_grad():
        true = OneAvatar(network, 1)(seen)
    for mine, theirs in zip(moved.drive(seen), true, strict=True):
        assert (mine - theirs).abs().max() < export.PARITY
    assert torch.allclose(moved.drive(seen[:1]).picture, moved.drive(seen).picture[:1], atol=1e-4)


def test_a_portrait_moves_as_the_file_of_its_student_says(tmp_path):
    network, side = student(), SIZE.size
    export.write(network, 1, "Ann", tmp_path / "ann.onnx")
    file = export.AvatarFile(tmp_path / "ann.onnx")
    seen = (drivers() * 255).round().byte().permute(0, 2, 3, 1).numpy()
    opaque = np.full((side, side, 1), 255, np.uint8)
    whole = np.concatenate([file.portrait, opaque], 2)
    made = np.stack(list(animate.moved(file, Portrait(whole, 0, 0, side), seen)))
    with torch.no_grad():
        painted = OneAvatar(network, 1)(animate.tensor(seen))
    # The first driver is neutral: there the portrait is as it is.
    flow, correction = (one - one[:1] for one in (painted.flow, painted.correction))
    lighter = correction.mean(1, keepdim=True)  # what is painted changes the light alone
    true = fetched(network.portraits[[1, 1, 1]] / 255, flow).add(lighter).clamp(0, 1)
    assert np.abs(made[..., :3] / 255 - true.permute(0, 2, 3, 1).numpy()).max() < 2 / 255
    # As large as the portrait is, from drivers that are larger than it sees them.
    large = Portrait(whole.repeat(3, 0).repeat(3, 1), 0, 0, 3 * side)
    assert next(animate.moved(file, large, seen.repeat(2, 1).repeat(2, 2))).shape == (3 * side, 3 * side, 4)
    with pytest.raises(InputError, match="moves the portrait of Ann and no other"):
        next(animate.moved(file, Portrait(255 - whole, 0, 0, side), seen))


def test_files_of_avatars_that_cannot_be_used_are_said(tmp_path):
    export.write(student(), 0, "Ann", tmp_path / "ann.onnx")
    with pytest.raises(InputError, match="ann.onnx is no portrait base: give the folder of its training"):
        weights.base(tmp_path / "ann.onnx")
    with pytest.raises(InputError, match="is no .onnx file: python -m training portrait export makes one"):
        export.AvatarFile(tmp_path)
    card = (tmp_path / "ann.toml").read_text()
    for text, said in (
        (card.replace('kind = "portrait student"', 'kind = "gaze"'), "another version|no student"),
        (card.replace("motion_size =", "size_of_motion ="), "does not say what it takes"),
        (card.replace('sha256 = "', 'sha256 = "0'), "damaged"),
    ):
        (tmp_path / "ann.toml").write_text(text)
        with pytest.raises((InputError, ModelError), match=said):
            export.AvatarFile(tmp_path / "ann.onnx")


def test_an_avatar_is_exported_by_name(tmp_path, capsys):
    told = small(steps=1)
    people = crowd().people
    train_student.train_student(
        crowd(), train_student.of_people(people[:2]), told, base(tmp_path), tmp_path, device=ALONE
    )
    out = tmp_path / "two.onnx"
    export.main(["--student", str(tmp_path), "--avatar", people[1].name, "--out", str(out)])
    assert export.AvatarFile(out).name == people[1].name and "moves person 1" in capsys.readouterr().out
    with pytest.raises(InputError, match="knows no Nobody: choose from person 0, person 1"):
        export.main(["--student", str(tmp_path), "--avatar", "Nobody", "--out", str(out)])
    with pytest.raises(InputError, match="end in .onnx"):
        export.main(["--student", str(tmp_path), "--out", str(tmp_path / "two.pth")])


# A creator's own pictures


def test_own_pictures_are_cut_to_the_face_and_learned_by_name(tmp_path):
    rng = np.random.default_rng(0)
    small_one = Image.fromarray(rng.integers(0, 255, (6, 9, 3)).astype(np.uint8))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        small_one.resize((180, 120), Image.Resampling.BICUBIC).save(tmp_path / folder / "me.png")
    places = framing.eyes(["80,60", "100,60"])
    (found,) = train_student.of_files([tmp_path / "a" / "me.png"], 16, places)
    cut = framing.portrait(tmp_path / "a" / "me.png", 1024, places, FaceReader(provider="cpu"))[0].square[..., :3]
    assert found.name == "me" and found.code.shape == (face_code.SIZE,) and np.isfinite(found.code).all()
    true = np.asarray(Image.fromarray(cut).resize((16, 16), Image.Resampling.BILINEAR))
    assert np.array_equal(found.picture, true) and len(cut) < 120
    with pytest.raises(InputError, match="Two portraits are named me"):
        train_student.of_files([tmp_path / "a" / "me.png", tmp_path / "b" / "me.png"], 16, places)
    usual = ["--data", "none", "--base", "none", "--out", str(tmp_path)]
    with pytest.raises(InputError, match="give --portrait with one"):
        train_student.main([*usual, "--eyes", "80,60", "100,60"])
    with pytest.raises(InputError, match="--avatars is -1: choose 1 to 100"):
        train_student.main([*usual, "--avatars", "-1"])
    with pytest.raises(InputError, match="No face was found in me.png"):
        train_student.main([*usual, "--portrait", str(tmp_path / "a" / "me.png")])


# Trainings


def _bytes(picture: torch.Tensor) -> bytes:
    return (picture * 255).round().byte().permute(1, 2, 0).numpy().tobytes()


def test_pictures_that_measure_a_student_drive_nobody_in_its_training():
    data = crowd(frames=5)
    told = replace(small(), training=replace(small().training, pairs=50, flip=0.0, jitter=0.0))
    kept = train_student.without_last(data)
    task = train_student.StudentTask(kept, avatars(), told, Gbase(SIZE), torch.device("cpu"))
    drawn = task.draw(np.random.default_rng(0))
    seen = {_bytes(one) for one in drawn.driver}
    held = {person.seen[n].tobytes() for person in data.people for n in (-1, -2)}
    assert not held & seen and len(seen) > 4
    # With each comes what its face is at rest.
    for person in data.people:
        here = [n for n, one in enumerate(drawn.driver) if _bytes(one) == person.seen[0].tobytes()]
        assert here and all(np.allclose(drawn.codes[n], person.codes[[0, 0], 0], atol=1e-2) for n in here)
    with pytest.raises(InputError, match="draw people with more --frames"):
        train_student.without_last(crowd(frames=3))


@torch.no_grad()
def test_what_a_student_is_taught_does_not_hang_on_where_a_driver_was_at_rest():
    torch.manual_seed(0)
    network = Gbase(SIZE)
    source, driver, rest = (network.emtn(1 + torch.randn(2, face_code.SIZE)) for _ in range(3))
    turned = emtn.rotations(torch.tensor([[0.1, 0.5, 0.0]]))
    moved = rest._replace(rotation=turned, points=rest.points @ rest.rotation @ turned.mT * 1.3 + 0.2)
    first, second = (emtn.adopted(source, driver, emtn.held_as(source, one)) for one in (rest, moved))
    for mine, theirs in zip(first, second, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-4)
    assert torch.allclose(first.rotation, driver.rotation, atol=1e-5)
    # Who is driven by its own picture is as it is.
    own = emtn.adopted(source, source, emtn.held_as(source, source))
    assert all(torch.allclose(mine, theirs, atol=1e-5) for mine, theirs in zip(own, source, strict=True))


@pytest.mark.parametrize("count", [0, 101])
def test_students_learn_1_to_100_avatars(tmp_path, count):
    with pytest.raises(InputError, match=f"There are {count} avatars: a student learns 1 to 100"):
        train_student.train_student(crowd(), avatars()[:1] * count, small(), base(tmp_path), tmp_path, device=ALONE)


class Stopped(Exception):
    """Somebody pressed Ctrl-C."""


class Cut(list):
    """People of whom, in the third step, one is drawn no more."""

    left = 5

    def __getitem__(self, number):
        self.left -= 1
        if self.left < 0:
            raise Stopped
        return super().__getitem__(number)


@pytest.mark.parametrize("stage", ["hr", "student"])
def test_a_run_that_was_cut_short_goes_on_bit_by_bit(tmp_path, stage):
    told, file = small(**ADVERSARY), base(tmp_path)

    def run(data, out):
        if stage == "hr":
            return train_hr.train_hr(data, told, file, out, device=ALONE)
        return train_student.train_student(data, avatars(), told, file, out, device=ALONE)[0]

    data = crowd(32 if stage == "hr" else 16)
    whole = run(data, tmp_path / "whole").state_dict()
    cut = pairs.Renders(data.people)
    cut.people = Cut(data.people)
    with pytest.raises(Stopped):
        run(cut, tmp_path / "cut")
    for name, value in run(data, tmp_path / "cut").state_dict().items():
        assert torch.equal(value, whole[name]), name


def test_terms_of_weight_0_are_not_computed(tmp_path):
    told, file = small(), base(tmp_path)
    off = dict.fromkeys(vars(told.losses), 0.0)
    for extra in ({"reconstruction": 1.0}, {"smooth": 1.0}, {"flow": 1.0, "adversarial": 1.0}):
        chosen = replace(told, losses=replace(told.losses, **off | extra))
        teacher = Gbase(SIZE)
        weights.load_into(teacher, file)
        device = torch.device("cpu")
        student_task = train_student.StudentTask(crowd(), avatars(), chosen, teacher, device)
        found = {}
        for task in (student_task, train_hr.HrTask(crowd(32), chosen, file, device)):
            batch = task.draw(np.random.default_rng(0))
            found[type(task)] = set(task.terms(task.predict(task.build(), batch), batch))
        judged = {"discriminator"} if "adversarial" in extra else set()
        assert found[train_student.StudentTask] == extra.keys() | judged
        assert found[train_hr.HrTask] == (extra.keys() - {"smooth", "flow"}) | judged


def test_stages_have_settings_of_their_own(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[losses]\nperceptual = 0.7\n[training]\npairs = 5\n[student.training]\npairs = 6\n")
    shipped = {stage: settings.load("tiny64", stage=stage) for stage in ("base", "hr", "student")}
    mine = {stage: settings.load("tiny64", file, stage=stage) for stage in shipped}
    assert shipped["hr"].losses.perceptual > 0 == shipped["student"].losses.perceptual
    assert shipped["student"].training.pairs > shipped["base"].training.pairs
    assert [told.losses.perceptual for told in mine.values()] == [0.7] * 3
    assert [told.training.pairs for told in mine.values()] == [5, 5, 6]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[hr.losses]\nflaw = 1", "losses.flaw, which is no setting"),
        ("[hr.other]\nflaw = 1", "a table other"),
        ("hr = 1", "a stage that is no table"),
        ("[hr]\nlosses = 1", "a table losses"),
    ],
)
def test_bad_settings_of_stages_are_said(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        settings.load("tiny64", tmp_path / "mine.toml", stage="hr")


# Weights of others


def backbone(folder, network: torch.nn.Module, more: dict) -> tuple:
    torch.manual_seed(2)
    rows = {name: 0.05 * torch.randn(value.shape) for name, value in network.state_dict().items()}
    rows = {name: value.abs() if "var" in name else value for name, value in rows.items()} | more
    file = folder / "weights.pth"
    torch.save(rows, file)
    return file, rows


def test_weights_of_resnet18_are_read_as_torchvision_names_them(tmp_path):
    file, rows = backbone(tmp_path, ResNet18(), {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)})
    told = replace(small(), size=replace(SIZE, student_width=64))
    teacher = Gbase(told.size)
    device = torch.device("cpu")
    task = train_student.StudentTask(crowd(), avatars(), told, teacher, device, resnet=file)
    encoder = task.build().student.encoder
    assert torch.equal(encoder.layer4[1].conv2.weight, rows["layer4.1.conv2.weight"])
    assert torch.equal(encoder.layer2[0].downsample[1].running_var, rows["layer2.0.downsample.1.running_var"])
    torch.save({"other": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="another network"):
        task.build()


def test_weights_of_vgg16_are_read_as_torchvision_names_them(tmp_path):
    wide = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    numbers, inputs, rows = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), 3, {}
    torch.manual_seed(0)
    for number, outputs in zip(numbers, wide, strict=True):
        rows[f"features.{number}.weight"] = 0.05 * torch.randn(outputs, inputs, 3, 3)
        rows[f"features.{number}.bias"] = torch.zeros(outputs)
        inputs = outputs
    torch.save(rows | {"classifier.0.bias": torch.zeros(4096)}, tmp_path / "vgg16.pth")
    distance = Perceptual(32, tmp_path / "vgg16.pth")
    assert distance.name == VGG and distance(pictures(), pictures()) == 0
    made = pictures(seed=1).requires_grad_()
    distance(made, pictures()).backward()
    assert made.grad.any()


class Harmful:
    """What runs code when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("maker", [Gbase, GHR, Student])
def test_pth_files_are_read_and_run_nothing(tmp_path, maker):
    file, trace = tmp_path / f"{maker.__name__}.pth", tmp_path / "was here"
    mine = stirred(maker(SIZE))
    torch.save(mine.state_dict(), file)
    filled = maker(SIZE)
    weights.load_into(filled, file)
    assert all(torch.equal(value, mine.state_dict()[name]) for name, value in filled.state_dict().items())
    harmful = mine.state_dict() | {"harmful": Harmful(trace)}
    for write in (lambda: torch.save(harmful, file), lambda: file.write_bytes(pickle.dumps(harmful, 2))):
        write()
        with pytest.raises(InputError, match="damaged or holds more than weights: save the state_dict alone"):
            weights.load_into(filled, file)
        assert not trace.exists()


def test_a_base_is_its_folder_or_its_file(tmp_path):
    made = train_base.train_base(crowd(), small(steps=1), tmp_path, device=ALONE)
    for path in (tmp_path, tmp_path / "base.safetensors"):
        filled = Gbase(SIZE)
        weights.load_base(filled, path)
        assert all(torch.equal(value, made.state_dict()[name]) for name, value in filled.state_dict().items())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="There are no weights at"):
        weights.load_base(Gbase(SIZE), tmp_path / "empty")


def test_students_go_on_from_others(tmp_path):
    told, file, before = small(steps=1), base(tmp_path), student()
    torch.save(before.state_dict(), tmp_path / "Student.pth")
    made, _ = train_student.train_student(
        crowd(), avatars(), told, file, tmp_path, start=tmp_path / "Student.pth", device=ALONE
    )
    assert (made.avatars - before.avatars).abs().max() < 0.01
    assert torch.equal(made.portraits[0], torch.from_numpy(crowd().people[0].pictures[0]).permute(2, 0, 1))
