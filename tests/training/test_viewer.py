"""The viewer of clips: where points and curves lie, what the window shows, and what it says of bad input."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import POINTS, SCORES
from blendshape_addon.core.motion import descriptor
from blendshape_addon.core.motion.descriptor import Descriptors
from training.motion.descriptor_cache import DescriptorCache
from training.motion.viewer import sequence, view

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
COUNT, HEIGHT, WIDTH = 5, 60, 80
MISSING = "needs PySide6, which only the extra `viewer` has: make test-viewer"


def told(count: int = COUNT) -> Descriptors:
    """A head that opens its left eye's neighbour in frame 2 and is lost in the last frame."""
    found = np.arange(count) < count - 1
    landmarks = np.zeros((count, POINTS, 3), np.float32)
    landmarks[:, 1] = (1, 0.5, 0)
    scores = np.zeros((count, len(SCORES)), np.float32)
    scores[2, SCORES.index("jawOpen")] = 0.8
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)  # a quarter, as the picture sees it
    return Descriptors(
        times=np.arange(count) / 10, found=found, landmarks=landmarks,
        rotation=np.where(found[:, None, None], turn, np.zeros((3, 3))).astype(np.float32),
        place=np.tile(np.float32([0.1, 0.2, 0.25]), (count, 1)), scores=scores,
        mouth=np.zeros((count, 0), np.float32), tongue=np.zeros(count, np.float32),
        gaze=np.full((count, 2, 2), 9, np.float32), blink=np.zeros((count, 2), np.float32),
        presence=np.ones(count, np.float32), faces=1, content="",
    )  # fmt: skip


