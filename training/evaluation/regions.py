"""Where on a face the error lies."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.face.parts import Part, classify
from blendshape_addon.core.vocabulary import ARKIT

from ..data.augment_mouth import in_mouth
from ..data.labelled_face import LabelledFace

REGIONS = ("skin", "inner mouth", "teeth", "tongue", "eyes", "lashes, brows", "rest")
_OF = {
    Part.SKIN: 0, Part.MOUTH: 1, Part.TEETH_UPPER: 2, Part.TEETH_LOWER: 2, Part.TONGUE: 3, Part.EYE: 4,
    Part.ATTACHED: 5, Part.OTHER: 6,
}  # fmt: skip


def regions_of(face: LabelledFace) -> np.ndarray:
    """(V,) index into REGIONS; skin behind the lips is inner mouth."""
    part = classify(face.avatar, face.vertices, face.marks)
    region = np.array([_OF[p] for p in Part])[part]
    region[(part == Part.SKIN) & in_mouth(face)] = 1
    return region


def table(face: LabelledFace, shapes: dict[str, np.ndarray], real: frozenset[str]) -> dict[str, dict[str, float]]:
    """By region, medians over the real units: share of the squared error and of the true motion, and rel inside."""
    region, seen = regions_of(face), ~face.hidden
    error, motion = [], []
    for name, truth in zip(face.names, face.offsets, strict=True):
        if name in ARKIT and name in real:
            sums = [
                np.bincount(region[seen], (v[seen] ** 2).sum(1), len(REGIONS)) for v in (shapes[name] - truth, truth)
            ]
            error.append(sums[0])
            motion.append(sums[1])
    if not error:
        return {}
    error, motion = np.array(error), np.array(motion)
    out = {}
    for n, name in enumerate(REGIONS):
        if (region[seen] == n).any():
            moved = motion[:, n] > 0.01 * motion.sum(1)
            out[name] = {
                "share of error": float(np.median(error[:, n] / error.sum(1))),
                "share of motion": float(np.median(motion[:, n] / motion.sum(1))),
                "rel": float(np.median(np.sqrt(error[moved, n] / motion[moved, n]))) if moved.any() else float("nan"),
            }
    return out
