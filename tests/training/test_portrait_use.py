"""Portraits that move: the square about the face, its whole resolution, transparency, marks, and what is refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import POINTS
from blendshape_addon.core.motion import descriptor
from blendshape_addon.core.motion.face import FaceReader
from training.data import rigs
from training.learning import checkpoint as checkpoints
from training.motion.animator import marks, movies
from training.portrait import animate, framing, gbase, offer, openings, settings, synth, train_base, weights
from training.portrait.emtn import Motion
from training.portrait.framing import Portrait
from training.portrait.gbase import Gbase
from training.renders import people, shards
from training.renders.parameters import CAMERA, PALETTE

needs_rigs = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="needs the folder of rigs")
rng = np.random.default_rng(0)


def small(size: int = 16) -> settings.Settings:
    told = settings.load("tiny64", steps=2)
    return replace(
        told, size=replace(told.size, size=size, width=4, volume=[4, 4, 8], latent=4, warp_width=8, student_width=4)
    )


def network(size: int = 16) -> Gbase:
    torch.manual_seed(0)
    return Gbase(small(size).size).eval()


def smooth(height: int, width: int) -> np.ndarray:
    """(H, W, 4) uint8, opaque."""
    made = Image.fromarray(rng.integers(0, 255, (5, 5, 3)).astype(np.uint8)).resize((width, height))
    return np.dstack([np.asarray(made), np.full((height, width), 255, np.uint8)])


def checkpoint(folder, size: int = 16):
    """base.safetensors of a network that has not learned."""
    told, path = small(size), folder / train_base.NAME
    trained = train_base.Trained(told)
    rows = {"average": trained.state_dict()}
    checkpoints.save(path, rows, {"settings": {"kind": weights.BASE, "tables": told.tables()}})
    return path


@pytest.mark.parametrize(
    ("left", "top", "inner"),
    [(3, 4, (True,) * 4), (-5, 0, (False, False, True, True)), (20, 25, (True, True, False, False))],
)
def test_a_square_is_taken_out_and_put_back(left, top, inner):
    whole = smooth(40, 50)
    portrait = Portrait(whole, left, top, 30)
    assert portrait.square.shape == (30, 30, 4) and portrait.inner == inner
    assert np.array_equal(portrait.with_square(portrait.square), whole)
    other = portrait.with_square(255 - portrait.square)
    changed = np.argwhere((other != whole).any(-1))
    low, high = np.maximum([top, left], 0), np.minimum([top + 30, left + 30], [40, 50])
    assert np.array_equal(changed.min(0), low) and np.array_equal(changed.max(0), high - 1)


class Shifted(Gbase):
    """The lighter a driver, the farther to the right everything is fetched, up to a quarter of the square, and the
    lighter it is made."""

    def emtn(self, seen, noise=None):
        light = seen.mean((1, 2, 3))
        turned, points = torch.eye(3).expand(len(seen), 3, 3), torch.zeros(len(seen), POINTS, 3)
        return Motion(turned, torch.stack([light, 0 * light, 0 * light], 1), torch.zeros(len(seen), 4), points)

    def drive(self, source, motion):
        by = (motion.translation - 0.5 * source.motion.translation)[:, 0].view(-1, 1, 1, 1)
        flow = torch.tensor([0.25, 0]).view(1, 2, 1, 1) * by * torch.ones(1, 1, self.size, self.size)
        more = 0.1 * by * torch.ones_like(source.picture)
        return gbase.Output(animate.fetched(source.picture, flow) + more, flow, more, source.motion, motion)


def lighter(picture: np.ndarray) -> np.ndarray:
    """What a white driver makes of colours."""
    return (picture[..., :3] + 25.5).clip(max=255)


BLACK_AND_WHITE = np.zeros((2, 16, 16, 3), np.uint8) + np.uint8([0, 255])[:, None, None, None]


def shifted(source: Portrait) -> list[np.ndarray]:
    """Squares after a black driver, which is neutral, and a white one."""
    torch.manual_seed(0)
    return list(animate.moved(Shifted(small().size).eval(), source, BLACK_AND_WHITE))


def test_what_moves_is_as_sharp_as_the_portrait_and_ends_before_the_rest_of_the_picture():
    whole = smooth(100, 160)
    whole[..., 1] = np.where(np.arange(160) % 2, 255, 0)  # stripes that the network's 16 pixels cannot show
    source = Portrait(whole, 30, 10, 64)
    for square in animate.moved(network(), source, BLACK_AND_WHITE[[1, 1]]):  # nothing moves
        assert np.abs(square.astype(int) - whole[10:74, 30:94]).max() <= 1

    still, moved = shifted(source)
    assert np.abs(still.astype(int) - source.square).max() <= 1
    assert np.abs(moved[24:40, 20:40, :3] - lighter(whole[34:50, 66:86])).max() <= 1
    put = source.with_square(moved).astype(int)
    assert np.array_equal(put[:10], whole[:10]) and np.abs(put[10, 31:93, ::2] - whole[10, 31:93, ::2]).max() <= 3
    # Where the square ends with the picture, nothing has to stand still.
    _, edge = shifted(Portrait(whole[:64, :64], 0, 0, 64))
    assert np.abs(edge[0, :40, :3] - lighter(whole[0, 16:56])).max() <= 1


def face(mouth: float, eyes: float) -> torch.Tensor:
    """(1, 478, 3) landmarks of a mouth and two eyes, so high in sides of the picture."""
    points = torch.zeros(1, POINTS, 3)
    for ring, middle, width, height in (
        (openings.INNER, (0.5, 0.75), 0.4, mouth),
        (openings.LIDS[0], (0.25, 0.3), 0.3, eyes),
        (openings.LIDS[1], (0.75, 0.3), -0.3, eyes),
    ):
        turn = torch.arange(len(ring)) / len(ring) * 2 * np.pi
        places = torch.stack([-0.5 * width * torch.cos(turn), -0.5 * height * torch.sin(turn)], 1)
        points[0, list(ring), :2] = torch.tensor(middle) + places
    return points


def test_a_mouth_that_opens_is_dark_inside_and_eyes_that_close_have_lids():
    grey = torch.full((1, 3, 64, 64), 0.8)
    grey[:, :, 14:25] = 0.1  # dark eyes
    rest, loud, asleep = face(0.0, 0.1), face(0.2, 0.1), face(0.0, 0.01)
    made = openings.painted(grey, grey, rest, loud)
    assert torch.allclose(made[0, :, 48, 32], torch.tensor(PALETTE.inside), atol=0.01)
    assert torch.equal(made, openings.mouth(grey, rest, loud))
    untouched = torch.ones(64, 64, dtype=torch.bool)
    untouched[40:56, 18:46] = False
    assert torch.equal(made[..., untouched], grey[..., untouched])
    assert abs(openings.inside(loud[:, openings.INNER, :2], 128).mean() - np.pi * 0.2 * 0.1) < 0.004

    made = openings.painted(grey, grey, rest, asleep)
    for column in (16, 48):
        assert (made[0, :, 17, column] > 0.7).all(), "the lid is as what is above it"
        assert 0.2 < made[0, 0, 19, column] < 0.65, "and ends in a line"
    assert torch.equal(made[..., 30:, :], grey[..., 30:, :])
    for source, driver in ((rest, rest), (loud, rest), (asleep, rest)):
        assert torch.equal(openings.painted(grey, grey, source, driver), grey)


def test_transparency_moves_along():
    whole = smooth(64, 64)
    whole[:, :40, 3] = 0
    _, made = shifted(Portrait(whole, 0, 0, 64))
    assert not made[:, :23, 3].any() and made[:, 25:, 3].min() == 255
    assert np.abs(made[10, 26:40, :3] - lighter(whole[10, 42:56])).max() <= 1
    laid = framing.on_ground(whole, (10, 20, 30))
    assert (laid[:, :40] == [10, 20, 30]).all() and np.array_equal(laid[:, 40:], whole[:, 40:, :3])


def test_eyes_that_are_told_give_the_square(tmp_path):
    Image.fromarray(smooth(300, 400)).save(tmp_path / "drawn.png")
    eyes = (150.0, 120.0), (200.0, 120.0)
    found, factor = framing.portrait(tmp_path / "drawn.png", 1024, eyes, None)
    assert factor == 1 and found.drawn and found.side == round(2 * CAMERA.half * 50)
    assert abs(found.left + found.side / 2 - 175) <= 1 and found.top + found.side / 2 > 120
    reduced, factor = framing.portrait(tmp_path / "drawn.png", 200, eyes, None)
    assert factor == 2 and reduced.picture.shape[:2] == (150, 200) and abs(reduced.side - found.side / 2) <= 1
    for wrong, said in (
        (((200.0, 120.0), (150.0, 120.0)), "at the left of the picture first"),
        (((200.0, 120.0), (500.0, 120.0)), "not in drawn.png"),
        (((200.0, 120.0), (204.0, 120.0)), "too small"),
    ):
        with pytest.raises(InputError, match=said):
            framing.portrait(tmp_path / "drawn.png", 1024, wrong, None)


# Marks


def frames(count: int = 3, height: int = 17, width: int = 24) -> list[np.ndarray]:
    return [smooth(height, width)[..., :3] for _ in range(count)]


def test_files_say_that_they_are_synthetic_and_show_what_they_did(tmp_path):
    shown = frames()
    movies.write(tmp_path / "a.gif", iter(shown), 12)
    movies.write(tmp_path / "a", shown, 12)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.info["comment"].decode() == marks.SAID and gif.n_frames == 3
        assert np.abs(np.asarray(gif.convert("RGB")).astype(int) - shown[0]).mean() < 20
    assert marks.SOURCE_TYPE.encode() in (tmp_path / "a.gif").read_bytes()
    with Image.open(tmp_path / "a" / "0003.png") as png:
        assert png.text["Comment"] == marks.SAID and marks.SOURCE_TYPE in png.text["XML:com.adobe.xmp"]
        assert np.array_equal(np.asarray(png), shown[2])


def test_a_disk_that_does_not_take_a_movie_is_said(tmp_path):
    (tmp_path / "file").write_text("in the place of the folder")
    for name in ("a.gif", "a"):
        with pytest.raises(InputError, match="check the folder and the free space"):
            movies.write(tmp_path / "file" / name, frames(), 12)


def test_a_folder_has_no_pictures_of_a_movie_that_was_stopped(tmp_path):
    def stopped():
        yield from frames()[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        movies.write(tmp_path / "a", stopped(), 12)
    assert not list((tmp_path / "a").iterdir())
    movies.check_output(tmp_path / "a", 12)


@pytest.mark.skipif(shutil.which(movies.ENCODER) is None, reason="needs the program")
def test_a_movie_is_written_by_ffmpeg(tmp_path):
    movies.write(tmp_path / "a.mp4", iter(frames()), 12)
    file = (tmp_path / "a.mp4").read_bytes()
    assert b"ftyp" in file[:16] and marks.SOURCE_TYPE.encode() in file


# The command


def clip(folder, name: str, count: int = 4, size=(24, 24), mode: str = "RGB"):
    (folder / name).mkdir(parents=True)
    for number in range(count):
        Image.new(mode, size, (40 * number, 90, 30, 100)[: len(mode)]).save(folder / name / f"{number + 1:04d}.png")


def call(folder, source: str, movie: str, out: str, *more: str) -> None:
    animate.main([
        "--base", str(folder / train_base.NAME), "--source", str(folder / source), "--clip", str(folder / movie),
        "--out", str(folder / out), *more,
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("source", "movie", "out", "more", "said"),
    [
        ("grey.png", "clip", "a.gif", [], r"No face was found in grey\.png.*--eyes"),
        ("clear.png", "clip", "a.gif", [], r"No face was found in clear\.png"),
        ("none.png", "clip", "a.gif", [], "There is no picture"),
        ("grey.png", "one", "a.gif", ["--eyes", "20,20", "40,20"], "one frame only"),
        ("grey.png", "clip", "a.gif", ["--eyes", "20,20", "40,20"], "A face was found in 0 of the 3 frames of clip"),
        ("grey.png", "clip", "a.gif", ["--eyes", "20", "40,20"], "two places in pixels"),
        ("grey.png", "none.mp4", "a.gif", ["--eyes", "20,20", "40,20"], "no movie"),
        ("grey.png", "read.npz", "a.gif", ["--eyes", "20,20", "40,20", "--beside"], "its pictures are needed"),
        ("grey.png", "read.npz", "a.gif", ["--eyes", "20,20", "40,20"], r"read\.npz"),
        ("grey.png", "clip", "a.avi", [], "let it end in .gif"),
        ("grey.png", "clip", "a.gif", ["--rate", "0"], "frames per second"),
        ("grey.png", "clip", "a.gif", ["--eyes", "20,20", "40,20", "--cut-out"], "portrait prepare"),
        ("grey.png", "clip", "a.gif", ["--size", "9"], "choose 64 to 4096"),
        ("grey.png", "clip", "a.gif", ["--ground", "loud"], "no colour"),
        ("grey.png", "clip", "a.mp4", ["--blender", "nothing"], "is not installed"),
    ],
)
def test_what_cannot_be_moved_is_said(tmp_path, monkeypatch, source, movie, out, more, said):
    monkeypatch.setenv("PATH", str(tmp_path))  # neither ffmpeg nor Blender
    monkeypatch.chdir(tmp_path)  # nor the network of backgrounds
    checkpoint(tmp_path)
    clip(tmp_path, "clip", 3)
    clip(tmp_path, "one", 1)
    Image.new("RGB", (64, 48)).save(tmp_path / "grey.png")
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    with pytest.raises(InputError, match=said):
        call(tmp_path, source, movie, out, *more)
    assert not (tmp_path / out).exists()


def test_files_of_the_user_are_not_replaced(tmp_path):
    checkpoint(tmp_path)
    clip(tmp_path, "clip", 3)
    picture = Image.fromarray(smooth(48, 64))
    picture.save(tmp_path / "me.gif")
    (tmp_path / "other").mkdir()
    picture.save(tmp_path / "other" / "0007.png")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    for out, said in (
        ("clip", "what the movie is made of"),
        ("me.gif", "what the movie is made of"),
        ("other", "holds"),
    ):
        with pytest.raises(InputError, match=said):
            call(tmp_path, "me.gif", "clip", out, "--eyes", "20,20", "40,20")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_a_portrait_that_is_as_thin_as_a_line_is_said(tmp_path):
    Image.new("RGB", (20000, 3)).save(tmp_path / "line.png")
    with pytest.raises(InputError, match="too small"):
        framing.portrait(tmp_path / "line.png", 1024, ((9000.0, 1.0), (9100.0, 1.0)), None)
    with pytest.raises(InputError, match="No face was found"):
        framing.portrait(tmp_path / "line.png", 1024, None, FaceReader(provider="cpu"))


@needs_rigs
def test_portraits_move(tmp_path, capsys):
    checkpoint(tmp_path, 32)
    drawn = people.person(rigs.load(rigs.data_folder() / "ict" / "generic_neutral"))
    scenes = synth.scenes(drawn, 3, np.random.default_rng(1), 128)
    shard = shards.of_scenes([replace(one, shift=(0.0, 0.0), distance=CAMERA.distance) for one in scenes])
    (tmp_path / "clip").mkdir()
    for number, picture in enumerate([*shard.pictures, np.zeros_like(shard.pictures[0])], 1):
        Image.fromarray(picture).save(tmp_path / "clip" / f"{number:04d}.png")
    wide = np.pad(shard.pictures[0], ((0, 0), (20, 20), (0, 0)), "edge")
    Image.fromarray(
        np.dstack([wide, np.where(np.arange(168) < 10, 0, 255)[None].repeat(128, 0)]).astype(np.uint8)
    ).save(tmp_path / "wide.png")
    call(tmp_path, "wide.png", "clip", "made")
    said = capsys.readouterr().out
    assert "wide.png has 168 x 128 pixels: a square of " in said and "No face was read in 1 of 4 frames" in said
    assert "Frame 1 of the clip is neutral" in said
    assert "seems to be drawn" not in said
    made = [np.asarray(Image.open(path)) for path in sorted((tmp_path / "made").iterdir())]
    assert len(made) == 4 and made[0].shape == (128, 168, 4) and not made[0][:, :10, 3].any()
    # What was read of the clip drives alone, too.
    film = np.stack([np.asarray(Image.open(path)) for path in sorted((tmp_path / "clip").iterdir())])
    told = framing.read(film, FaceReader(provider="cpu"))
    with pytest.raises(InputError, match="--neutral is 0: give a number from 1 to 4"):
        framing.driver("clip", told, 128, 128, 0)
    (tmp_path / "read.npz").write_bytes(descriptor.to_bytes(told))
    call(tmp_path, "wide.png", "read.npz", "read")
    assert "No face was read in 1 of 4 frames" in capsys.readouterr().out
    read = [np.asarray(Image.open(path)).astype(int) for path in sorted((tmp_path / "read").iterdir())]
    still, apart = (np.abs(read[2] - one).mean() for one in (read[0], made[2]))
    assert apart < still / 2
    # The portrait is as it is in the neutral frame, at its own resolution.
    assert np.abs(made[0][:, 10:, :3].astype(int) - wide[:, 10:]).max() <= 1
    call(tmp_path, "wide.png", "clip", "made.gif", "--square", "--beside", "--ground", "#102030")
    assert "laid on #102030" in capsys.readouterr().out
    with Image.open(tmp_path / "made.gif") as gif:
        # Equal frames are one in a .gif, as long as all of them.
        assert gif.size[0] == 2 * gif.size[1]
    # The square about a render's face is as large as the render.
    assert abs(gif.size[1] - 128) < 20


# What is offered in the panel

FIGURES = {
    "network": {"PSNR, dB": 22.0, "jawOpen read back, r": 0.75, "head yaw read back, r": 0.8},
    "copy": {"PSNR, dB": 19.0},
    "landmark warp": {"PSNR, dB": 21.0},
}


@pytest.mark.parametrize(
    ("row", "figure", "value", "said"),
    [
        ("network", "PSNR, dB", 20.4, ["+1.40 dB beside a copy", "-0.60 dB beside the landmark warp"]),
        ("landmark warp", "PSNR, dB", 22.3, ["-0.30 dB beside the landmark warp"]),
        ("network", "jawOpen read back, r", 0.69, ["jawOpen read back is r = 0.69"]),
        ("network", "head yaw read back, r", None, ["head yaw read back is r = nan"]),
    ],
)
def test_a_base_that_misses_a_bar_is_not_offered(tmp_path, row, figure, value, said):
    checkpoint(tmp_path)
    figures = {name: dict(values) for name, values in FIGURES.items()}
    figures[row] |= {figure: value}
    (tmp_path / "figures.json").write_text(
        json.dumps({n: {k: v for k, v in f.items() if v} for n, f in figures.items()})
    )
    with pytest.raises(InputError, match="not offered") as refused:
        offer.main(["--base", str(tmp_path), "--to", str(tmp_path / "models")])
    lines = str(refused.value).splitlines()[1:]
    assert len(lines) == len(said) and all(one in line for one, line in zip(said, lines, strict=True))
    assert not (tmp_path / "models").exists()


def test_a_base_that_meets_its_bars_is_offered_without_what_its_training_kept(tmp_path):
    path = checkpoint(tmp_path)
    with pytest.raises(InputError, match="figures.json is missing"):
        offer.offer(tmp_path, tmp_path / "models")
    (tmp_path / "figures.json").write_text(json.dumps(FIGURES))
    made = offer.offer(path, tmp_path / "models")
    assert made == tmp_path / "models" / "portrait" / "base.safetensors"
    mine, its = weights.base(path)[0].state_dict(), weights.base(made)[0].state_dict()
    assert all(torch.equal(its[name], value) for name, value in mine.items())
