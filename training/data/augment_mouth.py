"""The same face with another mouth, as augmentations like those of `augment`: open, sealed, empty, grown together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.face.parts import Part, classify
from blendshape_addon.core.face.slits import find_slit
from blendshape_addon.core.geometry.nearest import nearest
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.vocabulary import VISEMES

from .augment import merged
from .labelled_face import LabelledFace

INNER = (Part.TEETH_UPPER, Part.TEETH_LOWER, Part.TONGUE, Part.MOUTH)
BEHIND = 0.05  # eye distances behind the visible skin that is inside the mouth
PIXELS = 160  # of the picture that tells what lies behind the lips
SEAL_REACH = 0.25  # eye distances from sealed lips over which they pull at each other


def without_mouth(face: LabelledFace) -> LabelledFace:
    """No teeth, tongue and gums, and no skin behind the lips."""
    return face.kept(face.triangles[~in_mouth(face)[face.triangles].any(1)])


def in_mouth(face: LabelledFace) -> np.ndarray:
    """(V,) bool: teeth, tongue, gums, and skin that lies behind other skin at the mouth."""
    part = classify(face.avatar, face.vertices, face.marks)
    seam = point(face.marks, "lip_upper_inner_mid", "lip_lower_inner_mid")
    half = 1.2 * abs(point(face.marks, "mouth_corner_l")[0] - seam[0])
    view = (face.vertices - seam) / half
    front = rasterise(view, face.triangles[(part[face.triangles] == Part.SKIN).all(1)], PIXELS).depth
    # The farthest of the neighbouring pixels, so that skin just below a lip's edge is not taken for hidden.
    front = np.min([np.roll(front, (i, j), (0, 1)) for i in range(-2, 3) for j in range(-2, 3)], axis=0)
    column, row = (
        np.clip(((1 + s * view[:, k]) * PIXELS / 2).astype(int), 0, PIXELS - 1) for k, s in ((0, 1), (1, -1))
    )
    top, bottom = (point(face.marks, name)[1] for name in ("nose_base", "chin_tip"))
    inside = (face.vertices[:, 1] < top - 0.03) & (face.vertices[:, 1] > bottom) & (np.abs(view[:, 0]) < 0.95)
    behind = (front[row, column] - view[:, 2]) * half > BEHIND
    return np.isin(part, INNER) | ((part == Part.SKIN) & inside & behind & (face.vertices[:, 2] > seam[2] - 1.3))


def opened(face: LabelledFace, amount: float) -> LabelledFace:
    """A neutral whose jaw hangs open by `amount` of the rig's own jawOpen (or aa).

    Visemes and jawOpen end where they ended before; other units add to the open mouth as they add to the closed one.
    """
    name = next((n for n in ("jawOpen", "vrc.v_aa") if n in face.names), None)
    if name is None:
        return face
    jaw = face.names.index(name)
    share = np.array([n == name or (n in VISEMES and n != "vrc.v_sil") for n in face.names]) * amount
    share = share.astype(np.float32)[:, None, None]
    return replace(
        face,
        vertices=face.vertices + amount * face.offsets[jaw],
        marks=face.marks + amount * face.mark_offsets[jaw],
        offsets=face.offsets - share * face.offsets[jaw],
        mark_offsets=face.mark_offsets - share * face.mark_offsets[jaw],
    ).in_face_space()


def sealed(face: LabelledFace) -> LabelledFace:
    """Lips grown into one surface with nothing behind; a face whose mouth has no slit is given back as it is.

    The truth becomes what one surface can do: where the lips meet both move by the mean of what they did, and each lets
    go of the other over SEAL_REACH.
    """
    features = face.features
    slit = find_slit(features, 0)
    if slit is None:
        return face
    offsets = face.offsets.copy()
    skin = np.flatnonzero((features.part == Part.SKIN) & (features.side[:, 0] != 0))
    x = features.positions[:, 0]
    rims = [side[np.argsort(x[side])] for side in (slit.upper, slit.lower)]
    upper, lower = (_along(x[rim], x[skin], face.offsets[:, features.index[rim]]) for rim in rims)
    above = features.side[skin, 0] > 0
    far = np.where(above, *(nearest(features.positions[r], features.positions[skin], 1)[1][:, 0] for r in rims))
    pull = (np.where(above, 0.5, -0.5) * np.exp(-((far / SEAL_REACH) ** 2))).astype(np.float32)
    offsets[:, features.index[skin]] += pull[:, None] * (lower - upper)
    side = np.zeros(len(face.vertices))
    side[features.index] = features.side[:, 0]
    kept = face.triangles[~in_mouth(face)[face.triangles].any(1)]
    return replace(face, offsets=offsets).kept(np.concatenate([kept, _bridge(face, kept, side, slit.corners)]))


def _along(at: np.ndarray, x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(S, n, 3) values (S, m, 3), known at ascending `at` (m,), between them at x (n,)."""
    right = np.clip(np.searchsorted(at, x), 1, len(at) - 1)
    t = np.clip((x - at[right - 1]) / np.maximum(at[right] - at[right - 1], 1e-9), 0, 1)[:, None].astype(np.float32)
    return values[:, right - 1] * (1 - t) + values[:, right] * t


def _bridge(face: LabelledFace, triangles: np.ndarray, side: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(n, 3) triangles across the open edge of (T, 3) `triangles` between the mouth's corners, from lip to lip."""
    weld = face.avatar.weld
    pairs = np.sort(weld[triangles[:, [0, 1, 1, 2, 2, 0]]].reshape(-1, 2), axis=1)
    edges, count = np.unique(pairs, axis=0, return_counts=True)
    rim = np.isin(weld, edges[count == 1]) & (side != 0)
    low, high = corners.min(0) - [0.02, 0.2, 0.25], corners.max(0) + [0.02, 0.2, 0.35]
    rim &= ((face.vertices > low) & (face.vertices < high)).all(1)
    members = np.flatnonzero(rim)[np.unique(weld[rim], return_index=True)[1]]
    members = members[np.argsort(face.vertices[members, 0])]
    last: dict[bool, int] = {}
    strip = []
    for v in members:
        above = bool(side[v] > 0)
        if len(last) == 2:
            strip.append((last[True], last[False], v))  # seen from the front, the same way round
        last[above] = v
    return np.array(strip, int).reshape(-1, 3)


def fused(face: LabelledFace) -> LabelledFace:
    """Teeth, gums and tongue grown onto the skin behind the lips, so that they are one connected piece with it."""
    part = classify(face.avatar, face.vertices, face.marks)
    piece = face.avatar.components
    skin = np.flatnonzero(part == Part.SKIN)
    bridges = []
    for number in np.unique(piece[np.isin(part, INNER)]):
        members = np.flatnonzero(piece == number)
        near, far = nearest(face.vertices[skin], face.vertices[members], 1)
        root = members[far[:, 0].argmin()]
        triangle = next((t for t in face.triangles[(face.triangles == root).any(1)] if len(set(t)) == 3), None)
        if triangle is None:
            continue
        bridges.append([root, triangle[triangle != root][0], skin[near[far[:, 0].argmin(), 0]]])
    return merged(replace(face, triangles=np.concatenate([face.triangles, np.array(bridges, int).reshape(-1, 3)])))
