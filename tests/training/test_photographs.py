"""A photograph that a package brings along: Grace Hopper, by the US Navy (public domain), of matplotlib's samples."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from blendshape_addon.core.inference.face_format import OUTER_EYES, SCORES
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.face import FaceReader

# Marked by hand, pixels right and down: pupils and corners of the mouth, the picture's left ones first.
MARKED = {468: (223, 190), 473: (307, 186), 61: (230, 281), 291: (306, 277)}


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    file = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return np.asarray(Image.open(file).convert("RGB"))


@pytest.fixture(scope="module")
def reader() -> FaceReader:
    return FaceReader(provider="cpu")


def test_an_old_person_with_glasses_and_a_hat_is_found_and_read(picture, reader) -> None:
    (face,) = reader.detect(picture)
    found = reader.read(picture, face.region)
    assert found.presence > 0.99
    across = np.linalg.norm(np.subtract(*found.landmarks[list(OUTER_EYES), :2]))
    for number, place in MARKED.items():
        assert np.linalg.norm(found.landmarks[number, :2] - place) < 0.07 * across, number
    scores = dict(zip(SCORES, found.scores, strict=True))
    assert max(scores["jawOpen"], scores["mouthSmileLeft"], scores["mouthSmileRight"], scores["mouthPucker"]) < 0.1
    height, width = picture.shape[:2]
    rotation, *_ = pose.fit((found.landmarks - [width / 2, height / 2, 0])[None] * [1, -1, -1])
    assert pose.turn(rotation)[0] < 12, "she faces the camera"


def test_her_eyes_look_the_other_way_in_a_mirror_and_nowhere_else_in_the_dark(picture, reader) -> None:
    plain, mirrored, dark = (
        reader.follow(one, None)
        for one in (picture, np.ascontiguousarray(picture[:, ::-1]), (picture * 0.5).astype(np.uint8))
    )
    assert np.abs(plain.eyes.gaze[:, 0] - plain.eyes.gaze[::-1, 0]).max() < 5, "both look at the same thing"
    assert np.abs(plain.eyes.gaze[:, 0] + mirrored.eyes.gaze[::-1, 0]).max() < 5
    assert np.abs(dark.eyes.gaze - plain.eyes.gaze).max() < 4 and np.abs(dark.eyes.blink - plain.eyes.blink).max() < 0.1
