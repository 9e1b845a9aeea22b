"""The neural deformer: offsets of every vertex for rows of expression weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .features import Features
from .providers import Session
from .vocabulary import EXPRESSIONS, mirrored

_MIRROR = np.array([EXPRESSIONS.index(mirrored(name)) for name in EXPRESSIONS])
_FLIP = np.array([-1.0, 1.0, 1.0], np.float32)


def offsets(
    session: Session, features: Features, expression: np.ndarray, progress: Callable[[float], None] | None = None
) -> np.ndarray:
    """(E, N, 3) float32 face-space offsets of the feature vertices for (E, EXPRESSIONS) weights at full intensity.

    The network also sees the mirror image, and the mean of both is taken: a symmetric mesh gets symmetric shapes, and
    noise that has a side cancels. A network that learned from an avatar is told the landmarks, by which it knows it.
    """
    known = {"landmarks": features.landmarks.astype(np.float32)} if "landmarks" in session.inputs else {}
    total = np.zeros((len(expression), len(features.index), 3), np.float32)
    for mirror in (False, True):
        asked = expression[:, _MIRROR] if mirror else expression
        made = session.run(
            None,
            {
                "inputs": features.inputs(mirror),
                "expression": asked,
                "intensity": np.ones(len(expression), np.float32),
                **known,
            },
        )[0]
        total += made * _FLIP if mirror else made
        if progress:
            progress((1 + mirror) / 2)
    return np.einsum("nij,enj->eni", features.canonical.to_face.astype(np.float32), total / 2, optimize=True)
