"""Motions of a face over time with all that is known of them: a file of units, or the one that shows everything."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import ARKIT

# Columns beside the units: degrees of the head about the axes of the face (nodding, turning to the person's left,
# tilting to the person's right), and of both eyes to the person's left and up.
HEAD = ("headPitch", "headYaw", "headRoll")
GAZE = ("gazeLeft", "gazeUp")
DEMO_RATE = 24.0
DEMO_SECONDS = 6.0


@dataclass(frozen=True)
class Motion:
    """units: by name, 0 to 1. head: rotation in degrees, see HEAD. gaze: degrees, see GAZE, or None: what the eyeLook
    units say."""

    units: dict[str, float]
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gaze: tuple[float, float] | None = None


def demo() -> list[Motion]:
    """Six seconds: still, blinks, eyes about, the head turned and nodded, smile, kiss, brows, and words."""
    motions = []
    for time in np.arange(round(DEMO_RATE * DEMO_SECONDS)) / DEMO_RATE:
        blink = max(_bump(time, at, 0.12) for at in (0.6, 2.1, 3.9, 5.6))
        smile = _bump(time, 2.8, 0.55)
        talk = _bump(time, 4.6, 0.8)
        units = {
            "jawOpen": 0.15 * smile + 0.6 * talk * (0.5 + 0.5 * np.sin(2 * np.pi * 2.5 * time)),
            "mouthPucker": _bump(time, 3.7, 0.3) + 0.35 * talk * (0.5 - 0.5 * np.sin(2 * np.pi * 1.25 * time)),
            "browInnerUp": _bump(time, 1.6, 0.4),
            "tongueOut": 0.0,
        }
        for side in ("Left", "Right"):
            units |= {
                f"eyeBlink{side}": blink,
                f"mouthSmile{side}": smile,
                f"cheekSquint{side}": 0.5 * smile,
                f"browOuterUp{side}": 0.8 * _bump(time, 1.6, 0.4),
                f"browDown{side}": 0.7 * _bump(time, 5.3, 0.3),
            }
        gaze = (
            16 * _bump(time, 0.95, 0.25) - 16 * _bump(time, 1.35, 0.25) + 10 * talk * np.sin(2 * np.pi * time),
            8 * _bump(time, 2.45, 0.2),
        )
        head = (
            6 * _bump(time, 3.3, 0.5) - 5 * _bump(time, 5.2, 0.4),
            18 * _bump(time, 1.9, 0.7) - 18 * _bump(time, 4.4, 0.9),
            5 * smile,
        )
        motions.append(Motion({name: float(value) for name, value in units.items()}, tuple(map(float, head)), gaze))
    return motions


# What a face does by itself in `acted`: units of one gesture and how much each takes of its height.
GESTURES: tuple[dict[str, float], ...] = (
    {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}, {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}, {"eyeBlinkLeft": 1},
    {"mouthSmileLeft": 1, "mouthSmileRight": 1}, {"mouthSmileLeft": 1, "mouthSmileRight": 1, "jawOpen": 0.3},
    {"mouthFrownLeft": 1, "mouthFrownRight": 1}, {"mouthPucker": 1}, {"mouthFunnel": 1, "jawOpen": 0.2}, {"jawOpen": 1},
    {"jawOpen": 0.5}, {"mouthStretchLeft": 1, "mouthStretchRight": 1}, {"mouthUpperUpLeft": 1, "mouthUpperUpRight": 1},
    {"mouthLeft": 1}, {"mouthRight": 1}, {"browInnerUp": 1, "browOuterUpLeft": 1, "browOuterUpRight": 1},
    {"browDownLeft": 1, "browDownRight": 1}, {"eyeWideLeft": 1, "eyeWideRight": 1},
    {"eyeSquintLeft": 1, "eyeSquintRight": 1},
)  # fmt: skip
ACTED_RATE = 8.0
_STILL, _APART, _HALF = 1.0, 0.4, 0.35  # seconds: still, from one gesture to the next, and half of a gesture
_HEAD, _GAZE = (6.0, 15.0, 5.0), (20.0, 12.0)  # degrees, the most
_FIXED = 0.6  # seconds that eyes rest on a place


def acted(rng: np.random.Generator) -> list[Motion]:
    """Somebody who acts, ACTED_RATE motions per second: still for a second, then every one of GESTURES by its own, in
    random order and of random height, while the head sways and the eyes jump."""
    order = rng.permutation(len(GESTURES))
    heights = rng.uniform(0.5, 1.0, len(GESTURES))
    seconds = _STILL + _APART * (len(GESTURES) + 1)
    sway, phase = rng.uniform(0.15, 0.4, 3), rng.uniform(0, 2 * np.pi, 3)
    looks = rng.uniform(-1, 1, (int(seconds / _FIXED) + 1, 2)) * _GAZE
    motions = []
    for time in np.arange(round(seconds * ACTED_RATE)) / ACTED_RATE:
        units: dict[str, float] = {}
        for number, gesture in enumerate(order):
            share = heights[number] * _bump(time, _STILL + _APART * (number + 1), _HALF)
            for name, part in GESTURES[gesture].items():
                units[name] = min(1.0, units.get(name, 0.0) + share * part)
        begun = float(np.clip((time - _STILL) / _APART, 0, 1))
        head = begun * np.sin(2 * np.pi * sway * time + phase) * _HEAD
        look = looks[int(time / _FIXED)] if begun else np.zeros(2)
        motions.append(Motion(units, tuple(map(float, head)), (float(look[0]), float(look[1]))))
    return motions


def _bump(time: float, middle: float, half: float) -> float:
    """1 at `middle` seconds, 0 from `half` seconds away, smooth."""
    return float(0.5 + 0.5 * np.cos(np.pi * np.clip((time - middle) / half, -1, 1)))


def load(path: Path) -> list[Motion]:
    """A frame per row of a .csv file whose first row names columns: ARKit units, 0 to 1, and those of HEAD and GAZE.

    Other columns, such as time codes, are passed over; units that are not named are 0. Raises InputError, in a
    sentence, for a file that cannot be read, has no known column or no row, or a number that is none.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table of units: save it as .csv in UTF-8.") from error
    known = {name.lower(): name for name in (*ARKIT, *HEAD, *GAZE)}
    columns = {column: known[column.lower()] for column in (rows[0] if rows else ()) if (column or "").lower() in known}
    if not columns:
        raise InputError(
            f"{path} names no ARKit unit in its first row, or has no other: let it begin with names such as jawOpen."
        )
    return [_motion(path, number, {columns[c]: row[c] for c in columns}) for number, row in enumerate(rows, 2)]


def _motion(path: Path, line: int, row: dict[str, str | None]) -> Motion:
    values = {}
    for name, text in row.items():
        try:
            values[name] = float(text or 0)
        except ValueError:
            values[name] = np.nan
        limit = 1.0 if name in ARKIT else 180.0
        if not (0 if name in ARKIT else -limit) <= values[name] <= limit:
            raise InputError(f"{path}, row {line}: {name} is {text}, but must be a number from "
                             f"{'0 to 1' if name in ARKIT else '-180 to 180'}.")  # fmt: skip
    head = tuple(values.get(name, 0.0) for name in HEAD)
    gaze = tuple(values.get(name, 0.0) for name in GAZE) if values.keys() & set(GAZE) else None
    return Motion({name: value for name, value in values.items() if name in ARKIT}, head, gaze)


def table(rows: Sequence[dict[str, float]]) -> str:
    """Rows of ARKit units, HEAD and GAZE by name as the text of a .csv file that `load` reads."""
    columns = (*ARKIT, *HEAD, *GAZE)
    lines = [",".join(columns)]
    lines += [",".join(f"{row.get(name, 0.0):.4f}" for name in columns) for row in rows]
    return "\n".join(lines) + "\n"
