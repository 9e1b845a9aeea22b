"""The sentence of the preview."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blendshape_addon.core.motion import speech
from blendshape_addon.core.vocabulary import VISEMES

times = st.floats(-1e3, 1e3, allow_nan=False)


@given(times)
def test_weights_are_of_visemes_and_sum_to_one(seconds):
    weights = speech.weights(seconds)
    assert set(weights) <= set(VISEMES) and len(weights) <= 2
    assert sum(weights.values()) == pytest.approx(1) and min(weights.values()) >= 0


@given(times)
def test_it_never_jumps(seconds):
    now, soon = speech.weights(seconds), speech.weights(seconds + 1e-3)
    assert all(abs(now.get(name, 0) - soon.get(name, 0)) < 0.02 for name in VISEMES)


def test_every_viseme_is_seen_whole_and_it_begins_and_ends_closed():
    steps = [speech.weights(number / 200) for number in range(int(speech.DURATION * 200))]
    assert {name for weights in steps for name, weight in weights.items() if weight > 0.9} == set(VISEMES)
    assert steps[0] == steps[-1] == {"vrc.v_sil": 1.0}
