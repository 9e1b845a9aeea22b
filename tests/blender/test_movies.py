"""Movies that the training tools read and write in a Blender of their own, where ffmpeg is not installed."""

import subprocess
import sys
import wave

import numpy as np
import pytest
from helpers import ROOT

from blendshape_addon.blender import settings
from blendshape_addon.blender.io import clips

WRITE = """
import sys
import numpy as np
from pathlib import Path
from training.motion.animator import movies
steps = np.linspace(20, 200, 5).repeat(16).astype(np.uint8)
shown = [np.full((61, 80, 3), 3 * number, np.uint8) + steps[None, :, None] for number in range(12)]
blender, folder = sys.argv[1], Path(sys.argv[2])
movies.write(folder / "a.mp4", iter(shown), 12, blender, folder / "a.wav")
with movies.opened(folder / "a.mp4", blender) as clip:
    assert clip.frames.shape == (12, 62, 80, 3) and abs(clip.rate - 12) < 1.2, (clip.frames.shape, clip.rate)
    for number in (0, 11):
        apart = np.abs(clip.frames[number, 8:-8, 8::16].astype(int) - shown[number][8:-7, 8::16])
        assert apart.max() < 12, apart.max()
"""
READ = """
import sys
from pathlib import Path
from training.motion.animator import movies
with movies.opened(Path(sys.argv[2]), sys.argv[1]):
    pass
"""


@pytest.fixture
def run(training_python, monkeypatch):
    """Runs a script by the training tools' Python, with this Python as their Blender."""
    python = settings.training_python(None)
    monkeypatch.setenv("PATH", "")  # without ffmpeg

    def started(script: str, *arguments: str) -> subprocess.CompletedProcess:
        line = [python, "-c", script, sys.executable, *arguments]
        return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)

    return started


def test_a_movie_is_written_with_sound_and_a_mark_and_read_again(run, tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 48000, 0, "NONE", ""))
        sound.writeframes((8000 * np.sin(np.arange(48000) / 20)).astype(np.int16).tobytes())
    done = run(WRITE, str(tmp_path))
    assert done.returncode == 0, done.stderr
    file = (tmp_path / "a.mp4").read_bytes()
    assert b"mp4a" in file and b"newscodes/digitalsourcetype/trainedAlgorithmicMedia" in file
    clip = clips.open_clip(tmp_path / "a.mp4")  # which the mark leaves readable
    assert clip.count == 12
    clip.close()


def test_what_is_no_movie_is_said(run, tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"no movie")
    assert "no.mp4 cannot be read as a movie" in run(READ, str(tmp_path / "no.mp4")).stderr
