"""Eyeballs: found on a rig or put into its sockets, and turned about their centres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.expressions import Gaze
from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.refinement.gaze import rotation_centre
from blendshape_addon.core.refinement.parameters import EYE_TURN

from .parameters import EYES

SIDES = (("l", "Left", 1), ("r", "Right", -1))
MIN_BALL = 0.6  # depth over height from which a piece counts as a ball; a flat iris of an anime face is none


@dataclass(frozen=True)
class Eye:
    """One eye. chosen: (M,) its vertices. centre: (3,) what it turns about, in face space. iris_radius: of a flat iris,
    half its height; 0 for a ball, whose iris is painted by angle."""

    chosen: np.ndarray
    centre: np.ndarray
    iris_radius: float


def find(vertices: np.ndarray, is_eye: np.ndarray, marks: np.ndarray) -> list[Eye | None]:
    """The left and the right eye among (V, 3) vertices that (V,) `is_eye` says are of eyes; None where there is none.
    marks: (L, 3) landmarks."""
    found: list[Eye | None] = []
    for side, _, sign in SIDES:
        chosen = np.flatnonzero(is_eye & (vertices[:, 0] * sign > 0))
        if len(chosen) < EYE_TURN.min_vertices:
            found.append(None)
            continue
        rest = vertices[chosen]
        extent = np.ptp(rest, axis=0)
        flat = extent[2] < MIN_BALL * extent[1]
        centre = rotation_centre(rest, marks, side)
        hemisphere = flat and np.abs(np.linalg.norm(rest - centre, axis=1) / (extent[1] / 2) - 1).max() < 0.25
        found.append(Eye(chosen, centre, float(extent[1] / 2) if flat and not hemisphere else 0.0))
    return found


def ball(marks: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An eyeball behind the lids of a side: (M, 3) vertices, (T, 3) triangles and its (3,) centre."""
    inner, outer = point(marks, f"eye_inner_{side}"), point(marks, f"eye_outer_{side}")
    width = float(np.linalg.norm(outer - inner))
    lids = point(marks, f"lid_upper_mid_{side}", f"lid_lower_mid_{side}")
    radius = EYES.radius * width
    middle = (inner + outer) / 2
    centre = np.array([middle[0], (middle[1] + lids[1]) / 2, lids[2] - EYES.behind * width - radius])
    rings, around = EYES.rings, 2 * EYES.rings
    polar, turn = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.arange(around) * 2 * np.pi / around, indexing="ij")
    unit = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1).reshape(-1, 3)
    ring, step = np.meshgrid(np.arange(rings) * around, np.arange(around), indexing="ij")
    a, b = (ring + step).ravel(), (ring + (step + 1) % around).ravel()
    return centre + radius * unit, np.concatenate([np.c_[a, a + around, b], np.c_[b, a + around, b + around]]), centre


def turn(across: float, up: float) -> np.ndarray:
    """(3, 3) rotation of an eye that looks forward, +z, to degrees to the person's left and up."""
    a, u = np.radians([across, up])
    return np.array(
        [
            [np.cos(a), -np.sin(a) * np.sin(u), np.sin(a) * np.cos(u)],
            [0, np.cos(u), np.sin(u)],
            [-np.sin(a), -np.cos(a) * np.sin(u), np.cos(a) * np.cos(u)],
        ]
    )


def to_units(gaze: np.ndarray) -> dict[str, float]:
    """The eight eyeLook units, 0 to 1, of (2, 2) degrees to the person's left and up of the left and the right eye: 1
    is the angle that the add-on's own eyeLook shapes turn eyes by."""
    units = {}
    for (across, up), (_, name, sign) in zip(gaze, SIDES, strict=True):
        outward = across * sign
        for gaze_, degrees in ((Gaze.OUT, outward), (Gaze.IN, -outward), (Gaze.UP, up), (Gaze.DOWN, -up)):
            units[f"eyeLook{gaze_.value}{name}"] = float(np.clip(degrees / EYE_TURN.angles[gaze_], 0, 1))
    return units


def to_degrees(units: dict[str, float]) -> np.ndarray:
    """(2, 2) degrees as `to_units` takes them, of eyeLook units."""
    gaze = np.zeros((2, 2))
    for eye, (_, name, sign) in enumerate(SIDES):
        angle = {g: units.get(f"eyeLook{g.value}{name}", 0.0) * EYE_TURN.angles[g] for g in Gaze}
        gaze[eye] = sign * (angle[Gaze.OUT] - angle[Gaze.IN]), angle[Gaze.UP] - angle[Gaze.DOWN]
    return gaze
