"""One run of the product on a face with known shapes, and how far what it made is from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.detection import detect
from blendshape_addon.core.face import slits
from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM, point
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.quality import measures
from blendshape_addon.core.vocabulary import ARKIT, CONDITIONS, EMOTIONS, MOUTH_UNITS, VISEMES

from ..data.labelled_face import LabelledFace
from ..data.metrics import MOVING_MM, compare

SETS = {"mouth+jaw": MOUTH_UNITS, "all units": ARKIT, "visemes": VISEMES, "emotions": EMOTIONS}
SILENCE = "vrc.v_sil"  # which hardly moves
METHODS = ("deformer", "template", "do nothing")
Scores = dict[str, dict[str, float]]  # shape name to figure to value


@dataclass(frozen=True)
class PipelineRun:
    """What the pipeline made of a head. shapes: {name: (V, 3)} in the head's own space."""

    head: LabelledFace
    shapes: dict[str, np.ndarray]
    made: pipeline.GenerationResult


def labelled_face(head: LabelledFace) -> detect.Face:
    """The true landmarks as if a detector had found them."""
    return detect.Face(head.marks, np.ones(len(head.marks)), 1.0, np.eye(3), 1.0)


def run(head: LabelledFace, models: Path | None, face: detect.Face | None) -> PipelineRun:
    """The whole core pipeline on the bare mesh; face None: it finds it. Raises FaceNotFound."""
    made = pipeline.generate(head.avatar, GenerateOptions(CONDITIONS, models=models, provider="cpu"), face=face)
    shapes = {name: np.zeros((len(head.vertices), 3), np.float32) for name in CONDITIONS}  # one left out moves nothing
    for shape in made.shapes:
        shapes[shape.name][shape.indices] = shape.deltas
    return PipelineRun(head, shapes, made)


def score(
    head: LabelledFace, shapes: dict[str, np.ndarray], real: frozenset[str], seen: np.ndarray | None = None
) -> Scores:
    """Figures of each shape in `real`, over the vertices whose truth means something.

    seen: (V,) bool, the vertices that can be seen from outside at rest; with it also `cos seen` and `amplitude` (the
    length of our motion over the artist's) over these, and `upper amplitude` over those of them that lie above the tip
    of the nose, NaN where the artist hardly moves them.
    """
    known = ~head.hidden
    out = {}
    for name, truth in zip(head.names, head.offsets, strict=True):
        if name in real and name in shapes:
            out[name] = compare(shapes[name][known], truth[known])
            if seen is not None:
                upper = seen & (head.vertices[:, 1] > point(head.marks, "nose_tip")[1])
                out[name] |= {
                    "cos seen": compare(shapes[name][seen], truth[seen])["cos"] if truth[seen].any() else float("nan"),
                    "amplitude": _amplitude(shapes[name][seen], truth[seen]),
                    "upper amplitude": _amplitude(shapes[name][upper], truth[upper]),
                }
    return out


def _amplitude(ours: np.ndarray, truth: np.ndarray) -> float:
    largest = np.linalg.norm(truth, axis=1).max(initial=0) * EYE_DISTANCE_MM
    return float(np.linalg.norm(ours) / np.linalg.norm(truth)) if largest > MOVING_MM else float("nan")


def medians(scores: list[Scores]) -> dict[str, dict[str, float]]:
    """Median of each figure over the shapes of each of SETS, rigs pooled."""
    out = {}
    for name, members in SETS.items():
        rows = [values for one in scores for shape, values in one.items() if shape in members and shape != SILENCE]
        if rows:
            columns = {k: np.array([row[k] for row in rows], float) for k in rows[0]}
            known = {k: column[np.isfinite(column)] for k, column in columns.items()}
            out[name] = {k: float(np.median(column)) if len(column) else float("nan") for k, column in known.items()}
    return out


def lip_gap(head: LabelledFace, offset: np.ndarray) -> float:
    """Millimetres between the lips' rims at the middle under a (V, 3) offset."""
    seen = head.features
    return measures.lip_gap(seen, seen.positions + offset[seen.index], slits.find_slit(seen, 0))
