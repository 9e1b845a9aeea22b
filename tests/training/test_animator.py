"""The animator: its data, its networks and terms, a training and its resumption, and its use."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.motion.face import FaceReader
from training.data import rigs
from training.learning import checkpoint
from training.motion import video_metrics
from training.motion.animator import (
    animate,
    conditions,
    dataset,
    losses,
    make_data,
    model,
    movies,
    pictures,
    settings,
    train,
    use,
)
from training.motion.animator.dataset import Clip, PortraitVideoDataset, Variety
from training.motion.animator.metrics import Measure
from training.renders import Scene, render
from training.renders import people as people_to_draw

rng = np.random.default_rng(0)
SMALL = settings.load(
    None,
    {
        "model": {"size": 16, "widths": [4, 4, 4], "conditions": 8, "driver_pixels": 4},
        "training": {"steps": 4, "windows": 2, "warmup": 1, "save_every": 2, "new_people": 2},
        "metrics": {"every": 2, "people": 1, "frames": 3, "preview_every": 4},
    },
)
needs_rigs = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="needs the folder of rigs")


def person(name: str = "somebody", frames: int = 5, size: int = 16) -> Clip:
    """Noise that moves by noise."""
    rows = rng.normal(0, 1, (1 + frames, conditions.SIZE)).astype(np.float32)
    movie = rng.integers(0, 255, (1 + frames, size, size, 3)).astype(np.uint8)
    return Clip(name, movie[0], movie[1:], np.arange(frames), rows)


def people(count: int = 4) -> PortraitVideoDataset:
    data = PortraitVideoDataset.__new__(PortraitVideoDataset)  # without pictures on disk, in which faces would be read
    data.clips = [person(f"person {n}") for n in range(count)]
    data.contents = [clip.name for clip in data.clips]
    return data


def described(frames: int = 3) -> Descriptors:
    turned = pose.to_matrices(rng.normal(0, 0.3, (frames, 3)))
    return Descriptors(
        np.arange(frames), np.ones(frames, bool), rng.normal(0, 0.3, (frames, 478, 3)), turned,
        np.column_stack([rng.normal(0, 0.05, (frames, 2)), rng.uniform(0.2, 0.3, frames)]), rng.random((frames, 52)),
        np.zeros((frames, 0)), np.zeros(frames), rng.normal(0, 10, (frames, 2, 2)), rng.random((frames, 2)),
        np.ones(frames), 1, "",
    )  # fmt: skip


def write(folder, name: str, sizes=((64, 64), (64, 64)), mode: str = "RGB") -> None:
    video = folder / f"{name}_video"
    video.mkdir(parents=True)
    Image.new(mode, (64, 64)).save(folder / f"{name}.png")
    for number, size in enumerate(sizes, 1):
        Image.new("RGB", size).save(video / f"{number:04d}.png")


# Data


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: shutil.rmtree(f), "There is no folder"),
        (lambda f: (shutil.rmtree(f / "anna_video"), (f / "anna.png").unlink()), "has no portraits"),
        (lambda f: (f / "anna.png").unlink(), "anna_video has no portrait: put anna.png"),
        (lambda f: shutil.rmtree(f / "anna_video"), "anna.png has no frames"),
        (lambda f: (f / "anna_video" / "0002.png").unlink(), "anna_video has one frame only"),
        (lambda f: [p.unlink() for p in (f / "anna_video").iterdir()], "anna_video has no frames"),
        (lambda f: write(f, "adam", ((64, 64), (64, 48))), "0002.png of .*adam_video is of 64 x 48 pixels"),
        (lambda f: Image.new("RGBA", (64, 64)).save(f / "anna.png"), "anna.png is transparent"),
        (lambda f: (f / "anna.png").write_bytes(b"no picture"), "cannot be read as a picture"),
        (lambda f: (f / "anna.png").write_bytes((f / "anna.png").read_bytes()[:60]), "is damaged"),
        (lambda f: None, "No face was found in the portrait of anna"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_said(tmp_path, spoil, said) -> None:
    write(tmp_path, "anna")
    spoil(tmp_path)
    with pytest.raises(InputError, match=said):
        PortraitVideoDataset(tmp_path, 16)


def test_a_picture_with_an_alpha_that_hides_nothing_is_no_transparent_one(tmp_path) -> None:
    Image.new("RGBA", (8, 8), (10, 20, 30, 255)).save(tmp_path / "a.png")
    assert (pictures.load(tmp_path / "a.png") == [10, 20, 30]).all()


def test_a_picture_of_a_phone_is_turned_upright_and_one_of_16_bits_is_not_white(tmp_path) -> None:
    held = np.zeros((6, 9, 3), np.uint8)
    held[:, :4] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(held).save(tmp_path / "held.png", exif=exif)
    assert np.array_equal(pictures.load(tmp_path / "held.png"), np.rot90(held, -1))
    grey = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(pictures.load(tmp_path / "grey.png")[..., 0].ravel(), np.arange(256))


@pytest.mark.parametrize(("rate", "count"), [(24, 48), (60, 60), (7.5, 15)])
def test_an_animated_picture_is_as_long_as_it_should_be(tmp_path, rate, count) -> None:
    frames = [np.full((4, 4, 3), 4 * number, np.uint8) for number in range(count)]
    (tmp_path / "a.gif").write_bytes(pictures.gif(frames, rate))
    with Image.open(tmp_path / "a.gif") as made:
        shown = [one.info["duration"] for one in ImageSequence.Iterator(made)]
    assert sum(shown) == pytest.approx(1000 * count / rate, abs=20) and min(shown) >= 20 and len(shown) <= count
    assert pictures.rate_of(tmp_path / "a.gif") == pytest.approx(1000 * len(shown) / sum(shown))
    assert pictures.rate_of(tmp_path) is None


def test_rows_do_not_change_with_the_size_of_the_picture_and_where_the_face_is_in_it() -> None:
    told = described()
    rows = conditions.rows(told, conditions.window(told, (200, 200)), (200, 200))
    assert rows.shape == (3, conditions.SIZE)
    # The same face half as large in a picture twice as wide and high, and elsewhere.
    moved = replace(told, place=told.place * [0.5, 0.5, 0.5] + [0.2, -0.1, 0])
    again = conditions.rows(moved, conditions.window(moved, (400, 400)), (400, 400))
    assert np.allclose(rows, again, atol=1e-5)


def test_mirrored_rows_are_those_of_a_mirrored_face() -> None:
    told = described()
    flip = np.diag([-1.0, 1.0, 1.0])
    landmarks = told.landmarks.copy()
    pairs = list(zip(conditions._RIGHT, conditions._LEFT, strict=True))
    for one, other in [*pairs, *((o, r) for r, o in pairs), *((n, n) for n in conditions._BETWEEN)]:
        landmarks[:, one] = told.landmarks[:, other] * [-1, 1, 1]
    names = list(conditions.SCORES)
    swap = [n.replace("Left", "#").replace("Right", "Left").replace("#", "Right") for n in names]
    mirror = replace(
        told, landmarks=landmarks, rotation=flip @ told.rotation @ flip, place=told.place * [-1, 1, 1],
        scores=told.scores[:, [names.index(n) for n in swap]], gaze=told.gaze[:, ::-1] * [-1, 1],
        blink=told.blink[:, ::-1],
    )  # fmt: skip
    rows, wanted = (conditions.rows(t, conditions.window(t, (100, 100)), (100, 100)) for t in (told, mirror))
    assert np.allclose(conditions.mirrored(rows), wanted, atol=1e-5)
    assert np.array_equal(conditions.mirrored(conditions.mirrored(rows)), rows)


@needs_rigs
def test_landmarks_of_the_right_half_are_those_of_the_left_one_in_a_mirrored_picture() -> None:
    rig = rigs.load(rigs.data_folder() / "facecap" / "example_head")
    scene = Scene(people_to_draw.person(rig, complete=False), units={"mouthSmileLeft": 1.0}, head=(0, 15, 0), size=128)
    picture, _ = render(scene)
    reader = FaceReader(provider="cpu")
    rows = []
    for frames in (picture[None], picture[None, :, ::-1]):
        told = dataset.read_frames("a", np.concatenate([frames, frames]), reader)
        rows.append(conditions.rows(told, conditions.window(told, (128, 128)), (128, 128))[1])
    apart, other = (np.abs(row - rows[1]) for row in (conditions.mirrored(rows[0]), rows[0]))
    assert np.median(apart) < 0.1 and apart.max() < 1, "a wrong twin lies much farther away"
    assert np.quantile(apart, 0.95) < 0.6 * np.quantile(other, 0.95), "and it is the mirroring that does it"


def test_the_window_of_a_picture_goes_on_beyond_its_edges() -> None:
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[:, 5:] = 200
    whole = dataset.cropped(picture, conditions.Window((5, 5), 10), 10)
    assert np.array_equal(whole, picture)
    beyond = dataset.cropped(picture, conditions.Window((10, 10), 10), 10)
    assert (beyond == 200).all()


def test_portrait_frames_and_motion_are_mirrored_together_and_get_the_same_colours() -> None:
    clip = person(frames=3)
    plain = Variety(window=3, stride=1, flip=0, jitter=0, blank_driver=0, other_source=0)
    for flip in (0.0, 1.0):
        source, own, frames, drivers, deltas = dataset.draw(
            [clip], 1, replace(plain, flip=flip), np.random.default_rng(1)
        )
        if flip:
            source, frames, drivers = source[:, :, ::-1], frames[:, :, :, ::-1], drivers[..., ::-1]
            own, deltas = conditions.mirrored(own), conditions.mirrored(deltas)
        order = [0, 1, 2] if np.allclose(frames[0, 0] * 255, clip.frames[0], atol=1e-3) else [2, 1, 0]
        assert np.allclose(source[0] * 255, clip.portrait, atol=1e-3)
        assert np.allclose(frames[0] * 255, clip.frames[order], atol=1e-3)
        assert np.allclose(drivers[0], dataset.grey(clip.frames[order]), atol=1e-4)
        assert np.allclose(deltas[0], clip.deltas[order], atol=1e-5) and np.array_equal(own[0], clip.rows[0])
    grey = np.full((4, 16, 16, 3), 120, np.uint8)
    same = Clip("grey", grey[0], grey[1:], np.arange(3), clip.rows)
    source, _, frames, *_ = dataset.draw([same], 1, replace(plain, jitter=0.3), np.random.default_rng(1))
    assert np.allclose(frames, source[:, None], atol=1e-6) and abs(source - 120 / 255).max() > 0.02


def test_windows_are_subsampled_in_time_and_stay_in_the_clip() -> None:
    frames = np.arange(9, dtype=np.uint8)[:, None, None, None].repeat(16, 1).repeat(16, 2).repeat(3, 3)
    clip = Clip("a", frames[0], frames, np.arange(9), rng.normal(0, 1, (10, conditions.SIZE)))
    variety = Variety(window=3, stride=4, flip=0, jitter=0, blank_driver=1, other_source=0)
    found = dataset.draw([clip], 60, variety, np.random.default_rng(0))
    numbers = np.round(found.frames[:, :, 0, 0, 0] * 255).astype(int)
    steps = np.diff(numbers, axis=1)
    assert (steps[:, 0] == steps[:, 1]).all() and set(np.unique(steps)) == {-4, -3, -2, -1, 1, 2, 3, 4}
    assert not found.drivers.any(), "blank"


# Networks and terms


def test_the_animator_starts_as_the_copy_of_the_portrait() -> None:
    network = model.Animator(SMALL.model)
    portrait = torch.rand(3, 3, 16, 16)
    made = network(portrait, torch.randn(3, 1, 16, 16), torch.randn(3, 2, conditions.SIZE))
    assert torch.allclose(made.picture, portrait, atol=1e-6) and not made.flow.any() and not made.correction.any()


def test_any_widths_will_do() -> None:
    network = model.Animator(replace(SMALL.model, widths=[2, 5, 12]))
    made = network(torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16), torch.zeros(1, 2, conditions.SIZE))
    assert made.picture.shape == (1, 3, 16, 16)


def test_flow_says_where_pixels_are_fetched() -> None:
    network = model.Animator(SMALL.model)
    torch.nn.init.constant_(network.to_flow.bias[:1], 0.25)  # to the right of each pixel
    portrait = torch.rand(1, 3, 16, 16)
    made = network(portrait, torch.zeros(1, 1, 16, 16), torch.zeros(1, 2, conditions.SIZE))
    steps = made.flow[0, 0, 8, 8].item() * 16
    assert steps == pytest.approx(16 * SMALL.model.reach * np.tanh(0.25), abs=1e-4)
    whole = int(steps)
    low, high = portrait[..., whole : whole + 8], portrait[..., whole + 1 : whole + 9]
    assert torch.allclose(made.picture[..., :8], low + (high - low) * (steps - whole), atol=1e-4)


def test_motion_reaches_the_picture() -> None:
    torch.manual_seed(0)
    trained = model.Trained(SMALL.model, False)
    for layer in trained.modules():
        if isinstance(layer, model.Film):
            torch.nn.init.normal_(layer.film.weight)
    torch.nn.init.normal_(trained.animator.to_flow.weight)
    portrait, driver = torch.rand(1, 3, 16, 16).repeat(2, 1, 1, 1), torch.zeros(2, 1, 16, 16)
    told = torch.zeros(2, 2, conditions.SIZE)
    told[1, 1] = 1
    made = trained.animator(portrait, driver, told)
    assert (made.picture[0] - made.picture[1]).abs().max() > 0.01


def test_landmarks_are_where_they_are_in_the_picture() -> None:
    told = described()
    turned = np.einsum("fij,fkj->fki", told.rotation, told.landmarks[:, list(conditions.LANDMARKS)])
    height = 200
    pixels = told.place[:, None, :2] * height + turned[:, :, :2] * told.place[:, None, 2:] * height
    pixels = np.array([150, 100]) + pixels * [1, -1]
    window = conditions.window(told, (300, height))
    rows = torch.from_numpy(conditions.rows(told, window, (300, height)))
    wanted = (pixels - window.centre) / window.side + 0.5
    assert np.allclose(conditions.places(rows), wanted, atol=1e-4)


def test_places_that_follow_the_landmarks_are_fetched_from_where_those_were() -> None:
    network = model.Animator(replace(SMALL.model, size=64))
    torch.nn.init.constant_(network.to_flow.bias[3:], 1.0)
    told = described(1)
    own = torch.from_numpy(conditions.rows(told, conditions.window(told, (100, 100)), (100, 100)))
    motion = torch.zeros_like(own)
    motion[:, conditions.COLUMNS["right"]] = 10 * 0.1  # a tenth of the window
    made = network(torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64), torch.stack([own, motion], 1))
    near = (64 * conditions.places(own + motion)[0]).round().long()
    near = near[((near >= 2) & (near < 62)).all(1)]
    across, down = made.flow[0, :, near[:, 1], near[:, 0]]
    assert across.mean().item() == pytest.approx(-0.1, abs=0.02) and down.abs().max() < 0.01


def test_the_frozen_reader_teaches_pictures_and_not_itself() -> None:
    reader, seen = model.MotionReader(), torch.rand(1, 3, 16, 16, requires_grad=True)
    assert torch.equal(reader.frozen(seen), reader(seen))
    reader.frozen(seen).sum().backward()
    assert seen.grad.abs().sum() > 0 and all(p.grad is None for p in reader.parameters())


def outputs() -> tuple[losses.Output, torch.Tensor, torch.Tensor, torch.Tensor]:
    source, deltas = torch.rand(2, 3, 16, 16), torch.randn(2, 2, 5)
    frames = source[:, None].repeat(1, 2, 1, 1, 1)
    flow, nothing = torch.zeros(2, 2, 2, 16, 16), torch.zeros_like(frames)
    read = torch.randn(2, 1, 5)
    perfect = losses.Output(frames, flow, nothing, frames.flatten(0, 1)[:1], read + deltas, read + deltas, read)
    return perfect, source, frames, deltas


def test_terms_of_a_perfect_output_are_0_and_each_sees_its_own_fault() -> None:
    perfect, source, frames, deltas = outputs()
    weights = SMALL.losses

    def terms(output: losses.Output) -> dict[str, float]:
        found = losses.terms(output, source, frames, deltas, weights, [0.0, 0.1])
        return {name: value.item() for name, value in found.items()}

    found = terms(perfect)
    assert {*weights.__dict__, losses.READING} == found.keys()
    assert found == pytest.approx(dict.fromkeys(found, 0), abs=1e-6)
    faults = {
        "identity": (perfect._replace(itself=perfect.itself + 0.2), 0.2),
        "alignment_descriptor": (perfect._replace(read_made=perfect.read_made + 0.3), 0.3),
        "correction": (perfect._replace(correction=perfect.correction - 0.4), 0.4),
        "reconstruction": (perfect._replace(picture=frames + 0.1), 0.1),
    }
    for name, (output, wanted) in faults.items():
        assert terms(output) == pytest.approx(dict.fromkeys(found, 0) | {name: wanted}, abs=1e-4)
    slope = terms(perfect._replace(flow=torch.linspace(0, 1, 17)[:16].expand_as(perfect.flow)))
    assert slope["total_variation"] == pytest.approx(1, abs=1e-4) and slope["alignment_blurred"] > 0.05
    trembling = frames.clone()
    trembling[:, 1] += 0.2
    assert terms(perfect._replace(picture=trembling))["temporal"] == pytest.approx(0.2, abs=1e-4)


def test_what_lies_far_off_is_pulled_by_the_blurred_alignment() -> None:
    ys, xs = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    spot, moved = (torch.exp(-((xs - at) ** 2 + (ys - 16) ** 2) / 2)[None, None] for at in (10, 22))
    slopes = []
    for sigma in (0.0, 5.0):
        flow = torch.zeros(1, 1, 2, 32, 32, requires_grad=True)
        losses.misaligned(spot, flow, moved[None], [sigma]).backward()
        slopes.append(flow.grad[0, 0, 0, 14:19, 14:19].abs().mean())
    assert slopes[0] < 0.05 * slopes[1], "between the two places only the blurred pictures say where to go"
    right = torch.zeros(1, 1, 2, 32, 32)
    right[:, :, 0] = -12 / 32
    assert losses.misaligned(spot, right, moved[None], [0.0, 5.0]) < 0.1 * losses.misaligned(
        spot, 0 * right, moved[None], [0.0, 5.0]
    )


@pytest.mark.parametrize("name", settings.Losses.__dataclass_fields__)
def test_each_term_can_be_left_out(name) -> None:
    told = replace(SMALL, losses=replace(SMALL.losses, **{name: 0.0}))
    task = train.AnimatorTask([person()], told)
    torch.manual_seed(0)
    network, batch = task.build(), task.draw(np.random.default_rng(0))
    terms = task.terms(task.predict(network, batch), batch)
    rest = {*SMALL.losses.__dict__, losses.READING} - {name}
    assert terms.keys() == (rest - {losses.READING} if name == "alignment_descriptor" else rest)
    task.total(terms).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_it_learns_a_motion() -> None:
    """A spot that moves as one number says."""
    at = np.linspace(-3, 3, 13)
    ys, xs = np.mgrid[:16, :16]
    spots = [np.exp(-(((xs - 7.5 - a) ** 2) + (ys - 7.5) ** 2) / 6) for a in (0, *at)]
    movie = np.round(255 * np.stack(spots))[..., None].repeat(3, -1).astype(np.uint8)
    rows = np.zeros((14, conditions.SIZE), np.float32)
    rows[1:, 0] = at / 3
    clip = Clip("spot", movie[0], movie[1:], np.arange(13), rows)
    told = replace(SMALL, training=replace(SMALL.training, flip=0, jitter=0, other_source=0, blank_driver=1, windows=4))
    task = train.AnimatorTask([clip], told)
    torch.manual_seed(0)
    network, draw = task.build(), np.random.default_rng(0)
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(60):
        batch = task.draw(draw)
        optimiser.zero_grad()
        task.total(task.terms(task.predict(network, batch), batch)).backward()
        optimiser.step()
    frames, painted = use.moved(network.animator.eval(), clip.portrait, clip.rows[0], None, clip.deltas)
    error, still = (np.abs(f.astype(float) - clip.frames).mean() for f in (frames, clip.portrait[None]))
    assert error < 0.5 * still and painted.shape == (13,)


# Training


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_a_training_that_was_cut_short_gives_what_one_that_was_not_gives(tmp_path, monkeypatch) -> None:
    data = people()
    whole = train.train(data, SMALL, tmp_path / "whole")
    draw, drawn = dataset.draw, []

    def stop_at_4(*given):
        drawn.append(None)
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return draw(*given)

    monkeypatch.setattr(dataset, "draw", stop_at_4)
    with pytest.raises(KeyboardInterrupt):
        train.train(data, SMALL, tmp_path / "cut")
    monkeypatch.undo()
    # As the file was called before.
    (tmp_path / "cut" / use.NAME).rename(tmp_path / "cut" / use.OLD_NAME)
    assert same(train.train(data, SMALL, tmp_path / "cut"), whole)
    assert same(use.load(tmp_path / "cut")[0], whole.animator)
    lines = (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2 and all('"smoothness"' in line and '"frechet"' in line for line in lines)
    with Image.open(tmp_path / "cut" / "previews" / "step_000004.gif") as preview:
        assert preview.n_frames == 3 and preview.size == (3 * 16 * 2, 16 * 2)


def test_a_checkpoint_of_something_else_is_refused(tmp_path) -> None:
    data = people()
    one = replace(SMALL, training=replace(SMALL.training, steps=2))
    train.train(data, one, tmp_path)
    with pytest.raises(InputError, match="whose size is 16, and this training's is 24"):
        train.train(data, replace(one, model=replace(SMALL.model, size=24)), tmp_path)
    with pytest.raises(InputError, match="other settings"):
        train.train(people(6), one, tmp_path)
    (tmp_path / use.NAME).write_bytes((tmp_path / use.NAME).read_bytes()[:500])
    for call in (lambda: train.train(data, one, tmp_path), lambda: use.load(tmp_path)):
        with pytest.raises(InputError, match="damaged"):
            call()
    checkpoint.save(tmp_path / use.NAME, {"model": {"a": torch.zeros(1)}}, {"settings": {}})
    with pytest.raises(InputError, match="no checkpoint of an animator"):
        train.train(data, one, tmp_path)
    with pytest.raises(InputError, match="holds no animator"):
        use.load(tmp_path)
    torch.save({"a": torch.zeros(1)}, tmp_path / use.NAME)  # a pickle is never opened
    with pytest.raises(InputError, match="damaged or no checkpoint"):
        use.load(tmp_path)


def test_people_are_split_and_too_few_are_refused(tmp_path) -> None:
    learned, new = people(10).split(5)
    assert len(new) == 2 and len(learned) == 8 and not {c.name for c in new} & {c.name for c in learned}
    with pytest.raises(InputError, match="give 5 or more"):
        people(4).split(5)


def test_a_network_is_compared_with_the_copy_and_by_another_persons_motion(tmp_path) -> None:
    clips = [person(f"person {n}") for n in range(3)]
    rows = train.compare(model.Animator(SMALL.model), clips, tmp_path)  # which is the copy, as it begins
    assert rows.keys() == {"animator", "copy", "truth", "driven by another", "driven by descriptors"}
    assert rows["animator"] == pytest.approx(rows["copy"]) and rows["truth"]["reconstruction"] == 0
    assert rows["driven by another"]["colour drift"] == pytest.approx(0, abs=1e-6), "the portrait's own colours"
    assert rows["copy"]["unread"] == 1, "there is no face in noise"
    assert len(list((tmp_path / "previews").glob("*.gif"))) == 3
    assert "| reconstruction | " in video_metrics.table(rows)


def test_people_that_are_shown_are_spread_over_the_families() -> None:
    assert train.spread(list("aabbcc"), 3) == ["a", "b", "c"] and train.spread([1, 2], 4) == [1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[model]\nsize = 20", "must be a multiple of 8"),
        ("[model]\nsize = 64.0", "must be a whole number"),
        ("[model]\nwidths = [1, 2]", "three whole numbers"),
        ("[losses]\nidentity = -1", "at least 0"),
        ("[losses]\nidentiti = 1", "losses.identiti, which is no setting"),
        ("[losse]\nidentity = 1", "a table losse"),
        ("[training]\nflip = 2", "at most 1"),
        ("[terms]\nblurs = []", "list of numbers"),
        ("[training]\nrate = true", "must be a number"),
        ("[metrics]\npreview_every = 70", "multiple of metrics.every"),
        ("[metrics", "is no TOML file"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, text, said) -> None:
    (tmp_path / "my.toml").write_text(text)
    with pytest.raises(InputError, match=said):
        settings.load(tmp_path / "my.toml")


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        train.main(["--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")])


# Use


@needs_rigs
def test_figures_tell_a_portrait_that_moves_from_one_that_does_not() -> None:
    rig = rigs.load(rigs.data_folder() / "facecap" / "example_head")
    somebody = people_to_draw.person(rig, complete=False)
    yaws = np.array([0.0, 8, -15, 15, -8, -3])
    jaws = (yaws / 15).clip(min=0)
    movie = np.stack(
        [
            render(Scene(somebody, units={"jawOpen": jaw}, head=(0, yaw, 0), size=96))[0]
            for jaw, yaw in zip(jaws, yaws, strict=True)
        ]
    )
    told = dataset.read_frames("a", movie, FaceReader(provider="cpu"))
    cut, rows = dataset.seen(movie, told, 64)
    truth = np.zeros((5, len(dataset.KNOWN)))
    truth[:, 0], truth[:, 3] = jaws[1:], yaws[1:]
    measure = Measure([Clip("a", cut[0], cut[1:], np.arange(5), rows, truth)], 5)
    moving, still = measure.of_truth(), measure.of_copy()
    assert moving["true yaw"] > 0.95 and moving["true jawOpen"] > 0.8 and moving["agreement"] > 0.5
    assert still["true yaw"] < 0.5 and moving["agreement"] > still["agreement"] + 0.3
    for name in ("reconstruction", "alignment", "smoothness", "frechet"):
        assert moving[name] == pytest.approx(0, abs=1e-6) and still[name] > 1e-3
    assert "psnr" not in moving and still["psnr"] < 30 and still["ssim"] < 0.95


@needs_rigs
def test_a_made_dataset_is_read_and_a_portrait_is_moved(tmp_path, monkeypatch) -> None:
    line = ["--out", str(tmp_path / "data"), "--people", "1", "--frames", "3", "--size", "96", "--own-units"]
    make_data.main([*line, "--families", "facecap"])
    (name,) = dataset.names_in(tmp_path / "data")
    (clip,) = PortraitVideoDataset(tmp_path / "data", 16).clips
    assert clip.frames.shape == (3, 16, 16, 3) and clip.rows.shape == (4, conditions.SIZE)
    assert clip.truth.shape == (3, len(dataset.KNOWN)) and clip.truth[:, 3].any(), "the head turns"
    monkeypatch.setattr(dataset, "describe", None)  # read once: what was read is kept
    (again,) = PortraitVideoDataset(tmp_path / "data", 16).clips
    assert np.array_equal(clip.rows, again.rows)
    monkeypatch.undo()

    train.train(people(), replace(SMALL, training=replace(SMALL.training, steps=2)), tmp_path / "trained")
    portrait, video = tmp_path / "data" / f"{name}.png", tmp_path / "data" / f"{name}_video"
    call = ["--animator", str(tmp_path / "trained"), "--portrait", str(portrait), "--clip", str(video)]
    animate.main([*call, "--out", str(tmp_path / "a.gif"), "--beside"])
    with Image.open(tmp_path / "a.gif") as made:
        assert made.n_frames == 3 and made.size == (32, 16)
    animate.main([*call, "--out", str(tmp_path / "frames"), "--strength", "0.5"])
    assert pictures.frames_in(tmp_path / "frames").shape == (3, 16, 16, 3)
    with pytest.raises(InputError, match="Frame 9 cannot be the neutral one"):
        animate.main([*call, "--out", str(tmp_path / "b.gif"), "--neutral", "9"])
    pictures.save(tmp_path / "wall.png", np.full((96, 96, 3), 90, np.uint8))
    call[3] = str(tmp_path / "wall.png")
    with pytest.raises(InputError, match=r"No face was found in wall\.png"):
        animate.main([*call, "--out", str(tmp_path / "b.gif")])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--out", "a.avi"], "let it end in .gif"),
        (["--out", "a.gif", "--rate", "0"], "frames per second"),
        (["--out", "a.gif", "--strength", "3"], "Strength is 3"),
        (["--out", "a.gif"], "There is no animator"),
    ],
)
def test_animate_refuses_what_makes_no_sense(tmp_path, more, said) -> None:
    line = ["--animator", str(tmp_path), "--portrait", "p.png", "--clip", "c", *more]
    with pytest.raises(InputError, match=said):
        animate.main(line)


@pytest.mark.skipif(shutil.which(movies.ENCODER) is None, reason="needs the program")
def test_a_movie_is_written(tmp_path) -> None:
    movies.write(tmp_path / "a.mp4", rng.integers(0, 255, (4, 16, 16, 3)).astype(np.uint8), 12)
    assert b"ftyp" in (tmp_path / "a.mp4").read_bytes()[:16]


@pytest.mark.skipif(shutil.which(movies.ENCODER) is not None, reason="says what is missing, and nothing is")
def test_without_its_encoder_a_movie_is_refused_before_the_work() -> None:
    with pytest.raises(InputError, match="is not installed"):
        animate.main(["--animator", "a", "--portrait", "p.png", "--clip", "c", "--out", "a.mp4"])


def test_a_moved_picture_has_the_animators_size() -> None:
    network = model.Animator(SMALL.model)
    with pytest.raises(InputError, match="16 x 16 pixels"):
        use.moved(
            network, np.zeros((8, 8, 3), np.uint8), np.zeros(conditions.SIZE), None, np.zeros((2, conditions.SIZE))
        )
