"""What an avatar says about its face beside its shape: bones, existing shape keys, names of objects.

All conventions that creators use are read: Unity, VRM and VRoid, VRChat, ARKit, MMD, Mixamo, Rigify, Character Creator,
in English and Japanese. What follows from the hints is in detection/hint_prior.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from .key_names import plain
from .parameters import HINTS


@dataclass(frozen=True)
class Hints:
    """Places in avatar space, None where nothing says.

    eyes: (2, 3), the avatar's left one first if `sided`. mouth, head (where it sits on the neck): (3,).
    left, up: (3,) unit directions of the skeleton, at right angles. shown: the creator's keys move each eye and the
    mouth, so there is a face whatever it looks like.
    """

    eyes: np.ndarray | None = None
    sided: bool = False
    mouth: np.ndarray | None = None
    head: np.ndarray | None = None
    left: np.ndarray | None = None
    up: np.ndarray | None = None
    shown: bool = False

    @property
    def forward(self) -> np.ndarray | None:
        """(3,) unit direction that the skeleton faces, None where it says nothing."""
        return None if self.left is None or self.up is None else np.cross(self.left, self.up)


def collect(
    bones: Mapping[str, np.ndarray],
    keys: Iterable[tuple[str, np.ndarray, np.ndarray]],
    parts: Iterable[tuple[str, np.ndarray]],
) -> Hints:
    """Hints from what an avatar has.

    bones: name to (3,) place of the joint at rest. keys: name, (n, 3) base positions and (n, 3) offsets of what each
    shape key moves. parts: name and (V, 3) positions of each object. All in avatar space.
    """
    head, left, up = _skeleton(bones)
    spots: dict[str, list[np.ndarray]] = {}
    for name, vertices, offsets in keys:
        moved = _moved(vertices, offsets)
        kind = feature_of(name)
        if moved and kind:
            spots.setdefault(kind, []).append(_halves(*moved) if kind == "eyes" else moved[1] @ moved[0])
    named = {side: at for name, at in bones.items() for side in [eye_side(name)] if side}
    named_parts = sorted(((name, vertices) for name, vertices in parts if len(vertices)), key=lambda part: part[0])
    for name, vertices in named_parts:  # whatever order objects come in, or were joined in
        kind = "mouth" if _INSIDE_MOUTH.search(name) else eye_side(name)
        if kind:
            named.setdefault(kind, (vertices.min(0) + vertices.max(0)) / 2)
    keyed = {kind: np.median(places, axis=0) for kind, places in spots.items() if kind != "eyes"}
    eyes, sided = None, True
    if {"l", "r"} <= keyed.keys():
        eyes = np.stack([keyed["l"], keyed["r"]])
    elif "eyes" in spots:
        eyes, sided = spots["eyes"][0], left is not None
        if sided and (eyes[0] - eyes[1]) @ left < 0:
            eyes = eyes[::-1]
    elif {"l", "r"} <= named.keys():
        eyes = np.stack([named["l"], named["r"]])
    shown = {"l", "r", "mouth"} <= keyed.keys()
    return Hints(eyes, sided and eyes is not None, keyed.get("mouth", named.get("mouth")), head, left, up, shown)


def feature_of(key: str) -> str | None:
    """What a shape key of this name moves: `mouth`, `l` or `r` for one eye's lids, `eyes` for both, or None."""
    name = unicodedata.normalize("NFKC", key)
    if _BLINK.search(name):
        return side_of(name) or ("l" if _WINK.fullmatch(name) else "eyes")
    return "mouth" if _MOUTH.search(name) or _VOWEL.fullmatch(name) else None


