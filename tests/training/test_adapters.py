"""Drawn faces and adapters to them: what is drawn is true, what is learned by, what a clip becomes."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor, pose
from blendshape_addon.core.motion.performance import DriveOptions, perform
from blendshape_addon.core.vocabulary import ARKIT
from training.data import rigs
from training.motion import adapt, adapters, domains, draw, drawn, motions, puppets, train_adapter
from training.motion.adapters import Adapter
from training.motion.crops import STORED
from training.motion.domains import NAMES, Domain
from training.renders import Scene, people, render, shards

rng = np.random.default_rng(0)
NEEDS_RIGS = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="needs the folder of rigs")
JAW = NAMES.index("jawOpen")


def domain(clips: int = 10, frames: int = 4, known: bool = True) -> Domain:
    """Clips of noise, whose neutral picture is the first."""
    count = clips * frames
    truth = rng.uniform(0, 1, (count, len(NAMES))).astype(np.float32)
    truth[::frames] = 0
    return Domain(
        rng.integers(0, 255, (count, STORED, STORED, 3)).astype(np.uint8), np.repeat(np.arange(clips), frames),
        np.tile(np.arange(frames), clips), truth if known else np.full_like(truth, np.nan),
        tuple(f"toon__{n}__1" for n in range(clips)),
    )  # fmt: skip


def clip(folder: Path, count: int = 4, size: int = 64, table: bool = True) -> Path:
    """A puppet's clip whose jaw opens, as `motion draw` writes it."""
    puppet = puppets.random(np.random.default_rng(1))
    shown = [motions.Motion({"jawOpen": n / count}, gaze=(0, 0)) for n in range(count)]
    draw.save(folder, [(puppets.draw(puppet, motion, size), motion.units) for motion in shown])
    if not table:
        (folder / "units.csv").unlink()
    return folder


def changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(2,) mean row and column, -1 to 1, of where pictures differ."""
    rows, columns = np.nonzero(np.abs(one.astype(int) - other).sum(2) > 60)
    return 2 * np.array([rows.mean(), columns.mean()]) / len(one) - 1


def test_a_puppet_moves_what_its_units_say_and_nothing_else() -> None:
    puppet = puppets.random(np.random.default_rng(3))
    still = puppets.draw(puppet, motions.Motion({}), 128)
    jaw = changed(puppets.draw(puppet, motions.Motion({"jawOpen": 1.0}), 128), still)
    left = changed(puppets.draw(puppet, motions.Motion({"eyeBlinkLeft": 1.0}), 128), still)
    right = changed(puppets.draw(puppet, motions.Motion({"eyeBlinkRight": 1.0}), 128), still)
    assert jaw[0] > left[0] + 0.1 and abs(jaw[1]) < 0.05, "the mouth lies below the eyes, in the middle"
    assert left[1] > 0.05 and right[1] < -0.05, "the person's left is the picture's right"
    looked = [puppets.draw(puppet, motions.Motion({}, gaze=(angle, 0)), 128) for angle in (-25, 25)]
    dark = [(255 - picture.astype(float).mean(2)[40:70]) ** 4 for picture in looked]
    places = [(d.sum(0) @ np.arange(128)) / d.sum() for d in dark]
    assert places[1] > places[0], "irises go to the person's left"
    turned = puppets.draw(puppet, motions.Motion({}, (0, 25, 0)), 128)
    assert (np.abs(turned.astype(int) - still).sum(2) > 60).mean() > 0.05


@NEEDS_RIGS
def test_a_drawing_shows_what_the_render_shows() -> None:
    person = people.person(rigs.load(rigs.data_folder() / "facecap" / "example_head"), seed=5, complete=False)
    scene = Scene(person, size=64, look=drawn.look(np.random.default_rng(0)))
    _, truth = render(scene)
    head = truth.drawn.mask.reshape(64, 2, 64, 2).mean((1, 3))
    colours = {}
    for style in drawn.STYLES:
        hand = drawn.Drawing(style)
        picture, told = drawn.draw(scene, hand)
        assert np.array_equal(told.landmarks, truth.landmarks)
        opened, _ = drawn.draw(replace(scene, units={"jawOpen": 1.0}), hand)
        assert changed(opened, picture)[0] > 0, "a mouth opens below the middle"
        colours[style] = len(np.unique(picture.reshape(-1, 3), axis=0))
    parts, _ = drawn.draw(scene, drawn.Drawing("parts"))
    assert colours["parts"] < 13 and (parts[head == 0] == 0).all() and parts[head == 1].any(1).mean() > 0.9
    line, _ = drawn.draw(scene, drawn.Drawing("line"))
    assert 0.5 < (line.min(2) > 200).mean() < 0.98, "lines on paper"


def test_two_views_of_a_picture_are_nearer_than_other_pictures() -> None:
    one = torch.eye(6)
    assert adapters.contrast(one, one) < 0.01 < 1 < adapters.contrast(one, one.roll(1, 0))


def test_a_cycle_comes_back_where_the_other_kind_has_the_same_and_not_where_it_is_one_heap() -> None:
    here = torch.eye(6)
    assert adapters.cycle(here, here.roll(2, 0)) < 0.01 < 1 < adapters.cycle(here, torch.ones(6, 6))


def test_only_what_is_known_is_learned_from() -> None:
    network = Adapter()
    truth = torch.full((3, len(NAMES)), torch.nan)
    told = torch.ones(3, len(NAMES))
    assert adapters.descriptor_loss(told, truth, network.scales) == 0
    truth[0, 0] = 0
    assert adapters.descriptor_loss(told, truth, network.scales) > 0.5


def test_the_neutral_face_is_told_as_nothing() -> None:
    network = Adapter().eval()
    face = torch.rand(2, adapters.FEATURES)
    with torch.no_grad():
        assert torch.allclose(network(face, face), torch.zeros(2, len(NAMES)), atol=1e-5)


def test_pictures_of_a_clip_are_seen_in_the_same_way(monkeypatch) -> None:
    """The view of equal pictures is equal, mirrored where it says so, and another one the next time."""
    picture = np.zeros((1, STORED, STORED, 3), np.uint8)
    picture[:, :, : STORED // 4] = 255
    pair = np.repeat(picture, 2, 0)
    monkeypatch.setattr(train_adapter, "by_another_hand", lambda images, rng: images)
    ways = np.random.default_rng(5)
    plain, mirrored = (train_adapter.view(pair, flip, ways) for flip in (False, True))
    assert np.array_equal(plain[0], plain[1]) and not np.array_equal(plain, mirrored)
    half = STORED // 2
    assert plain[0, :, :half].mean() > plain[0, :, half:].mean() + 20
    assert mirrored[0, :, half:].mean() > mirrored[0, :, :half].mean() + 20


def test_a_mirrored_face_has_mirrored_truth() -> None:
    truth = np.zeros(len(NAMES), np.float32)
    for name, value in (("eyeBlinkLeft", 1), ("headYaw", 20), ("headPitch", 5), ("gazeLeft", 9), ("gazeUp", 3)):
        truth[NAMES.index(name)] = value
    other = dict(zip(NAMES, truth[train_adapter.MIRROR] * train_adapter.SIGNS, strict=True))
    assert other["eyeBlinkRight"] == 1 and other["eyeBlinkLeft"] == 0
    assert (other["headYaw"], other["headPitch"], other["gazeLeft"], other["gazeUp"]) == (-20, 5, -9, 3)


def test_figures_are_exact_for_the_truth_and_count_what_is_not_read_as_still() -> None:
    data = domain()
    right = train_adapter.figures(data.truth, data.truth)
    assert right["read, %"] == 100 and all(right[name] == 1 for name in train_adapter.MEASURED)
    unread = np.full_like(data.truth, np.nan)
    nothing = train_adapter.figures(unread, data.truth)
    assert nothing["read, %"] == 0
    assert nothing == train_adapter.figures(np.zeros_like(data.truth), data.truth) | {"read, %": 0}


def test_truth_that_is_to_be_forgotten_is_gone() -> None:
    data = domain(6)
    some = train_adapter.some_known(data, 2)
    known = np.isfinite(some.truth).all(1)
    assert len(np.unique(some.clip[known])) == 2 and np.array_equal(some.truth[known], data.truth[known])
    assert np.isnan(train_adapter.some_known(data, 0).truth).all()


def test_clips_are_left_out_by_their_names() -> None:
    names = ("toon__vivi__1", "line__vivi__2", "toon__vita__3")
    assert train_adapter.held_out(names, ["vivi"]).tolist() == [True, True, False]
    for texts, clips in ((["nobody"], names), (["__"], names), ([], names[:2])):
        with pytest.raises(InputError, match="would be left out"):
            train_adapter.held_out(clips, texts)


def test_an_adapter_learns_what_moves_in_clips_and_goes_on_where_it_was_stopped(tmp_path) -> None:
    data = domain(2, 2)
    config = replace(train_adapter.RECIPE, steps=2, warmup=1, save_every=1)
    file = tmp_path / "a.safetensors"
    one, again = (train_adapter.train(data, data, adapters.Terms(), config, file) for _ in range(2))
    for value, other in zip(one.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(value, other)
    with pytest.raises(InputError, match="other settings"):
        train_adapter.train(data, train_adapter.some_known(data, 1), adapters.Terms(), config, file)


def test_an_adapter_that_was_saved_says_the_same(tmp_path) -> None:
    adapter, file, face = Adapter().eval(), tmp_path / "a.safetensors", np.ones((478, 3), np.float32)
    adapters.save(file, adapter, face, {})
    loaded, of_file = adapters.load(file)
    data = domain(1)
    assert np.array_equal(train_adapter.told(adapter, data), train_adapter.told(loaded, data))
    assert np.array_equal(of_file, face)
    file.write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        adapters.load(file)


def test_descriptors_of_an_adapter_drive_the_units_that_it_says() -> None:
    count = 60
    values = np.zeros((count, len(NAMES)), np.float32)
    shown = 0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi, 40))
    for name, most in (("jawOpen", 0.8), ("mouthSmileLeft", 1), ("eyeBlinkRight", 1), ("headYaw", 20)):
        values[20:, NAMES.index(name)] = most * shown
    values[8:16, NAMES.index("gazeUp")] = 10  # while the eyes are open
    numbers, face, _ = pose.rigid_points()
    still = np.zeros((478, 3))
    still[numbers] = face / 9
    told = adapters.describe(values, still, (np.array([50.0, 40.0]), 60.0), (100, 120), 30.0, "content")
    done = perform(told, DriveOptions(neutral=0, smoothing=0), "clip")
    assert done.units["jawOpen"].max() == pytest.approx(0.8, abs=0.02)
    assert done.units["mouthSmileLeft"].max() > 0.97 and done.units["mouthSmileRight"].max() < 0.01
    assert done.units["eyeBlinkRight"].max() > 0.97 and done.units["eyeBlinkLeft"].max() < 0.01
    assert np.degrees(done.head[:, 1]).max() == pytest.approx(20, abs=0.5)
    assert done.gaze[:5, 1].max() == pytest.approx(0, abs=0.1) and done.gaze[12, 1] == pytest.approx(10, abs=0.1)


def test_frames_of_a_clip_become_descriptors_of_that_clip(tmp_path, capsys) -> None:
    folder, file, out = clip(tmp_path / "clip"), tmp_path / "a.safetensors", tmp_path / "d.npz"
    adapters.save(file, Adapter().eval(), np.ones((478, 3), np.float32), {})
    adapt.main(["--adapter", str(file), "--frames", str(folder), "--out", str(out)])
    told = descriptor.load(out)
    assert told.count == 4 and told.found.all() and np.allclose(told.scores[0], 0, atol=1e-4)
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.png")):  # as the add-on hashes a folder of pictures
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    assert told.content == digest.hexdigest()
    assert "drive AVATAR --clip" in capsys.readouterr().out


def test_clips_below_a_folder_are_a_domain(tmp_path) -> None:
    clip(tmp_path / "a")
    clip(tmp_path / "b" / "c", 3, table=False)
    found = domains.of_clips(tmp_path)
    assert found.clips == ("a", "b/c") and found.row.tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert found.truth[:4, JAW] == pytest.approx([0, 0.25, 0.5, 0.75]) and np.isnan(found.truth[4:]).all()
    assert found.pictures.shape == (7, STORED, STORED, 3)


@NEEDS_RIGS
def test_what_is_drawn_on_request_moves_as_the_table_says(tmp_path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("jawOpen,headYaw\n0,0\n0.5,10\n1,20\n")
    draw.main(
        ["--out", str(tmp_path / "out"), "--people", "1", "--styles", "puppet", "--size", "64", "--units", str(table)]
    )
    (folder,) = (tmp_path / "out").iterdir()
    rows = motions.load(folder / "units.csv")
    assert [row.units["jawOpen"] for row in rows] == [0, 0.5, 1] and [row.head[1] for row in rows] == [0, 10, 20]
    assert len(list(folder.glob("*.png"))) == 3


@pytest.mark.parametrize(
    ("command", "line", "said"),
    [(draw, ["--styles", "oil"], "no style oil"), (draw, ["--people", "0"], "at least 1"),
     (draw, ["--frames", "1"], "at least 2"),
     pytest.param(draw, ["--families", "nobody"], "no family nobody", marks=NEEDS_RIGS)],
)  # fmt: skip
def test_draw_refuses_what_makes_no_sense(tmp_path, command, line, said) -> None:
    with pytest.raises(InputError, match=said):
        command.main(["--out", str(tmp_path), *line])


def test_bad_clips_are_a_sentence(tmp_path) -> None:
    with pytest.raises(InputError, match="No clips are in"):
        domains.of_clips(tmp_path)
    folder = clip(tmp_path / "a")
    (folder / "0004.png").unlink()
    with pytest.raises(InputError, match="4 rows for 3 pictures"):
        domains.of_clips(tmp_path)
    (folder / "0003.png").unlink()
    (folder / "0002.png").unlink()
    with pytest.raises(InputError, match="one frame only"):
        domains.of_clips(tmp_path)


@pytest.mark.parametrize(
    ("frames", "adapter", "more", "said"),
    [(0, True, [], "has no frames"), (1, True, [], "one frame only"), (3, False, [], "no motion adapter"),
     (3, True, ["--neutral", "4"], "from 1 to 3"), (3, True, ["--out", "d.txt"], "end in .npz")],
)  # fmt: skip
def test_adapt_refuses_what_makes_no_sense(tmp_path, frames, adapter, more, said) -> None:
    folder, file = tmp_path / "clip", tmp_path / "a.safetensors"
    folder.mkdir()
    for number in range(frames):
        Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(folder / f"{number:04d}.png")
    if adapter:
        adapters.save(file, Adapter().eval(), np.ones((478, 3), np.float32), {})
    with pytest.raises(InputError, match=said):
        adapt.main(["--adapter", str(file), "--frames", str(folder), "--out", str(tmp_path / "d.npz"), *more])


def test_all_units_are_among_the_names() -> None:
    assert NAMES[: len(ARKIT)] == ARKIT and len(NAMES) == 57 == len(adapters.SCALES)


def test_what_the_reader_of_people_says_is_complete_where_there_is_a_face_and_nan_elsewhere() -> None:
    told = adapters.describe(
        domain(1, 5).truth, np.ones((478, 3)), (np.array([50.0, 40.0]), 60.0), (100, 120), 30.0, ""
    )
    told = replace(told, found=np.array([True, True, True, True, False]))
    values = train_adapter.by_reader(told, np.arange(5))
    assert np.isfinite(values[:4]).all() and np.isnan(values[4]).all()
    assert np.allclose(values[0, : len(ARKIT) - 1], 0) and values[1:4, NAMES.index("mouthFunnel")].max() > 0.1
    assert np.isnan(train_adapter.by_reader(replace(told, found=np.arange(5) > 0), np.arange(5))).all()


def write_person(folder: Path, person: people.Person | None) -> None:
    """Two pictures of a person, or of nobody, as `motion renders` writes them."""
    if person is not None:
        shard = shards.draw(person, 2, np.random.default_rng(0), 160)
    else:
        zeros = np.zeros((2, 2, 2), np.float32)
        shard = shards.Shard(
            "a/b/1", "a", np.zeros((2, 64, 64, 3), np.uint8), np.zeros((2, 52), np.float32), np.ones(52, bool),
            np.zeros(52, bool), zeros, zeros[..., 0], np.repeat(np.eye(3, dtype=np.float32)[None], 2, 0),
            np.zeros((2, 48, 3), np.float32), np.zeros((0, 64, 64, 3), np.float16),
        )  # fmt: skip
    shards.save(folder / "a__b__1.safetensors", shard)


@NEEDS_RIGS
def test_the_command_leaves_an_adapter_and_its_figures(tmp_path, capsys) -> None:
    rig = rigs.load(rigs.data_folder() / "facecap" / "example_head")
    write_person(tmp_path / "people", people.person(rig, complete=False))
    for name in ("one", "two"):
        clip(tmp_path / "clips" / name, 2)
    out = tmp_path / "out" / "a.safetensors"
    line = ["--people", str(tmp_path / "people"), "--domain", str(tmp_path / "clips"), "--out", str(out)]
    train_adapter.main([*line, "--steps", "1", "--hold-out", "two", "--paired", "0"])
    printed = capsys.readouterr().out
    assert "| reader of people |" in printed and "| adapter | 100 |" in printed
    assert "of 0 pictures of which the motion was known" in printed
    _, face = adapters.load(out)
    assert np.ptp(face[:, 0]) > 1, "a face is wider than its eyes"
    assert sorted(path.name for path in out.parent.glob("a*")) == ["a.json", "a.safetensors"]


@pytest.mark.parametrize(
    ("more", "said"),
    [([], "No face was read in the neutral pictures"), (["--hold-out", "x"], "0 of 2 clips would be left out"),
     (["--steps", "0"], "--steps is 0"), (["--paired", "-1"], "--paired is -1"), (["--out", "a.b"], "end in")],
)  # fmt: skip
def test_train_adapter_refuses_what_makes_no_sense(tmp_path, more, said) -> None:
    write_person(tmp_path / "people", None)
    for name in ("one", "two"):
        clip(tmp_path / "clips" / name, 2)
    line = ["--people", str(tmp_path / "people"), "--domain", str(tmp_path / "clips"), "--hold-out", "two"]
    with pytest.raises(InputError, match=said):
        train_adapter.main([*line, "--out", str(tmp_path / "a.safetensors"), *more])
