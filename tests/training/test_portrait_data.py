"""What portraits learn from: people who are drawn, by one process or many, and clips with their backgrounds."""

import numpy as np
import pytest
from PIL import Image

from blendshape_addon.core.errors import InputError, OutputError
from training.data import rigs
from training.portrait import synth
from training.portrait.background import FOLDER, PersonMask, cut_out
from training.portrait.emo_dataset import EMODataset, warped
from training.renders import people, render, shards

needs_rigs = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="needs the folder of rigs")
OPTIONS = ["--people", "2", "--frames", "2", "--size", "64", "--families", "facecap"]


@needs_rigs
def test_people_are_the_same_whoever_draws_them_and_none_is_drawn_twice(tmp_path, capsys):
    synth.main(["--out", str(tmp_path / "one"), *OPTIONS, "--jobs", "1", "--first", "1"])
    assert "1 people were drawn, 0 were there" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in shards.paths_in(tmp_path / "one")}
    synth.main(["--out", str(tmp_path / "one"), *OPTIONS, "--jobs", "1"])
    assert "1 people were drawn, 1 were there" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())
    synth.main(["--out", str(tmp_path / "many"), *OPTIONS, "--jobs", "2", "--scheduler", "local"])
    first, second = (shards.paths_in(tmp_path / name) for name in ("one", "many"))
    assert [path.name for path in first] == [path.name for path in second] and len(first) == 2
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


@needs_rigs
def test_a_disk_that_does_not_take_a_person_is_said(tmp_path):
    (tmp_path / "file").write_text("in the place of the folder")
    folder = next(iter(people.of_folds(people.drawable(), "facecap")))
    with pytest.raises(OutputError, match="check the folder and the free space"):
        synth.draw(tmp_path / "file", folder, 3, 2, 64)


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--frames", "1"], "at least 2"), (["--size", "32"], "at least 64"), (["--jobs", "0"], "--jobs is 0")],
)
def test_numbers_that_make_no_sense_are_said(tmp_path, more, said):
    with pytest.raises(InputError, match=said):
        synth.main(["--out", str(tmp_path), *more])


# Clips


class Left:
    """Takes the left half of every picture for the person."""

    def of(self, picture: np.ndarray) -> np.ndarray:
        mask = np.zeros(picture.shape[:2], np.uint8)
        mask[:, : picture.shape[1] // 2] = 255
        return mask


def clip(folder, mode: str = "RGB", alpha: int = 0) -> None:
    """Four frames, 24 pixels wide, whose right third has an alpha."""
    folder.mkdir(parents=True)
    for number in range(4):
        picture = np.full((24, 24, 4), (200, 100, 50 + number, 255), np.uint8)
        picture[:, 16:, 3] = alpha
        Image.fromarray(picture).convert(mode).save(folder / f"{number:04d}.png")


def test_backgrounds_are_taken_away_by_alpha_or_else_by_a_mask(tmp_path):
    clip(tmp_path / "opaque")
    clip(tmp_path / "clear", "RGBA")
    data = EMODataset(24, 24, 2, 1, (1.0, 1.0), tmp_path, remove_background=Left())
    rng = np.random.default_rng(0)
    grounds = set()
    for number, edge in enumerate((16, 12)):  # "clear" comes before "opaque"
        window = data.window(number, rng)
        assert (window[:, :, :edge, :2] == [200, 100]).all()
        ground = window[:, :, edge:].reshape(-1, 3)
        assert (ground == ground[0]).all() and tuple(ground[0]) != (200, 100, 50)
        grounds.add(tuple(ground[0]))
    assert len(grounds) == 2
    opaque = np.full((4, 8, 4), 255, np.uint8)
    once = cut_out(opaque, Left())
    assert (once[..., 3] == [255] * 4 + [0] * 4).all() and cut_out(once, None) is once
    with pytest.raises(InputError, match="transparent"):
        EMODataset(24, 24, 2, 1, (1.0, 1.0), tmp_path)


def test_warps_turn_and_bend_by_their_strength():
    rng = np.random.default_rng(0)
    picture = np.asarray(Image.fromarray(rng.integers(0, 255, (4, 4, 3)).astype(np.uint8)).resize((48, 48)))
    assert warped(picture, rng, 0.0) is picture
    weak, strong = (
        np.mean([np.abs(warped(picture, rng, strength).astype(int) - picture).mean() for _ in range(5)])
        for strength in (0.3, 2.0)
    )
    assert 0 < weak < strong / 2


@needs_rigs
def test_the_network_of_people_takes_them_off_their_backgrounds(tmp_path):
    with pytest.raises(InputError, match="portrait prepare"):
        PersonMask(tmp_path)
    if not (FOLDER / "person_mask.onnx").is_file():
        pytest.skip("The network is not here: python -m training portrait prepare")
    drawn = people.person(rigs.load(rigs.data_folder() / "ict" / "generic_neutral"))
    picture, truth = render(next(iter(synth.scenes(drawn, 1, np.random.default_rng(1), 96))))
    mask = PersonMask().of(picture) / 255
    points = truth.landmarks[:, :2].round().astype(int)
    assert mask.shape == (96, 96) and mask[points[:, 1], points[:, 0]].mean() > 0.95
    assert mask[:10, :10].mean() < 0.2 and mask[:10, -10:].mean() < 0.2
