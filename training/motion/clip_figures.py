"""Figures of one clip: how well each unit was read, how steady what was read is, how well another movie follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.motion.performance import LOOKS, READ, Performance
from blendshape_addon.core.vocabulary import ARKIT

from . import video_metrics
from .motions import Motion

READERS = ("still face", "head raw", "head less neutral", "keyed")
ACTS = 0.05  # of a unit, from where it counts as one that is in effect
PER_MILLE = 1000.0


@dataclass(frozen=True)
class Truth:
    """Of F frames: units (F, 52) in the order of ARKIT; head (F, 3, 3), rotation of the face against the camera; gaze:
    (F, 2) degrees to the person's left and up."""

    units: np.ndarray
    head: np.ndarray
    gaze: np.ndarray


def truth_of(motions: Sequence[Motion]) -> Truth:
    """The truth that a table of a clip tells."""
    units = np.array([[motion.units.get(name, 0.0) for name in ARKIT] for motion in motions])
    gaze = np.array([motion.gaze or (0.0, 0.0) for motion in motions])
    return Truth(units, pose.to_matrices(np.radians([motion.head for motion in motions])), gaze)


def readers(descriptors: Descriptors, performance: Performance) -> dict[str, dict[str, np.ndarray]]:
    """(F,) values of each unit that is read, by reader of READERS; an eyeLook has none of the first ones but 0."""
    raw = descriptors.scores.astype(float)
    away = raw - raw[performance.neutral]
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in READERS}
    for unit in READ:
        column = SCORES.index(unit)
        found["still face"][unit] = np.zeros(descriptors.count)
        found["head raw"][unit] = raw[:, column]
        found["head less neutral"][unit] = away[:, column].clip(0, 1)
        found["keyed"][unit] = performance.units[unit]
    return found


def units(descriptors: Descriptors, performance: Performance, truth: Truth) -> dict[str, dict[str, dict[str, float]]]:
    """MAE and R² by unit and reader, of units that are in effect in some frame. Raises InputError where the truth is of
    another number of frames."""
    if len(truth.units) != descriptors.count:
        raise InputError(
            f"The table of units has {len(truth.units)} rows, but the clip {descriptors.count} frames: give one row "
            "per frame."
        )
    values = readers(descriptors, performance)
    acting = [unit for unit in READ if truth.units[:, ARKIT.index(unit)].max() > ACTS]
    rows: dict[str, dict[str, dict[str, float]]] = {unit: {} for unit in acting}
    true = truth.units[:, [ARKIT.index(unit) for unit in acting]]
    for reader, of_reader in values.items():
        told = video_metrics.agreement(np.stack([of_reader[unit] for unit in acting], 1), true) if acting else None
        for number, unit in enumerate(acting):
            rows[unit][reader] = {"MAE": float(told.mae[number]), "R2": float(told.r2[number])}
    return rows


def angles(descriptors: Descriptors, performance: Performance, truth: Truth) -> dict[str, float]:
    """Mean absolute errors in degrees, of the head's turn against the neutral frame, and of the gaze of open eyes
    against the calm ones."""
    here = descriptors.found
    neutral = truth.head[performance.neutral]
    wanted = pose.to_vectors(neutral.T @ truth.head[here])
    head = np.degrees(np.linalg.norm(performance.head[here] - wanted, axis=1))
    closed = truth.units[:, [ARKIT.index("eyeBlinkLeft"), ARKIT.index("eyeBlinkRight")]].max(1)
    seen = here & (closed < 0.5)
    away = truth.gaze - np.median(truth.gaze[list(performance.calm)], axis=0)
    gaze = np.abs(performance.gaze - away)[seen].mean(0)
    return {"head": float(head.mean()), "gaze across": float(gaze[0]), "gaze up": float(gaze[1])}


def coherence(descriptors: Descriptors, performance: Performance, truth: Truth | None) -> dict[str, float]:
    """How much values jerk: mean absolute second differences from frame to frame, of landmarks in thousandths of the
    distance between the outer corners of the eyes, of units in thousandths."""
    both = descriptors.found[2:] & descriptors.found[1:-1] & descriptors.found[:-2]

    def jerk(values: np.ndarray) -> float:
        second = np.abs(np.diff(values.astype(float), n=2, axis=0))[both]
        return PER_MILLE * float(second.mean()) if both.any() else 0.0

    columns = [SCORES.index(unit) for unit in READ]
    found = {
        "landmarks": jerk(descriptors.landmarks),
        "scores": jerk(descriptors.scores[:, columns]),
        "keyed units": jerk(np.stack([performance.units[unit] for unit in READ], 1)),
    }
    if truth is not None:
        found["true units"] = jerk(truth.units[:, [ARKIT.index(unit) for unit in READ]])
    return found


def follows(driver: Performance, made: Performance) -> dict[str, float]:
    """Mean error of the units, and of the head, that a made movie shows against those of its driver, and mean
    correlation of those that move in the driver, if any does. Raises InputError where they are of different lengths."""
    names = [unit for unit in READ if unit not in LOOKS]
    true, told = (np.stack([one.units[unit] for unit in names], 1) for one in (driver, made))
    of_units = video_metrics.agreement(told, true)
    of_head = video_metrics.agreement(made.head, driver.head)
    moves = np.ptp(true, axis=0) > ACTS
    found = {
        "units, MAE": _mean(of_units.mae), "units, correlation": _mean(of_units.r[moves]),
        "head, MAE in degrees": float(np.degrees(_mean(of_head.mae))), "head, correlation": _mean(of_head.r),
    }  # fmt: skip
    return {name: value for name, value in found.items() if np.isfinite(value)}


def pictures(made: np.ndarray, driver: np.ndarray) -> dict[str, float]:
    """Of a made movie: by how much the colours drift from its own first picture, in dE*ab, at most; and, where the
    driver is of the same size, how much more or less it flickers than this one does."""
    found = {"colour drift, most": float(video_metrics.colour_drift(made, made[:1]).max())}
    if made.shape == driver.shape:
        found["flicker"] = video_metrics.flicker(made, driver)
    return found


def moving(performance: Performance, most: int) -> list[str]:
    """The units that move most, at most so many, the liveliest first."""
    spans = {unit: float(np.ptp(performance.units[unit])) for unit in READ}
    return sorted((unit for unit in spans if spans[unit] > ACTS), key=lambda unit: -spans[unit])[:most]


def summary(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, tuple[float, int]]:
    """By reader: mean MAE over units, and how many have an R² above 0.5."""
    return {
        reader: (
            _mean(np.array([of[reader]["MAE"] for of in rows.values()])),
            sum(of[reader]["R2"] > 0.5 for of in rows.values()),
        )
        for reader in READERS
    }


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
