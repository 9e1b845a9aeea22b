"""Line wrapping for labels, in any language of the add-on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

# What stays together: Chinese and Japanese break after any letter, but not before what ends a word or a clause, nor
# after what opens one; the others, Korean too, at spaces.
_LETTER, _OPENS = r"\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff", "「『（【〈《“‘"
_CLOSES = "、。，．・：；？！」』）】〉》”’…ーぁぃぅぇぉっゃゅょァィゥェォッャュョ,.:;?!)"
_PIECE = re.compile(rf"\s+|[{_OPENS}]*(?:[{_LETTER}][{_CLOSES}]*|[^\s{_LETTER}{_OPENS}]+)|[{_OPENS}]+")


def wrap(words: str, width: float, measured: Callable[[str], float] | None = None) -> list[str]:
    """Wrap `words` to lines that are at most `width` wide, as `measured`; in Latin letters where it is None, of which a
    Chinese, Japanese or Korean letter takes two. A piece that is wider than a line stands alone on one."""
    lines, line = [], ""
    measured = measured or _letters
    for piece in _PIECE.findall(words):
        if line and measured(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line = (line + piece).lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def _letters(words: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)
