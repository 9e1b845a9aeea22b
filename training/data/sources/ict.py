"""A checkout of ICT-FaceKit (MIT): `FaceXModel/` with one obj file for the neutral face, each expression and each mode.

All files share one mesh of 26,719 vertices in centimetres, y up, facing +z; the vertex ranges of its parts are those of
its README. Expressions are ARKit's with _L and _R, some cut in halves; identity modes are one standard deviation each.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar import key_names
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import ARKIT

from .. import labels
from ..rigs import Rig
from . import digest_of, sums

NEUTRAL = "generic_neutral_mesh"
LICENCE = "MIT (ICT-FaceKit, USC Institute for Creative Technologies); visemes and emotions are sums of units"
LABELS = "generic_neutral"
SPREAD = 0.8  # standard deviations of the identity modes that are drawn: beyond it faces grow grotesque
_METRES = 0.01
# First vertex of each part.
PARTS = {
    "face": 0, "head_neck": 9409, "mouth_socket": 11248, "eye_socket_l": 13294, "eye_socket_r": 13678,
    "gums_tongue": 14062, "teeth": 17039, "eyeball_l": 21451, "eyeball_r": 23021, "lacrimal": 24591,
    "eye_blend": 24999, "eye_occlusion": 25047, "lashes": 25351,
}  # fmt: skip
_HIDDEN = ("lacrimal", "eye_blend", "eye_occlusion")  # wet films over the eye
VERTICES = 26719


def read(path: Path | None, licence: str | None) -> list[Rig]:
    """The rig of the checkout at `path`. Raises InputError in a sentence when it is not one, or a file is damaged."""
    folder = (path or Path()) / "FaceXModel"
    if not (folder / f"{NEUTRAL}.obj").is_file():
        raise InputError(f"{folder} has no {NEUTRAL}.obj: give the folder of an ICT-FaceKit checkout, ict:FOLDER.")
    files = sorted(folder.glob("*.obj"))
    neutral = _vertices(folder / f"{NEUTRAL}.obj")
    if len(neutral) != VERTICES:
        raise InputError(f"{NEUTRAL}.obj has {len(neutral)} vertices, not the {VERTICES} of ICT-FaceKit's face model.")
    units: dict[str, np.ndarray] = {}
    modes = []
    for file in files:
        unit = _unit(file.stem)
        if not unit and not file.stem.startswith("identity"):
            continue
        offset = _vertices(file, len(neutral)) - neutral
        if unit:
            units[unit] = units.get(unit, 0) + offset
        else:
            modes.append(offset.astype(np.float32))
    if not units:
        raise InputError(f"{folder} holds no expressions: its .obj files are not named as ICT-FaceKit's are.")
    basis = np.array(modes, np.float32).reshape(-1, *neutral.shape)
    starts = np.array(list(PARTS.values()))
    rig = Rig(
        name="ict_facekit", family="ict", folder=folder, vertices=neutral,
        triangles=_triangles(folder / f"{NEUTRAL}.obj"),
        part_id=(np.searchsorted(starts, np.arange(VERTICES), side="right") - 1).astype(np.int32),
        part_names=tuple(PARTS), shapes=sums.completed(units),
        real=frozenset(ARKIT) | {"vrc.blink_left", "vrc.blink_right"},
        hidden_parts=tuple(list(PARTS).index(name) for name in _HIDDEN), licence=LICENCE, digest=digest_of(files),
        marks=labels.load(LABELS),
        people=lambda rng: neutral + np.tensordot(rng.normal(0, SPREAD, len(basis)).astype(np.float32), basis, 1),
    )  # fmt: skip
    return [rig]


def _unit(stem: str) -> str | None:
    """The ARKit unit that a file is, or is a half of: `browInnerUp_L` and `cheekPuff_R` are halves."""
    name = key_names.recognise(stem) or key_names.recognise(stem.removesuffix("_L").removesuffix("_R"))
    return name if name in ARKIT else None


def _vertices(path: Path, count: int | None = None) -> np.ndarray:
    """(V, 3) metres; `count` is how many there must be."""
    try:
        with path.open(encoding="ascii") as lines:
            found = np.array([line.split()[1:4] for line in lines if line.startswith("v ")], float) * _METRES
    except ValueError as error:  # not numbers, not text, or rows that differ in length
        raise InputError(f"{path} cannot be read: check it out again.") from error
    if found.ndim != 2 or (count is not None and len(found) != count):
        raise InputError(f"{path} has {len(found)} vertices and should have {count}: check it out again.")
    return found


def _triangles(path: Path) -> np.ndarray:
    """(T, 3) int32: the file's polygons as fans."""
    with path.open(encoding="ascii") as lines:
        polygons = [
            [int(word.split("/")[0]) - 1 for word in line.split()[1:]] for line in lines if line.startswith("f ")
        ]
    return np.array([(p[0], p[n], p[n + 1]) for p in polygons for n in range(1, len(p) - 1)], np.int32)