def frames(folder: Path, count: int = COUNT) -> Path:
    """Frames of one grey each, brighter one by one."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8)).save(folder / f"{number:04d}.png")
    return folder


def test_landmarks_lie_where_place_and_turn_of_the_head_say() -> None:
    points = sequence.in_pixels(told(), HEIGHT, WIDTH)
    assert np.allclose(points[0, 0], [WIDTH / 2 + 0.1 * HEIGHT, HEIGHT / 2 - 0.2 * HEIGHT])
    # (1, 0.5) turned by a quarter is (-0.5, 1), a quarter of the picture's height long each, up is less.
    assert np.allclose(points[0, 1] - points[0, 0], [-0.5 * 0.25 * HEIGHT, -1 * 0.25 * HEIGHT], atol=1e-4)


def test_a_lost_face_has_neither_points_nor_curves() -> None:
    played = sequence.of(np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8), told())
    assert np.isnan(played.landmarks[-1]).all() and np.isfinite(played.landmarks[:-1]).all()
    assert all(np.isnan(values[-1]) and np.isfinite(values[:-1]).all() for values in played.curves.values())
    assert played.liveliest[0] == "jawOpen" and played.curves["jawOpen"][2] == pytest.approx(0.8)
    assert played.curves["headRoll"][0] == pytest.approx(90 / sequence.DEGREES, rel=1e-3)


def test_the_window_shows_frames_points_and_curves(tmp_path) -> None:
    window = pytest.importorskip("training.motion.viewer.window", reason=MISSING, exc_type=ImportError)
    from PySide6 import QtWidgets

    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    pictures = np.stack([np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8) for number in range(COUNT)])
    viewer = window.Viewer(sequence.of(pictures, told()), "clip")
    viewer.resize(700, 600)

    def shown() -> np.ndarray:
        application.processEvents()
        path = tmp_path / "shot.png"
        assert viewer.picture.grab().save(str(path))
        return np.asarray(Image.open(path).convert("RGB")).astype(int)

    middles = []
    for number in range(COUNT):
        viewer.slider.setValue(number)
        middles.append(np.median(shown().reshape(-1, 3), axis=0))
        assert viewer.label.text().startswith(f"{number + 1} of {COUNT}")
    assert np.allclose(np.array(middles)[:, 0], 40 * np.arange(COUNT), atol=3), "the slider goes to a frame"

    viewer.slider.setValue(1)
    with_points = shown()
    viewer.points.setChecked(False)
    without = shown()
    assert 3 < (np.abs(with_points - without).sum(2) > 30).sum() < 200, "two points are on the picture"

    def curves() -> np.ndarray:
        path = tmp_path / "curves.png"
        assert viewer.curves.grab().save(str(path))
        return np.asarray(Image.open(path).convert("RGB")).astype(int)

    before = curves()
    row = next(
        viewer.list.item(n) for n in range(viewer.list.count()) if viewer.list.item(n).text() == viewer.curves.names[0]
    )
    row.setCheckState(window.QtCore.Qt.CheckState.Unchecked)
    assert "jawOpen" not in viewer.curves.names and (np.abs(curves() - before).sum(2) > 60).any()

    viewer.slider.setValue(COUNT - 1)
    viewer._next()
    assert viewer.slider.value() == 0, "it plays over and over"
    viewer.play_or_stop()
    assert viewer.button.text() == "Stop" and viewer.timer.isActive() and viewer.timer.interval() == 100
    viewer.play_or_stop()
    assert viewer.button.text() == "Play" and not viewer.timer.isActive()


def test_the_command_writes_a_picture_of_the_window(tmp_path) -> None:
    pytest.importorskip("PySide6.QtWidgets", reason=MISSING)
    file = tmp_path / "d.npz"
    file.write_bytes(descriptor.to_bytes(told()))
    shot = tmp_path / "shots" / "window.png"
    line = ["--frames", str(frames(tmp_path / "clip")), "--descriptors", str(file), "--shot", str(shot), "--frame", "4"]
    assert view.main(line) == 0
    pixels = np.asarray(Image.open(shot).convert("RGB")).reshape(-1, 3)
    assert (np.abs(pixels.astype(int) - 120).max(1) < 3).mean() > 0.2, "the fourth frame is in it"


@pytest.mark.parametrize(
    ("files", "descriptors", "more", "said"),
    [(0, COUNT, [], "has no frames"), (1, COUNT, [], "one frame only"), (3, COUNT, [], "of 5 frames, but there are 3"),
     (COUNT, None, [], "holds no motion descriptors"), (COUNT, COUNT, ["--frame", "9"], "from 1 to 5"),
     (COUNT, COUNT, ["--shot", "a.jpg"], "end in .png")],
)  # fmt: skip
def test_bad_input_is_a_sentence(tmp_path, files, descriptors, more, said) -> None:
    folder, file = frames(tmp_path / "clip", files), tmp_path / "d.npz"
    file.write_bytes(descriptor.to_bytes(told(descriptors)) if descriptors else b"nothing")
    with pytest.raises(InputError, match=said):
        view.main(["--frames", str(folder), "--descriptors", str(file), *more])


def test_a_damaged_frame_is_named(tmp_path) -> None:
    folder = frames(tmp_path / "clip")
    whole = (folder / "0002.png").read_bytes()
    (folder / "0002.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"0002\.png"):
        view.main(["--frames", str(folder)])


def test_without_pyside_the_command_says_how_to_get_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "PySide6", None)
    monkeypatch.delitem(sys.modules, "training.motion.viewer.window", raising=False)
    played = sequence.of(np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8), told())
    with pytest.raises(InputError, match=r"needs PySide6 .* pip install -r tests/requirements/viewer\.txt"):
        view.show(played, "clip", 0, None)


def test_descriptors_are_kept_by_what_is_in_the_pictures(tmp_path) -> None:
    dark = np.zeros((4, 96, 96, 3), np.uint8)
    cache = DescriptorCache(tmp_path / "kept")
    one = cache.of_pictures(dark)
    assert not one.found.any() and one.count == 4
    (file,) = (tmp_path / "kept").iterdir()
    written = replace(one, times=one.times + 7)
    file.write_bytes(descriptor.to_bytes(written))
    assert np.array_equal(DescriptorCache(tmp_path / "kept").of_pictures(dark).times, written.times), "it is read"
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(cache.of_pictures(dark).times, one.times), "damaged ones are made anew"
    cache.of_pictures(dark + np.uint8(1))
    with pytest.raises(InputError):
        cache.of_clip("dark", dark, 30.0)
    assert len(list((tmp_path / "kept").iterdir())) == 2, "other pictures, other file; none of what cannot be read"
