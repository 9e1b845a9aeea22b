"""From what the network proposes to what may be written: rigid teeth and eyes, attached lashes, closed seams, and
nothing that nobody can see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.features import Features
from ..face.parts import Part
from ..geometry.mesh import Facing, any3, edges_of
from ..geometry.nearest import nearest
from ..geometry.smoothing import FlipDetector, relax_flips
from . import barriers, contacts, lashes, mouth_interior, pupils
from .cleanup import apply_deadzone, join_seams
from .gaze import turn_eyes
from .lip_smoothing import lip_edges
from .parameters import CLEANUP, SKIN


def refine(
    anatomy: FaceAnatomy,
    offsets: np.ndarray,
    names: Sequence[str],
    progress: Callable[[float], None] = lambda fraction: None,
    soft_mouth: float = 0.0,
    lids_meet: float | None = None,
) -> np.ndarray:
    """(E, N, 3) face-space offsets of `names` at full intensity, fit to be shape keys; changed in place and returned.

    progress(fraction) is called often, and what it raises ends the work. soft_mouth: 0 to 1, how far teeth and tongue
    follow the lips, see `mouth_interior`. lids_meet: see lid_contact.close_lids.
    """
    features = anatomy.features
    mouth_interior.move(anatomy, offsets, names, soft_mouth)
    turn_eyes(features, offsets, names)
    pupils.move(anatomy, offsets, names)
    _end_at_nose(features, offsets, names)
    open_skin, lips = anatomy.skin[~anatomy.skin_on_lids], lip_edges(anatomy)
    _relax_flips(open_skin, features.positions, offsets, lips, lambda fraction: progress(fraction / 2))
    contacts.resolve_contacts(anatomy, offsets, names, lids_meet)
    progress(0.6)
    barriers.push_out(anatomy, offsets, names)
    progress(0.95)
    _follow_skin(anatomy, offsets)
    lashes.follow_lids(anatomy, offsets)
    join_seams(anatomy, offsets)
    return apply_deadzone(offsets)


def _end_at_nose(features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """What one eye does ends at the nose: some artists' rigs let the other eye twitch."""
    left = np.clip(0.5 + features.positions[:, 0] / SKIN.nose, 0, 1)[:, None].astype(np.float32)
    for offset, expression in zip(offsets, (TABLE[name] for name in names), strict=True):
        if expression.one_eye:
            offset *= left if expression.side == "l" else 1 - left


def _relax_flips(
    triangles: np.ndarray,
    rest: np.ndarray,
    offsets: np.ndarray,
    lips: np.ndarray,
    progress: Callable[[float], None],
) -> None:
    """Smooth the motion around triangles that turn over, by the mean of their neighbours, while that helps; in place.

    lips: vertices of their edges, which stay: folds of the coarse skin inside a mouth must not pull it shut.
    """
    facing, every_edge = Facing.of(rest, triangles), edges_of(triangles)
    for done, offset in enumerate(offsets):
        progress(done / len(offsets))
        moving = any3(np.abs(offset) > CLEANUP.deadzone)
        own = facing.only(any3(moving[triangles]))
        if own.flipped(rest + offset).any():
            edges = every_edge[moving[every_edge[:, 0]] | moving[every_edge[:, 1]]]
            offset[:] = relax_flips(offset, edges, FlipDetector(own, rest), lips)


def _follow_skin(anatomy: FaceAnatomy, offsets: np.ndarray) -> None:
    """Lashes, brows and tear lines take the motion of the skin at their roots, so that they never leave it."""
    features = anatomy.features
    attached, skin = np.flatnonzero(features.part == Part.ATTACHED), np.flatnonzero(features.part == Part.SKIN)
    if len(attached) == 0 or len(skin) == 0:
        return
    # Every vertex is carried by the nearest ones of the skin …
    index, distance = nearest(features.positions[skin], features.positions[attached], count=SKIN.carriers)
    weight = 1 / (distance + SKIN.carrier_softening) ** 2
    weight /= weight.sum(1, keepdims=True)
    carried = np.einsum("rk,erkc->erc", weight, offsets[:, skin[index]])
    # … but those of a piece that stand off the skin move as the root of the piece next to them does.
    rest = features.positions[attached]
    pieces = anatomy.avatar.components[features.index[attached]]
    for piece in np.unique(pieces):
        here = np.flatnonzero(pieces == piece)
        near = max(SKIN.rooted, np.quantile(distance[here, 0], SKIN.rooted_share))
        rooted = distance[here, 0] <= near
        roots, loose = here[rooted], here[~rooted]
        if len(loose):
            carried[:, loose] = carried[:, roots[nearest(rest[roots], rest[loose], count=1)[0][:, 0]]]
        carried[:, here] = lashes.without_waves(rest[here], carried[:, here])
    offsets[:, attached] = carried
