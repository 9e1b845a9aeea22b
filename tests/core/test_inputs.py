"""What the networks see is what is pinned, under this numpy; tests/training runs the same under training's."""

from __future__ import annotations

import numpy as np
import pytest

from tests import faces
from tests.golden import inputs


@pytest.mark.parametrize("name", faces.NAMES)
def test_the_networks_see_what_is_pinned(name: str) -> None:
    assert not inputs.differences(inputs.read(name), inputs.measure(name))


@pytest.mark.parametrize(
    ("array", "place", "push"),
    [
        ("inputs", (3, 0), 1e-4),
        ("inputs", (3, -1), 1e-4),
        ("inputs", (3, 6), 1e-2),
        ("to_face", (7, 1, 1), 1e-4),
        ("picture", (0, slice(20, 24), slice(20, 24)), 0.1),
        ("inputs", (0, 0), np.nan),
    ],
)
def test_a_number_that_is_off_is_reported(array: str, place: tuple, push: float) -> None:
    pinned = inputs.read("proxy")
    off = {name: numbers.copy() for name, numbers in pinned.items()}
    off[array][place] += push
    (sentence,) = inputs.differences(pinned, off)
    assert sentence.startswith(array)


def test_other_columns_are_reported() -> None:
    pinned = inputs.read("proxy")
    (sentence,) = inputs.differences(pinned, pinned | {"inputs": pinned["inputs"][:, 1:]})
    assert "inputs: (100, 46) in the file, (100, 45) now" in sentence
