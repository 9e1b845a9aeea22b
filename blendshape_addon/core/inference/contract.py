"""What the code feeds each kind of network, as a hash that the card of a model carries.

A network learned on inputs of one layout; fed another, it answers with garbage and raises no error. So whoever writes a
model writes the hash of the layout that it learned on beside it, and the registry refuses a model whose hash is not
that of the running code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..face import features
from ..vocabulary import CONDITIONS, LANDMARKS
from . import corrective_format, portrait_format
from .eye_format import EYE_POINTS, EYES
from .face_format import FACE, POINTS, SCORED, SCORES
from .mouth_format import MOUTH, MOUTH_POINTS, MOUTH_UNITS
from .picture import PICTURE

# Hashes of release 0.1.0, whose cards carry none: a card without one is of that release.
FIRST = {"deformer": "66ae53afdc2b7abd", "landmarks": "7304f5458fa09b5b"}


def _deformer() -> dict[str, Any]:
    return {
        "inputs": ["inputs", "expression", "style", "intensity", "landmarks"],
        "vertex features": features.layout(),
        "expressions": CONDITIONS,
        "offsets": "canonical space, eye distances",
    }


def _landmarks() -> dict[str, Any]:
    return {"inputs": ["image"], "picture": asdict(PICTURE), "landmarks": LANDMARKS}


def _face_detector() -> dict[str, Any]:
    return {"inputs": ["image"], "format": asdict(FACE), "outputs": ["boxes", "scores"]}


def _face_landmarks() -> dict[str, Any]:
    return {
        "inputs": ["image"],
        "format": asdict(FACE),
        "outputs": ["landmarks", "presence", "tongue"],
        "count": POINTS,
    }


def _face_scores() -> dict[str, Any]:
    return {"inputs": ["points"], "points": SCORED, "unit": "pixels", "outputs": ["scores"], "scores": SCORES}


def _gaze() -> dict[str, Any]:
    return {
        "inputs": ["eyes", "points", "codes", "still"],
        "format": asdict(EYES),
        "points": EYE_POINTS,
        "outputs": ["gaze", "blink", "code", "away"],
    }


def _mouth() -> dict[str, Any]:
    return {
        "inputs": ["crop", "points"],
        "format": asdict(MOUTH),
        "points": MOUTH_POINTS,
        "outputs": ["features"],
    }


def _mouth_units() -> dict[str, Any]:
    return {"inputs": ["away"], "count": MOUTH.features, "outputs": ["units"], "units": MOUTH_UNITS}


def _corrective() -> dict[str, Any]:
    return {"inputs": corrective_format.INPUTS, "constants": corrective_format.CONSTANTS}


def _portrait() -> dict[str, Any]:
    form = portrait_format
    return {"inputs": form.INPUTS, "outputs": form.OUTPUTS, "constants": form.CONSTANTS}


# Those that come with the add-on.
KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "deformer": _deformer,
    "landmarks": _landmarks,
    "face_detector": _face_detector,
    "face_landmarks": _face_landmarks,
    "face_scores": _face_scores,
    "gaze": _gaze,
    "mouth": _mouth,
    "mouth_units": _mouth_units,
}
# Those that only users make, of their own meshes and portraits.
OWN_KINDS: dict[str, Callable[[], dict[str, Any]]] = {"corrective": _corrective, portrait_format.KIND: _portrait}


def of(kind: str) -> str:
    """The hash, 16 hexadecimal digits, of what this version feeds networks of a kind of KINDS or OWN_KINDS.

    For the deformer these are the order of the expressions, the columns of the vertex features with their frequencies
    and clipping, the order of the parts and landmarks, and the canonical face. For the face finder (`landmarks`) these
    are the format of its pictures and the order of the landmarks. For the networks that read a person's face these are
    the format of their pictures, see `face_format`, `eye_format` and `mouth_format`, which landmarks are scored, and
    what the numbers mean. For corrective models and portraits these are the meaning of their inputs, see
    `corrective_format` and `portrait_format`.
    """
    return digest((KINDS | OWN_KINDS)[kind]())


def of_card(card: dict[str, Any]) -> str | None:
    """The hash that a model's card carries; that of release 0.1.0 where it carries none, None for an unknown kind."""
    kind = str(card.get("kind"))
    return card.get("contract", FIRST.get(kind)) if kind in KINDS | OWN_KINDS else None


def fits(card: dict[str, Any]) -> bool:
    """Whether the model of this card takes what this version would feed it."""
    return of_card(card) is not None and of_card(card) == of(str(card["kind"]))


def digest(layout: dict[str, Any]) -> str:
    """16 hexadecimal digits of a SHA-256 over `layout`, whose numbers JSON writes alike on every machine."""
    text = json.dumps(layout, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
