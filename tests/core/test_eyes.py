"""The eyes of a photographed person are read alike however the picture is taken."""

import dataclasses

import numpy as np
import pytest

from blendshape_addon.core.motion import clip
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.performance import DriveOptions, perform
from tests.core.test_performance import described, pulse
from tests.faces import person

FACE, *_ = person.stored()


@pytest.fixture(scope="module")
def read():
    """By picture, where the person's eyes look and how far they are closed."""
    reader = FaceReader(provider="cpu")
    pictures = person.pictures(FACE)
    return {name: reader.follow(picture, None).eyes for name, picture in pictures.items()}


def test_open_eyes_are_open(read):
    """Those of a person who smiles, which narrows them."""
    assert max(eyes.blink.max() for eyes in read.values()) < 0.2


def test_both_eyes_look_at_the_same_thing(read):
    for name, eyes in read.items():
        assert np.abs(eyes.gaze[0] - eyes.gaze[1]).max() < 5, name


@pytest.mark.parametrize("name", ["dark", "at the side", "twice as large"])
def test_neither_light_nor_place_nor_size_change_where_eyes_look(read, name):
    assert np.abs(read[name].gaze - read["plain"].gaze).max() < 3
    assert np.abs(read[name].blink - read["plain"].blink).max() < 0.05


def test_a_mirrored_person_looks_the_other_way(read):
    assert np.abs(read["mirrored"].gaze[::-1] * [-1, 1] - read["plain"].gaze).max() < 4


def test_a_person_in_another_light_looks_where_he_looked():
    """Against the plain picture; a clip of pictures that are all alike has a still gaze."""
    reader = FaceReader(provider="cpu")
    plain, *others = (reader.follow(person.pictures(FACE)[name], None) for name in ("plain", "dark", "twice as large"))
    assert np.abs(reader.away([plain], [plain])).max() < 1e-3
    assert np.abs(reader.away(others, [plain])).max() < 3
    told = clip.read(clip.ArrayClip("still", np.stack([FACE] * 4), 10.0), reader, lambda *_: None)
    assert np.abs(told.gaze).max() < 1


def test_blinks_are_keyed_by_the_lids_and_not_by_the_scores():
    blink = np.zeros((60, 2), np.float32)
    blink[:, 0] = 0.2 + 0.8 * pulse(60, 30, 33, 1.0)  # an eye that is never open all the way
    data = dataclasses.replace(described(eyeBlinkRight=pulse(60, 10, 14, 1.0)), blink=blink)
    units = perform(data, DriveOptions(smoothing=0), "clip").units
    assert units["eyeBlinkLeft"][31] == 1 and units["eyeBlinkLeft"][:25].max() == 0
    assert units["eyeBlinkRight"].max() == 0
