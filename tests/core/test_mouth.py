"""The mouth of a photographed person is read alike however the picture is taken, and counted from its rest."""

import dataclasses

import numpy as np
import pytest

from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.inference.mouth_format import MOUTH, MOUTH_PAIRS, MOUTH_POINTS, MOUTH_UNITS
from blendshape_addon.core.motion import mouth, units
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.parameters import UNITS
from blendshape_addon.core.motion.performance import DriveOptions, perform
from tests.core.test_performance import described
from tests.faces import person

FACE, *_ = person.stored()
PICTURES = person.pictures(FACE)


@pytest.fixture(scope="module")
def read():
    """The face in each picture."""
    reader = FaceReader(provider="cpu")
    return {name: reader.follow(picture, None) for name, picture in PICTURES.items()}


@pytest.mark.parametrize("name", ["at the side", "twice as large"])
def test_a_crop_shows_the_same_wherever_the_face_is_and_however_large(read, name):
    points, crop = mouth.view(PICTURES[name], read[name].landmarks)
    wanted, plain = mouth.view(PICTURES["plain"], read["plain"].landmarks)
    assert crop.shape == (MOUTH.size, MOUTH.size, 3) and points.shape == (len(MOUTH_POINTS), 3)
    assert np.abs(points - wanted).max() < 0.02
    assert np.abs(crop - plain).mean() < 0.4 * np.abs(crop - plain[:, ::-1]).mean()


@pytest.mark.parametrize("name", ["dark", "at the side", "twice as large"])
def test_neither_light_nor_place_nor_size_are_taken_for_a_motion(read, name):
    away = mouth.units((read[name].mouth - read["plain"].mouth)[None])[0]
    assert np.abs(away).max() < 0.25, MOUTH_UNITS[np.abs(away).argmax()]


def test_landmarks_are_paired_with_their_mirror_images(read):
    points = dict(zip(MOUTH_POINTS, mouth.view(PICTURES["plain"], read["plain"].landmarks)[0], strict=True))
    for right, left in MOUTH_PAIRS:
        assert np.abs(points[right] * [-1, 1, 1] - points[left]).max() < 0.12, (right, left)


def test_what_the_network_says_is_mixed_with_scores_by_the_share_of_the_unit():
    scores, measured = np.zeros((2, len(SCORES))), np.zeros((2, len(units.MEASURES)))
    scores[:, SCORES.index("jawOpen")] = 0.5
    alone = units.value("jawOpen", scores, measured, np.zeros((2, 0)))
    assert alone == pytest.approx(0.5 * units.weights("jawOpen")["score"])
    told = np.zeros((2, len(MOUTH_UNITS)))
    told[1, MOUTH_UNITS.index("jawOpen")] = 1.0
    share = UNITS.mouth["jawOpen"]
    assert 0 < share <= 1
    assert units.value("jawOpen", scores, measured, told) == pytest.approx((1 - share) * alone + [0, share])
    assert units.value("browInnerUp", scores, measured, told) == pytest.approx([0, 0])


def test_a_performance_counts_the_mouth_from_its_neutral_frames(read):
    rest, smiling = np.zeros(MOUTH.features, np.float32), read["plain"].mouth
    features = np.tile(rest + 0.3, (60, 1))
    features[20:41] = smiling
    data = dataclasses.replace(described(), mouth=features)
    wanted = mouth.units((smiling - features[0])[None])[0].clip(0, 1)
    done = perform(data, DriveOptions(neutral=5, smoothing=0), "clip").units
    for name, share in UNITS.mouth.items():
        unit = name if name in MOUTH_UNITS else f"{name}Left"
        if unit in done:
            assert done[unit][30] == pytest.approx(share * wanted[MOUTH_UNITS.index(unit)], abs=1e-3), unit
            assert done[unit][5] == pytest.approx(0, abs=1e-3), unit
