"""The page that judges a clip: figures against the truth, curves, the movie inside it, nothing from outside."""

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.performance import READ
from blendshape_addon.core.vocabulary import ARKIT
from tests.faces import person
from training.motion import clip_figures, evaluate, measure_clips, motions
from training.motion.animator import pictures

FRAMES = 6


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """A photograph of somebody who smiles, which moves; in one frame there is nobody."""
    folder = tmp_path_factory.mktemp("clip")
    picture = person.pictures(person.stored()[0])["at the side"]
    for number in range(FRAMES):
        frame = np.full_like(picture, 120) if number == 4 else np.roll(picture, -4 * number, axis=1)
        pictures.save(folder / f"{number + 1:04d}.png", frame)
    rows = [{"mouthSmileLeft": 0.2 * number, "headYaw": 2.0 * number} for number in range(FRAMES)]
    (folder / "units.csv").write_text(motions.table(rows))
    return folder


class Reader(HTMLParser):
    """What a page says and asks for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.cells.append(data.strip())


def run(clip: Path, out: Path, *more: str) -> dict:
    evaluate.main(["--clip", str(clip), "--out", str(out), "--cache", str(out.parent / "cache"), *more])
    return json.loads((out / "figures.json").read_text())


def test_the_page_shows_the_clip_and_asks_nobody_for_anything(clip, tmp_path) -> None:
    found = run(clip, tmp_path / "out", "--rate", "10")
    assert found["found"] == FRAMES - 1 and found["frames"] == FRAMES
    text = (tmp_path / "out" / "index.html").read_text()
    page = Reader(text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object")]
    sources = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert sources and all(source.startswith("data:") for source in sources) and not re.search(r"url\(|@import", text)
    movie = Image.open(io.BytesIO(base64.b64decode(sources[0].partition(",")[2])))
    assert movie.format == "WEBP" and movie.n_frames == FRAMES
    row = found["units"]["mouthSmileLeft"]
    assert set(row) == set(clip_figures.READERS)
    assert "mouthSmileLeft" in page.cells and f"{row['keyed']['MAE']:.3f}" in page.cells
    movie.seek(4)
    frame = np.asarray(movie.convert("RGB")).astype(int)
    assert (frame[144, 1] - [179, 35, 24] < 40).all() and frame[144, 1, 0] > 120, "a red frame where there is no face"


def test_what_follows_a_clip_is_measured_by_motion_and_colour(clip, tmp_path) -> None:
    made = tmp_path / "made"
    frames = pictures.frames_in(clip)
    for number, frame in enumerate(frames):
        pictures.save(
            made / f"{number:04d}.png", (frame.astype(int) + [6 * number, 0, 0]).clip(0, 255).astype(np.uint8)
        )
    found = run(clip, tmp_path / "out", "--made", str(made))["made"]
    assert found["colour drift, most"] > 3 and found["flicker"] > 0
    assert found["units, MAE"] < 0.05
    same = run(clip, tmp_path / "same", "--made", str(clip))["made"]
    assert same["flicker"] == 0 and same["units, MAE"] < 0.001


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--rate", "0"], "--rate is 0"), (["--neutral", "5"], "Frame 5 cannot be the neutral one"),
     (["--truth", "short.csv"], "has 1 rows, but the clip 6 frames"), (["--made", "short"], "has 2 frames")],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused(clip, tmp_path, monkeypatch, more, said) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.csv").write_text("jawOpen\n0.5\n")
    for name in ("1.png", "2.png"):
        pictures.save(Path("short") / name, np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(InputError, match=said):
        run(clip, tmp_path / "out", *more)
    assert not (tmp_path / "out").exists()


def test_those_who_act_do_every_gesture_and_begin_still() -> None:
    frames = motions.acted(np.random.default_rng(0))
    assert not any(frame.units.get(name) for frame in frames[: int(motions.ACTED_RATE) - 1] for name in READ)
    for gesture in motions.GESTURES:
        for name in gesture:
            assert name in ARKIT and max(frame.units.get(name, 0) for frame in frames) > 0.15, name
    assert all(0 <= value <= 1 for frame in frames for value in frame.units.values())
    assert any(frame.gaze != (0, 0) for frame in frames) and max(abs(frame.head[1]) for frame in frames) > 3


def test_a_film_that_drives_its_own_person_by_the_truth_is_carried_without_error() -> None:
    rigs = pytest.importorskip("training.data.rigs")
    if not rigs.data_folder().is_dir():
        pytest.skip("needs the folder of rigs")
    from training.renders import people

    someone = people.person(rigs.load(rigs.data_folder() / "facecap" / "example_head"), 5, complete=False)
    units = np.zeros((3, len(ARKIT)))
    units[1:, ARKIT.index("jawOpen")] = 0.5, 1.0
    truth = clip_figures.Truth(units, np.tile(np.eye(3), (3, 1, 1)), np.zeros((3, 2)))

    def driven(share: float) -> dict[str, float]:
        done = clip_figures.Performance(
            np.arange(3) / 8, {name: share * units[:, ARKIT.index(name)] for name in READ}, np.zeros((3, 3)),
            np.zeros((3, 2)), 0,
        )  # fmt: skip
        return measure_clips.carried(measure_clips.Acted(someone, [], truth, someone.makes, {}, done, {}), someone)

    assert driven(1.0)["mm"] == pytest.approx(0, abs=1e-9) and driven(1.0)["cos"] == pytest.approx(1)
    assert driven(0.0)["mm"] == pytest.approx(driven(0.0)["still mm"]) and driven(0.0)["still mm"] > 1


def test_gaze_counts_from_the_calm_frames_whose_median_the_neutral_one_is() -> None:
    true = clip_figures.Truth(np.zeros((5, len(ARKIT))), np.tile(np.eye(3), (5, 1, 1)), np.zeros((5, 2)))
    true.gaze[:, 0] = (3, 0, 0, 8, -8)  # the calmest frame, the first one, looks aside
    done = clip_figures.Performance(np.arange(5.0), {}, np.zeros((5, 3)), true.gaze.copy(), 0, calm=(0, 1, 2))
    told = SimpleNamespace(found=np.ones(5, bool))
    assert clip_figures.angles(told, done, true)["gaze across"] == 0
