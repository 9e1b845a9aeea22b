"""The lines that the preview speaks: the mouth goes with the sound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendshape_addon.core.motion import speech
from blendshape_addon.core.vocabulary import VISEMES

LINES = {language: speech.line(language) for language in speech.LANGUAGES}
times = st.floats(-1e3, 1e3, allow_nan=False) | st.floats(0, 6)
lines = st.sampled_from(list(LINES.values()))
SILENT = {"vrc.v_sil": 1.0}


@given(lines, times)
def test_weights_are_of_visemes_and_sum_to_one(line, seconds):
    weights = line.weights(seconds)
    assert set(weights) <= set(VISEMES) and min(weights.values()) > 0
    assert sum(weights.values()) == pytest.approx(1)


@given(lines, times)
def test_it_never_jumps(line, seconds):
    now, soon = line.weights(seconds), line.weights(seconds + 1e-3)
    assert all(abs(now.get(name, 0) - soon.get(name, 0)) < 0.1 for name in VISEMES)


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_it_begins_and_ends_in_silence_and_lasts_as_long_as_its_sounds(line):
    assert line.weights(0) == line.weights(-1) == line.weights(line.duration) == line.weights(99) == SILENT
    assert line.starts[0] == 0 and line.ends[-1] == line.duration
    np.testing.assert_array_equal(line.starts[1:], line.ends[:-1])
    assert (line.ends > line.starts).all() and 3 < line.duration < 7
    assert line.sound.stat().st_size < 40_000


def test_the_english_line_uses_every_viseme_and_the_lips_meet_where_they_must():
    line = LINES["en"]
    assert {VISEMES[number] for number in line.visemes} == set(VISEMES)
    for number, start, end in zip(line.visemes, line.starts, line.ends, strict=True):
        if VISEMES[number] in ("vrc.v_pp", "vrc.v_ff"):
            assert line.weights((start + end) / 2)[VISEMES[number]] > 0.9


def test_a_sound_begins_before_it_is_heard_and_ends_after():
    line = LINES["en"]
    long = int(np.argmax((line.ends - line.starts) * (line.visemes == VISEMES.index("vrc.v_oh"))))
    start, end = line.starts[long], line.ends[long]
    before, middle, after = (line.weights(t).get("vrc.v_oh", 0) for t in (start - 0.04, (start + end) / 2, end + 0.02))
    assert 0.02 < before < 0.9 and middle > 0.95 and 0.02 < after < 0.95


@pytest.mark.parametrize("fps", [12, 24, 59.94])
@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_keyframes_follow_the_curves_and_leave_the_mouth_at_rest(line, fps):
    keyframes = line.keyframes(fps)
    assert set(keyframes) == {VISEMES[number] for number in line.visemes}
    frames = range(int(line.duration * fps))
    for name, points in keyframes.items():
        numbers, values = np.array(points).T
        assert (np.diff(numbers) > 0).all() and len(points) < len(frames)
        wanted = [line.weights(frame / fps).get(name, 0) for frame in frames]
        np.testing.assert_allclose(np.interp(frames, numbers, values), wanted, atol=0.021)
        assert values[0] == values[-1] == (name == "vrc.v_sil")
