"""What the name of a mesh says of whether it carries a face."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_a-zA-Z]+")
_FACE = {"face", "head", "kao", "atama", "顔", "かお", "カオ", "フェイス", "フェース", "頭", "얼굴", "脸", "臉", "头"}
_BODY = {"body", "karada", "体", "身体", "からだ", "カラダ", "ボディ", "ボディー", "몸", "바디", "身", "全身"}
_BESIDE = {"hair", "hat", "mask", "band", "cap", "outline", "shadow", "accessory", "eye", "eyes", "teeth", "tongue",
           "brow", "brows", "lash", "lashes", "髪", "かみ", "帽子", "목걸이", "머리카락", "头发", "頭髪"}  # fmt: skip


def face_rank(name: str) -> int:
    """2 for a mesh that is called a face or a head, 1 for a body, which mostly has its head on, 0 for another."""
    words = {word.lower() for word in _WORD.findall(unicodedata.normalize("NFKC", name))}
    if words & _BESIDE:
        return 0
    return 2 if words & _FACE else int(bool(words & _BODY))
