"""Random scenes of a person: the first one still, looking at the camera, as a performer is asked to begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blendshape_addon.core.vocabulary import ARKIT

from . import looks
from .parameters import VARIETY
from .people import Person
from .scene import Light, Scene

# Units below the eyes without their sides; those that go to a side are units of their own.
SIDEWAYS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
MOUTH = SIDEWAYS + tuple(
    dict.fromkeys(
        name.removesuffix("Left").removesuffix("Right")
        for name in ARKIT
        if name.startswith(("mouth", "jaw", "cheek", "nose", "tongue")) and name not in SIDEWAYS
    )
)
BROWS = (("browDown",), ("browInnerUp", "browOuterUp"), ("browInnerUp",), ("browOuterUp",))


def scenes(person: Person, count: int, rng: np.random.Generator, size: int = 256, mouths: bool = False) -> list[Scene]:
    """`count` scenes of one person before one camera; the first one is the neutral face. mouths: as of
    `random_units`."""
    light = Light(
        direction=(float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-0.2, 0.9)), float(rng.uniform(0.4, 1))),
        ambient=float(rng.uniform(0.3, 0.75)),
        colour=tuple(rng.normal(1, 0.04, 3).clip(0.85, 1.15).tolist()),
        wall=tuple(tuple((rng.uniform(0.1, 0.9) + rng.normal(0, 0.1, 3)).clip(0, 1).tolist()) for _ in range(2)),
        clutter=float(rng.choice([0.0, rng.uniform(0.02, 0.2)])),
    )
    first = Scene(
        person, looks.random(rng), light=light, size=size, distance=float(rng.uniform(*VARIETY.distance)),
        shift=tuple(rng.uniform(-VARIETY.shift, VARIETY.shift, 2).tolist()), noise=float(rng.uniform(*VARIETY.noise)),
        blur=float(rng.uniform(*VARIETY.blur)), seed=int(rng.integers(2**31)), gaze=((0.0, 0.0), (0.0, 0.0)),
    )  # fmt: skip
    more = [
        replace(
            first, units=random_units(person, rng, mouths), gaze=random_gaze(rng), seed=int(rng.integers(2**31)),
            head=tuple(np.clip(rng.normal(0, VARIETY.head), -35, 35).tolist()),
            shift=tuple(rng.uniform(-VARIETY.shift, VARIETY.shift, 2).tolist()),
        )
        for _ in range(count - 1)
    ]  # fmt: skip
    return [first, *more]


def random_units(person: Person, rng: np.random.Generator, mouths: bool = False) -> dict[str, float]:
    """An expression of units that the person can make: lids, brows, and up to three of the mouth, mostly alike on both
    sides. mouths: always one of the mouth at least."""
    units: dict[str, float] = {}

    def add(base: str, value: float) -> None:
        sides = [name for name in (f"{base}Left", f"{base}Right") if name in person.index]
        if base in person.index:
            sides = [base]
        elif len(sides) == 2 and rng.random() < VARIETY.one_sided:
            sides = [sides[rng.integers(2)]]
        units.update(dict.fromkeys(sides, float(np.clip(value, 0, 1))))

    lids = rng.random()
    if lids < VARIETY.blinks:
        add("eyeBlink", rng.choice([1.0, rng.random()], p=[0.3, 0.7]))
    elif lids < VARIETY.blinks + VARIETY.lids:
        add(str(rng.choice(["eyeSquint", "eyeWide"])), rng.random())
    if rng.random() < VARIETY.still and not mouths:
        return units
    if rng.random() < VARIETY.brows:
        value = rng.random()
        for base in BROWS[rng.integers(len(BROWS))]:
            add(base, value)
    makes = [base for base in MOUTH if {base, f"{base}Left"} & person.index.keys()]
    if makes:
        for base in rng.choice(makes, min(len(makes), int(rng.integers(int(mouths), 4))), replace=False):
            add(str(base), rng.random())
    if "jawOpen" in person.index and rng.random() < VARIETY.jaw:
        units["jawOpen"] = float(rng.random())
    return units


def random_gaze(rng: np.random.Generator) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of both eyes: one direction, towards something that is more or less near."""
    if rng.random() < VARIETY.still:
        return (0.0, 0.0), (0.0, 0.0)
    across, up = (float(rng.uniform(-limit, limit)) for limit in VARIETY.gaze)
    squint = float(rng.uniform(0, VARIETY.vergence)) / 2
    return (across - squint, up), (across + squint, up)
