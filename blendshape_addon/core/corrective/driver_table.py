"""The drivers of corrective keys as a table (JSON), for those who set them up in Unity: see docs/corrective.md."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from .bake import Errors, Key
from .drivers import ALONG, angles

VERSION = 1


def table(mesh: str, rig: str, keys: Sequence[Key], errors: tuple[Errors, Errors] | None = None) -> str:
    """The table of the keys of the object `mesh` with the armature `rig`, as JSON. errors: without and with them."""
    document: dict[str, object] = {
        "version": VERSION,
        "mesh": mesh,
        "armature": rig,
        "value": "clamp((outer - |R a - c|) / (outer - inner), 0, 1): R the bone's rotation relative to its parent and "
        "to rest, a the axis, c the centre",
        "keys": [_row(key) for key in keys],
    }
    if errors:
        document["error_mm"] = dict(zip(("before", "after"), map(_rounded, errors), strict=True))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rounded(errors: Errors) -> dict[str, float]:
    return {name: round(value, 3) for name, value in vars(errors).items()}


def _row(key: Key) -> dict[str, object]:
    driver = key.driver
    return {
        "key": key.name,
        "bone": driver.bone,
        "angle_degrees": round(driver.angle, 1),
        "probe": "tip" if driver.axis == ALONG else "side",
        "blender": _axes(driver.axis, driver.centre, driver.rotation),
        "unity": _axes(_mirrored(driver.axis), _mirrored(driver.centre), _turned(driver.rotation)),
        "inner": round(driver.inner, 4),
        "outer": round(driver.outer, 4),
        "values": [{"angle_degrees": angle, "value": value} for angle, value in _samples(key)],
        "largest_offset_mm": round(float(np.linalg.norm(key.offsets, axis=1).max()) * 1000, 2),
        "vertices": len(key.indices),
    }


def _axes(axis: Sequence[float], centre: Sequence[float], rotation: Sequence[float]) -> dict[str, object]:
    w, x, y, z = (round(number, 5) for number in rotation)
    return {
        "axis": list(axis),
        "centre": [round(number, 5) for number in centre],
        "rotation": {"x": x, "y": y, "z": z, "w": w},
    }


def _mirrored(vector: Sequence[float]) -> tuple[float, float, float]:
    """Of a bone's axes in Blender, which FBX keeps, in Unity, whose importer turns x round (+ 0.0: no minus zero)."""
    x, y, z = vector
    return -x + 0.0, y, z


def _turned(rotation: Sequence[float]) -> tuple[float, float, float, float]:
    """As `_mirrored`, of a quaternion w, x, y, z."""
    w, x, y, z = rotation
    return w, x, -y + 0.0, -z + 0.0


def _samples(key: Key) -> list[tuple[float, float]]:
    """The key's value on the way from rest to its pose, each tenth of it, by angle: for curves and blend trees."""
    share = np.linspace(0, 1, 11)
    whole = np.array(key.driver.rotation)
    whole = whole if whole[0] >= 0 else -whole
    half = share * np.arccos(np.clip(whole[0], -1, 1))
    axis = whole[1:] / max(float(np.linalg.norm(whole[1:])), 1e-9)
    rotations = np.column_stack([np.cos(half), np.sin(half)[:, None] * axis])
    values = key.driver.values(rotations)
    return [(round(float(a), 1), round(float(v), 3)) for a, v in zip(angles(rotations), values, strict=True)]
