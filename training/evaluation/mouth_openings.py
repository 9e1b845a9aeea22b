"""How far the vowels' mouths open and how wide they are, as artists draw them and as the shipped models do.

Both are read off labelled landmarks, so the same points are measured on an artist's shape and on ours: how far the
inner lips are apart at the middle, in height, and the corners of the mouth, in the widths that the mouth has at rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import FaceSpace, point
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.style.recipes import PRESETS
from blendshape_addon.core.vocabulary import VISEMES

from ..data import labels
from ..data.rigs import Rig, landmarks_of

VOWELS = ("vrc.v_aa", "vrc.v_e", "vrc.v_ih", "vrc.v_oh", "vrc.v_ou")
FIGURES = ("lips apart", "corners apart")


@dataclass(frozen=True)
class Mouth:
    """One rig's mouths. artist: whose shapes they are, by the fold. preset: the style that the artist drew them in.

    theirs, ours: vowel to (2,) FIGURES in widths of the mouth at rest; theirs has what the artist drew as such.
    """

    rig: str
    artist: str
    preset: str
    theirs: dict[str, np.ndarray]
    ours: dict[str, np.ndarray]


def measured(rigs: Iterable[Rig], models: Path | None = None) -> list[Mouth]:
    """The mouths of those `rigs` that have labels, a modelled mouth and a vowel that their artist drew, and whose face
    is found. A toon that gets the add-on's natural style has no artist of that style and is left out."""
    out = []
    for rig in rigs:
        drawn = [name for name in VOWELS if name in rig.shapes and name in rig.real]
        if not drawn or rig.facts.flat or (rig.marks is None and rig.name not in labels.names()):
            continue
        try:
            made = pipeline.generate(rig.avatar(), GenerateOptions(VISEMES, models=models, provider="cpu"))
        except FaceNotFound:
            continue
        preset = made.report["style"]["preset"]
        if rig.facts.toon != (preset == "anime"):
            continue
        shapes = {name: np.zeros(rig.vertices.shape) for name in VOWELS}  # one left out moves nothing
        for shape in made.shapes:
            if shape.name in VOWELS:
                shapes[shape.name][shape.indices] = shape.deltas
        out.append(
            Mouth(
                rig.name, rig.facts.fold, preset,
                {name: apart(rig, rig.shapes[name]) for name in drawn},
                {name: apart(rig, offset) for name, offset in shapes.items()},
            )
        )  # fmt: skip
    return out


def apart(rig: Rig, offset: np.ndarray) -> np.ndarray:
    """(2,) FIGURES of a rig's mouth under a (V, 3) offset, in widths of the mouth at rest."""
    rest = landmarks_of(rig, rig.vertices)
    space = FaceSpace.of(rest)
    width = np.linalg.norm(np.subtract(*_corners(space.to_face(rest))))
    marks = space.to_face(rest + landmarks_of(rig, offset))
    lips = point(marks, "lip_upper_inner_mid")[1] - point(marks, "lip_lower_inner_mid")[1]
    return np.array([lips, np.linalg.norm(np.subtract(*_corners(marks)))]) / width


def _corners(marks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return point(marks, "mouth_corner_l"), point(marks, "mouth_corner_r")


def by_artist(mouths: Iterable[Mouth], side: str) -> dict[tuple[str, str, str], np.ndarray]:
    """(preset, vowel, artist) to (2,) medians over the artist's rigs. side: `theirs`, or `ours` of the same vowels."""
    rows: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for mouth in mouths:
        for vowel in mouth.theirs:
            rows.setdefault((mouth.preset, vowel, mouth.artist), []).append(getattr(mouth, side)[vowel])
    return {key: np.median(values, axis=0) for key, values in rows.items()}


def summary(mouths: Iterable[Mouth]) -> dict[str, dict[str, dict]]:
    """By preset and vowel: artists (count); theirs, least, most: (2,) median and extremes of artists; ours: (2,) median
    over the same artists' rigs; ratio: (2,) ours over theirs."""
    mouths = list(mouths)
    theirs, ours = by_artist(mouths, "theirs"), by_artist(mouths, "ours")
    out: dict[str, dict[str, dict]] = {}
    for preset in PRESETS:
        for vowel in VOWELS:
            keys = [key for key in theirs if key[:2] == (preset, vowel)]
            if keys:
                drawn = np.array([theirs[key] for key in keys])
                median, made = np.median(drawn, axis=0), np.median([ours[key] for key in keys], axis=0)
                out.setdefault(preset, {})[vowel] = {
                    "artists": len(keys), "theirs": median, "least": drawn.min(0), "most": drawn.max(0), "ours": made,
                    "ratio": made / median,
                }  # fmt: skip
    return out
