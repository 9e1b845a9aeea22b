"""The neural deformer: offsets of every vertex for rows of expression weights, in one of the styles that it knows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import ModelError
from ..face.face_space import MIRROR_X
from ..face.features import Features
from ..vocabulary import CONDITION_MIRROR
from .registry import Model
from .session import Session

# The weights of the same expression on the other side.
MIRROR = np.array(CONDITION_MIRROR)
BLOCK = 8192  # vertices at a time: bounds the memory


def styles(model: Model) -> tuple[str, ...]:
    """Names of the styles that a deformer has, as its card lists them, in the order of its input `style`.

    Raises ModelError where the card lists none.
    """
    listed = model.card.get("styles")
    rows = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = [row["name"] for row in rows if isinstance(row.get("name"), str)]
    if not names or len(names) < len(rows):
        raise ModelError(
            "The card of the model {model} lists no styles: use the model that came with the add-on.", model=model.name
        )
    return tuple(names)


def style_weights(model: Model, name: str) -> np.ndarray:
    """(S,) float32 weights of a model's S styles that select the style `name` alone, the first if there is no such
    style. Raises ModelError as `styles` does."""
    names = styles(model)
    weights = np.zeros(len(names), np.float32)
    weights[names.index(name) if name in names else 0] = 1
    return weights


def offsets(
    session: Session,
    features: Features,
    expression: np.ndarray,
    style: np.ndarray,
    progress: Callable[[float], None] | None = None,
    chosen: np.ndarray | None = None,
) -> np.ndarray:
    """(E, N, 3) float32 face-space offsets of the feature vertices for (E, CONDITIONS) weights at full intensity.

    style: (S,) weights of the model's styles, the same for all, or (E, S); they add up to 1. E may be 0. chosen:
    numbers of the feature vertices that are asked for; None: all N.

    The network also sees the mirror image, and the mean of both is taken: a symmetric mesh gets symmetric shapes, and
    noise that has a side cancels. A network that learned from an avatar also takes the landmarks, by which it knows it.
    """
    known = {"landmarks": features.landmarks.astype(np.float32)} if "landmarks" in session.inputs else {}
    known["intensity"] = np.ones(len(expression), np.float32)
    known["style"] = np.broadcast_to(style.astype(np.float32), (len(expression), style.shape[-1]))
    chosen = np.arange(len(features.index)) if chosen is None else chosen
    count = len(chosen)
    out = np.empty((len(expression), count, 3), np.float32)
    for start in range(0, count if len(expression) else 0, BLOCK):
        block = slice(start, start + BLOCK)
        some = chosen[block]
        straight, flipped = (
            session.run(None, {"inputs": features.inputs(mirror, some), "expression": weights, **known})[0]
            for mirror, weights in ((False, expression), (True, expression[:, MIRROR]))
        )
        # Half of their sum, turned from canonical to face space: a loop over shapes keeps to the processor's cache.
        turn = np.ascontiguousarray(features.canonical.to_face[some].astype(np.float32).transpose(1, 2, 0)) / 2
        for made, own, other in zip(out[:, block], straight, flipped, strict=True):
            x, y, z = (own + other * MIRROR_X).T
            for axis, (a, b, c) in enumerate(turn):
                made[:, axis] = x * a + y * b + z * c
        if progress:
            progress(min(1.0, (start + BLOCK) / count))
    return out
