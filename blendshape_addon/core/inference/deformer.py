"""The neural deformer: offsets of every vertex for rows of expression weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..face.features import Features
from ..vocabulary import EXPRESSIONS, mirrored
from .session import Session

# The weights of the same expression on the other side.
MIRROR = np.array([EXPRESSIONS.index(mirrored(name)) for name in EXPRESSIONS])
_FLIP = np.array([-1.0, 1.0, 1.0], np.float32)
BLOCK = 8192  # vertices at a time: bounds the memory


def offsets(
    session: Session, features: Features, expression: np.ndarray, progress: Callable[[float], None] | None = None
) -> np.ndarray:
    """(E, N, 3) float32 face-space offsets of the feature vertices for (E, EXPRESSIONS) weights at full intensity.

    The network also sees the mirror image, and the mean of both is taken: a symmetric mesh gets symmetric shapes, and
    noise that has a side cancels. A network that learned from an avatar also takes the landmarks, by which it knows it.
    """
    known = {"landmarks": features.landmarks.astype(np.float32)} if "landmarks" in session.inputs else {}
    known["intensity"] = np.ones(len(expression), np.float32)
    count = len(features.index)
    out = np.empty((len(expression), count, 3), np.float32)
    for start in range(0, count, BLOCK):
        some = slice(start, start + BLOCK)
        straight, flipped = (
            session.run(None, {"inputs": features.inputs(mirror, some), "expression": weights, **known})[0]
            for mirror, weights in ((False, expression), (True, expression[:, MIRROR]))
        )
        # Half of their sum, turned from canonical to face space: a loop over shapes keeps to the processor's cache.
        turn = np.ascontiguousarray(features.canonical.to_face[some].astype(np.float32).transpose(1, 2, 0)) / 2
        for made, own, other in zip(out[:, some], straight, flipped, strict=True):
            x, y, z = (own + other * _FLIP).T
            for axis, (a, b, c) in enumerate(turn):
                made[:, axis] = x * a + y * b + z * c
        if progress:
            progress(min(1.0, (start + BLOCK) / count))
    return out