_BLINK = re.compile(
    r"blink|eyes?[\s_.\-]*(?:shut|clos)|clos\w*[\s_.\-]*eye|wink|まばたき|瞬き|ウ[ィイ]ンク|目[\s_]*閉|目とじ", re.I
)
_WINK = re.compile(r"ウ[ィイ]ンク2?|wink2?", re.I)  # MMD's are the left eye's unless they say otherwise
_MOUTH = re.compile(r"viseme|vrc\.v_|mth|mouth|mouse|jaw|(?<![cfls])lip|口|唇|舌", re.I)
_VOWEL = re.compile(r"(?:v|vowel)?[\s_.\-]*(?:[aiueo]|aa|ih|ou|oh|ee|uu|ah|eh|open|[あいうえおアイウエオ]2?)", re.I)
_SIDES = {
    "l": re.compile(r"(?i:left)|左|(?<=[a-z])L$|(?:^|[\s_.\-])(?:[lL](?=$|[\s_.\-\d])|L(?=[A-Z][a-z]))"),
    "r": re.compile(r"(?i:right)|右|(?<=[a-z])R$|(?:^|[\s_.\-])(?:[rR](?=$|[\s_.\-\d])|R(?=[A-Z][a-z]))"),
}
_RIG = re.compile(r"^(?:.*:|j_bip_[clr]_|(?:def|org|mch)-|cc_base_|bip\d*[\s_]|valvebiped\.bip01_)", re.I)
_HEAD = re.compile(r"head|頭|あたま|spine006")
_HIPS = re.compile(r"hips?|pelvis|センター|下半身|腰|spine|torso")
_EYE = re.compile(r"eye|目|瞳|眼", re.I)
_NOT_EYE = re.compile(r"lid|brow|lash|target|look|track|aim|end|line|glass|先|戻|両|光|睫|眉", re.I)
_INSIDE_MOUTH = re.compile(r"teeth|tooth|tongue|mouth|歯|舌|口", re.I)


def side_of(name: str) -> str | None:
    """`l` or `r` where a name says one of them."""
    sides = [side for side, pattern in _SIDES.items() if pattern.search(name)]
    return sides[0] if len(sides) == 1 else None


def plain_bone(name: str) -> str:
    """A bone's name without its rig's prefix, case and separators."""
    return plain(_RIG.sub("", name))


def is_head(bone: str) -> bool:
    """Whether a bone of this name is the head."""
    return _HEAD.fullmatch(plain_bone(bone)) is not None


def plain_limb(name: str) -> str:
    """A bone's name without its rig's prefix, its side, case and separators."""
    bare = _RIG.sub("", name)
    return plain(_SIDES["r"].sub(" ", _SIDES["l"].sub(" ", bare)))


def eye_side(name: str) -> str | None:
    """`l` or `r` for a bone or an object that is one eye."""
    name = unicodedata.normalize("NFKC", name)
    return side_of(name) if _EYE.search(name) and not _NOT_EYE.search(name) else None


def _skeleton(bones: Mapping[str, np.ndarray]) -> tuple[np.ndarray | None, ...]:
    """Joint of the head (3,), unit directions left (3,) and up (3,), by names of sides, head and hips."""
    head = next((at for name, at in bones.items() if is_head(name)), None)
    stems: dict[str, dict[str, np.ndarray]] = {}
    for name, at in bones.items():
        side = side_of(name)
        if side:
            stems.setdefault(_SIDES[side].sub("*", name), {})[side] = at
    across = np.sum([p["l"] - p["r"] for p in stems.values() if len(p) == 2] or [np.zeros(3)], axis=0)
    if head is None or not across.any():
        return head, None, None
    left = across / np.linalg.norm(across)
    hips = next((at for name, at in bones.items() if _HIPS.fullmatch(plain_bone(name))), None)
    rise = head - (np.mean(list(bones.values()), axis=0) if hips is None else hips)
    rise = rise - left * (left @ rise)
    return head, left, rise / np.linalg.norm(rise) if rise.any() else None


def _moved(vertices: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Positions (n, 3) and weights (n,) that sum to 1 of what a key moves most; None if it moves nothing."""
    weight = (offsets**2).sum(1)
    most = weight > HINTS.moved_most * weight.max(initial=0)
    return (vertices[most], weight[most] / weight[most].sum()) if most.any() else None


def _halves(vertices: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(2, 3) centres of the two sides of a cloud, cut across its longest axis."""
    off = vertices - weight @ vertices
    axis = np.linalg.svd((off * weight[:, None]).T @ off)[0][:, 0]
    sides = [weight * (off @ axis > 0), weight * (off @ axis <= 0)]
    return np.stack([(w @ vertices) / w.sum() if w.any() else weight @ vertices for w in sides])
