"""How much of an eye a blink leaves open, as seen from the front.

Which surface is the eye is told by the artist's own blink: the loose pieces that are seen between the lids at rest and
stay where they are. So the figure does not rest on what the product takes for an eye.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.geometry.mesh import connected_components, weld_points
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.options import GenerateOptions

from ..data import augment, toon
from ..data.identities import random_warp
from ..data.labelled_face import LabelledFace

RING = ("eye_outer", "lid_upper_out", "lid_upper_mid", "lid_upper_in", "eye_inner", "lid_lower_in", "lid_lower_mid",
        "lid_lower_out")  # fmt: skip
PIXELS = 96  # across the picture of an eye, which is half as wide again as the eye
MARGIN = 1.5
NEAR = 2.5  # halves of that picture that a piece of an eye may reach, of its middle
STILL = 0.05  # of the blink's largest motion: what moves less is no lid
BETWEEN = 0.3  # share of what is seen of an eye that is seen between the lids, at least
LEAST = 60  # pixels of an eye; of fewer nothing is said
SHUT = 0.05  # share of an eye that an artist's blink may leave
SEED = 30  # of the random faces


def left_open(head: LabelledFace, made: dict[str, np.ndarray]) -> float | None:
    """The share of the eye that is still seen in both blinks of {name: (V, 3)} face-space offsets, of two eyes the
    greater; None where the artist drew no blink that shuts an eye which is modelled."""
    truth = dict(zip(head.names, head.offsets, strict=True))
    shares = [
        share
        for side, name in (("l", "vrc.blink_left"), ("r", "vrc.blink_right"))
        if name in truth and (share := _share(head, side, truth[name], made.get(name))) is not None
    ]
    return max(shares) if shares else None


def _share(head: LabelledFace, side: str, truth: np.ndarray, made: np.ndarray | None) -> float | None:
    ring = np.stack([point(head.marks, f"{name}_{side}")[:2] for name in RING])
    centre, half = (ring.min(0) + ring.max(0)) / 2, MARGIN / 2 * float(np.ptp(ring, axis=0).max())
    near = (np.abs(head.vertices[:, :2] - centre) < 2 * half).all(1) & ~head.hidden
    triangles = head.triangles[near[head.triangles].all(1)]

    def seen(offset: np.ndarray) -> np.ndarray:
        view = head.vertices + offset
        view[:, :2] = (view[:, :2] - centre) / half
        return rasterise(view, triangles, PIXELS).triangle

    still = _still_pieces(head, truth, centre, half)[triangles[:, 0]]
    before = seen(np.zeros_like(truth))
    steps = (np.arange(PIXELS) + 0.5) / PIXELS * 2 - 1
    inside = _inside(ring, centre[0] + half * steps[None, :], centre[1] - half * steps[:, None])
    between = np.bincount(still[before[inside & (before >= 0)]] + 1, minlength=still.max() + 2)
    # An eye is seen between the lids; a brow that hangs into a face of other proportions is seen beside them as well.
    is_eye = between > BETWEEN * np.bincount(still[before[before >= 0]] + 1, minlength=still.max() + 2)
    is_eye[0] = False
    of_eye = np.zeros(len(triangles) + 1, bool)  # the last for pixels that show nothing
    seen_between = np.unique(before[inside & (before >= 0)])
    of_eye[seen_between] = is_eye[still[seen_between] + 1]
    shown = int(of_eye[before].sum())
    if shown < LEAST or made is None:
        return None if shown < LEAST else 1.0
    return float(of_eye[seen(made)].sum() / shown)


def _still_pieces(head: LabelledFace, blink: np.ndarray, centre: np.ndarray, half: float) -> np.ndarray:
    """(V,) the number of each vertex's piece where it lies about the eye and the artist's blink does not move it, else
    -1."""
    weld = weld_points(head.vertices)
    piece = connected_components(int(weld.max()) + 1, weld[head.triangles])[weld]
    moves = np.linalg.norm(blink, axis=1)
    far = (np.abs(head.vertices[:, :2] - centre) > NEAR * half).any(1)
    out = np.arange(int(piece.max()) + 1)
    out[piece[far | (moves > STILL * moves.max())]] = -1
    return out[piece]


def _inside(ring: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bool: the places (x, y) inside a polygon (K, 2), by the number of its edges on their right."""
    out = np.zeros(np.broadcast_shapes(x.shape, y.shape), bool)
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        out ^= crosses & (x < ax + (y - ay) / (by - ay if by != ay else 1.0) * (bx - ax))
    return out


def random_faces(heads: Sequence[LabelledFace], count: int) -> Iterator[LabelledFace]:
    """`count` faces that nobody drew: `heads` in turn with other proportions, a toon's and those of a smooth warp.

    Those whose eyes come through their lids by that, so that the artist's own blink leaves them open, are passed over.
    """
    eyes = [augment.alone(_only(head, ("vrc.blink_left", "vrc.blink_right"))) for head in heads]
    made = number = 0
    while made < count:
        rng = np.random.default_rng([SEED, number])
        head = eyes[number % len(eyes)]
        if number // len(eyes) % 2:
            face = head.mapped(random_warp(rng, 1.0, lopsided=False))
        else:
            face = toon.toonish(head, rng)
        number += 1
        left = left_open(face, dict(zip(face.names, face.offsets, strict=True)))
        if left is not None and left < SHUT:
            made += 1
            yield face


def _only(head: LabelledFace, names: Sequence[str]) -> LabelledFace:
    rows = [row for row, name in enumerate(head.names) if name in names]
    return replace(
        head, names=tuple(head.names[row] for row in rows), offsets=head.offsets[rows],
        mark_offsets=head.mark_offsets[rows],
    )  # fmt: skip


def measure(heads: Sequence[LabelledFace], count: int, models: Path | None) -> dict[str, list[float] | int]:
    """Of `count` random faces: open, the share of the eye that the product's blink leaves on each; lost, on how many no
    face was found."""
    shares: list[float] = []
    lost = 0
    for face in random_faces(heads, count):
        names = ("vrc.blink_left", "vrc.blink_right")
        try:
            made = pipeline.generate(face.avatar, GenerateOptions(names, models=models, provider="cpu"))
        except FaceNotFound:
            lost += 1
            continue
        shapes = {name: np.zeros(face.vertices.shape) for name in names}
        for shape in made.shapes:
            shapes[shape.name][shape.indices] = shape.deltas
        share = left_open(face, shapes)
        if share is not None:
            shares.append(share)
    return {"open": shares, "lost": lost}
