"""From what the network proposes to what may be written: rigid teeth and eyes, riders on skin, seams, no haze."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..expressions import TABLE
from ..face.anatomy import FaceAnatomy
from ..face.features import Features
from ..face.parts import Part
from ..geometry import rigid
from ..geometry.mesh import Facing, any3, edges_of
from ..geometry.nearest import nearest
from ..geometry.smoothing import FlipDetector, relax_flips
from . import barriers, contacts, tongue
from .cleanup import DEADZONE, apply_deadzone, join_seams
from .gaze import turn_eyes

MIDDLE = 0.2  # eye distances over which what one eye does fades beside the nose
ROOT = 0.03  # eye distances: a lash or brow vertex nearer than this to the skin is rooted in it


def refine(
    anatomy: FaceAnatomy,
    offsets: np.ndarray,
    names: Sequence[str],
    progress: Callable[[float], None] = lambda fraction: None,
) -> np.ndarray:
    """(E, N, 3) face-space offsets at full intensity, fit to be shape keys; changed in place and returned."""
    features, part = anatomy.features, anatomy.features.part
    offsets[:, part == Part.TEETH_UPPER] = 0
    lower = part == Part.TEETH_LOWER
    if lower.sum() >= 4:
        rest = features.positions[lower]
        for offset in offsets:
            turned, place = rigid.rigid(rest, offset[lower])
            offset[lower] = (rest - rest.mean(0)) @ turned + place - rest
    tongue.move(features, offsets, names)
    turn_eyes(features, offsets, names)
    _keep_to_its_side(features, offsets, names)
    mouth = anatomy.mouth
    rims = np.concatenate([mouth.upper, mouth.lower]) if mouth else np.empty(0, np.int64)
    open_skin = anatomy.skin[~anatomy.skin_on_lids]
    _untangle(open_skin, features.positions, offsets, rims, lambda fraction: progress(fraction / 2))
    contacts.resolve_contacts(anatomy, offsets, names)
    progress(0.6)
    barriers.push_out(anatomy, offsets, names)
    progress(0.95)
    _follow_skin(anatomy, offsets)
    join_seams(anatomy, offsets)
    return apply_deadzone(offsets)


def _keep_to_its_side(features: Features, offsets: np.ndarray, names: Sequence[str]) -> None:
    """What one eye does stops at the nose: some artists' rigs let the other eye twitch."""
    share = np.clip(0.5 + features.positions[:, 0] / MIDDLE, 0, 1)[:, None].astype(np.float32)
    for offset, name in zip(offsets, names, strict=True):
        if TABLE[name].one_eye:
            offset *= share if TABLE[name].side == "l" else 1 - share


def _untangle(
    triangles: np.ndarray,
    rest: np.ndarray,
    offsets: np.ndarray,
    rims: np.ndarray,
    progress: Callable[[float], None],
) -> None:
    """Calm the motion around triangles that turn over, by the mean of their neighbours, while that helps.

    rims: vertices of the lips' rims, which stay: folds of the coarse skin inside a mouth must not pull it shut.
    """
    facing, every_edge = Facing.of(rest, triangles), edges_of(triangles)
    for done, offset in enumerate(offsets):
        progress(done / len(offsets))
        moving = any3(np.abs(offset) > DEADZONE)
        own, edges = (
            facing.only(any3(moving[triangles])),
            every_edge[moving[every_edge[:, 0]] | moving[every_edge[:, 1]]],
        )
        offset[:] = relax_flips(offset, edges, FlipDetector(own, rest), rims)


def _follow_skin(anatomy: FaceAnatomy, offsets: np.ndarray) -> None:
    """Lashes, brows and tear lines take the motion of the skin at their roots, so that they never leave it."""
    features = anatomy.features
    riders, skin = np.flatnonzero(features.part == Part.ATTACHED), np.flatnonzero(features.part == Part.SKIN)
    if len(riders) == 0 or len(skin) == 0:
        return
    index, distance = nearest(features.positions[skin], features.positions[riders], count=4)
    weight = 1 / (distance + 1e-3) ** 2
    weight /= weight.sum(1, keepdims=True)
    carried = np.einsum("rk,erkc->erc", weight, offsets[:, skin[index]])
    pieces = anatomy.avatar.components[features.index[riders]]
    for piece in np.unique(pieces):
        here = np.flatnonzero(pieces == piece)
        rooted = distance[here, 0] <= max(ROOT, np.quantile(distance[here, 0], 0.3))
        roots, loose = here[rooted], here[~rooted]
        if len(loose):
            rest = features.positions[riders]
            carried[:, loose] = carried[:, roots[nearest(rest[roots], rest[loose], count=1)[0][:, 0]]]
    offsets[:, riders] = carried
