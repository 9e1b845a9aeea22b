"""The parts of an avatar, and what names of objects and materials (English and Japanese) say of them."""

from __future__ import annotations

import re
from enum import IntEnum


class Part(IntEnum):
    OTHER = 0  # hair, clothes, body that no expression moves
    SKIN = 1
    EYE = 2
    TEETH_UPPER = 3
    TEETH_LOWER = 4
    TONGUE = 5
    MOUTH = 6  # gums and interiors that hold several of these in one piece
    ATTACHED = 7  # lashes, brows, tear lines: they follow the skin under them


class PartOverride(IntEnum):
    """What a creator can say of vertices: one of Part, or these."""

    NOTHING = -1
    TEETH = -2  # of either row: geometry says which


# The first pattern that fits decides, so "eyeline" comes before "eye".
_NAMES = (
    (
        Part.ATTACHED,
        re.compile(r"lash|brow|eye[\s_-]*line|lacrimal|occlusion|tearline|まつげ|まつ毛|睫|眉|アイライン", re.I),
    ),
    (Part.EYE, re.compile(r"eye(?!_?lid)|iris|pupil|sclera|cornea|hilight|highlight|目|瞳|眼", re.I)),
    (Part.TONGUE, re.compile(r"^(?!.*(?:gum|teeth|tooth|歯)).*(?:tongue|舌)", re.I)),
    (Part.MOUTH, re.compile(r"teeth|tooth|gum|mouth|歯|口", re.I)),
    (Part.OTHER, re.compile(r"hair|(?<![a-z])hats?(?![a-z])|cloth|wear|glass|髪|服|帽|眼鏡", re.I)),
)
_TEETH = re.compile(r"teeth|tooth|gum|歯", re.I)
_ROWS = (
    (Part.TEETH_UPPER, re.compile(r"upper|up(?![a-z])|top(?![a-z])|上", re.I)),
    (Part.TEETH_LOWER, re.compile(r"lower|low(?![a-z])|down|bottom|下", re.I)),
)


def named(name: str) -> Part | None:
    """What a name says, None if nothing; MOUTH for anything inside the mouth but a tongue."""
    return next((part for part, pattern in _NAMES if pattern.search(name)), None)


def named_row(name: str) -> Part | None:
    """TEETH_UPPER or TEETH_LOWER where a name says teeth, or gums, of one of the rows."""
    rows = [part for part, pattern in _ROWS if pattern.search(name)]
    return rows[0] if len(rows) == 1 and _TEETH.search(name) else None
