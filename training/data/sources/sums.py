"""What a rig with ARKit units alone also knows: blinks that are its own, visemes and emotions as sums of units."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np

from blendshape_addon.core.vocabulary import CONDITIONS

TABLE = Path(__file__).with_name("sums.toml")


def with_blinks(shapes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """`shapes` {name: (V, 3)} where VRChat's blink of an eye and ARKit's stand in for each other."""
    out = dict(shapes)
    for side in ("left", "right"):
        pair = (f"vrc.blink_{side}", f"eyeBlink{side.capitalize()}")
        for missing, other in (pair, pair[::-1]):
            if missing not in out and other in out:
                out[missing] = out[other]
    return out


def completed(units: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All CONDITIONS that (V, 3) `units` are or add up to by `sums.toml`, those that move nothing left out."""
    shapes = with_blinks(units)
    for name, weights in tomllib.loads(TABLE.read_text(encoding="utf-8")).items():
        parts = [w * units[unit] for part, w in weights.items() for unit in _units(part) if unit in units]
        if name not in shapes and parts:
            shapes[name] = np.sum(parts, axis=0)
    return {name: shapes[name].astype(np.float32) for name in CONDITIONS if name in shapes and shapes[name].any()}


def _units(part: str) -> tuple[str, ...]:
    return (part,) if part in CONDITIONS else (f"{part}Left", f"{part}Right")
