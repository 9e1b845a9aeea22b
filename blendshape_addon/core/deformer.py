"""The neural deformer: offsets of every vertex for a list of expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .features import Features
from .providers import Session
from .vocabulary import CONDITIONS, mirrored

_MIRROR = np.array([CONDITIONS.index(mirrored(name)) for name in CONDITIONS])
_FLIP = np.array([-1.0, 1.0, 1.0], np.float32)


def weights_of(name: str) -> np.ndarray:
    """(CONDITIONS,) float32 expression input of a shape name; `vrc.blink` is both eyes at once."""
    row = np.zeros(len(CONDITIONS), np.float32)
    for part in ("vrc.blink_left", "vrc.blink_right") if name == "vrc.blink" else (name,):
        row[CONDITIONS.index(part)] = 1
    return row


def offsets(
    session: Session, features: Features, names: Sequence[str], progress: Callable[[float], None] | None = None
) -> np.ndarray:
    """(E, N, 3) float32 face-space offsets of the feature vertices at full intensity.

    The network also sees the mirror image, and the mean of both is taken: a symmetric mesh gets symmetric shapes, and
    noise that has a side cancels.
    """
    expression = np.stack([weights_of(name) for name in names])
    total = np.zeros((len(names), len(features.index), 3), np.float32)
    for mirror in (False, True):
        asked = expression[:, _MIRROR] if mirror else expression
        made = session.run(
            None,
            {
                "inputs": features.inputs(mirror),
                "expression": asked,
                "intensity": np.ones(len(names), np.float32),
            },
        )[0]
        total += made * _FLIP if mirror else made
        if progress:
            progress(0.5 if not mirror else 1.0)
    return np.einsum("nij,enj->eni", features.canonical.to_face.astype(np.float32), total / 2, optimize=True)
