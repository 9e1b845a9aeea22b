"""Finding the face with no click: which way it looks, how large it is, and 48 landmarks on its skin.

Where bones, shape keys or names tell of a face, that place is looked at first. A coarse search looks at the avatar
along its skeleton's forward, then along the axes, through head-sized windows; the best windows are looked at again,
centred on and aligned with the face that was seen in them, until landmarks are known to a fraction of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import openings, providers, registry
from .errors import FaceNotFound
from .face_space import FaceSpace, point
from .face_view import Crop, View, crop, look, pieces
from .hints import Hints
from .mesh import Avatar, vertex_normals
from .surface import lift
from .vocabulary import LANDMARK_MIRROR, LANDMARKS

CENTRE_Y = -0.4  # the middle of a face's window, in eye distances above the eyes
FACE_HALF = 1.75  # half width of that window, in eye distances
ACCEPT = 0.6  # score below which there is no face
HINTED = 0.25  # the same where bones, keys or names tell of eyes and mouth just there
SURE = 0.8  # score above which no other orientation is tried
SEARCH_PIXELS = 640
FACE_PIXELS = 192
PASSES = 3
GLIMPSE = -3.0  # logit from which a window of the search is worth another look
TRIED = 4  # of them, best first
# Half widths of windows in heights of what is looked at: from a tall body's head to a head alone.
SCALES = 0.07 * 1.5 ** np.arange(6)
BELOW_TOP = (1.1, 1.75)  # window centres below the top, in half widths: hair and hats take up room
# Looks of a pass: from so far beside the face (radians), through a window so much wider, leaning by so much (radians).
LOOKS = ((0.0, 1.0, 0.0),)
LAST_LOOKS = ((0.0, 1.0, 0.0), (0.3, 0.92, 0.06), (-0.3, 1.1, -0.06))
DEPTH_SHARE = 0.3  # what depth counts of what the picture plane counts
BELOW_HEAD = 0.5  # heights above the head's joint that a chin may lie below it
AGREEMENT = 0.12  # eye distances between looks from several sides
TOLERANCE = 0.08  # eye distances within which a landmark counts as right, for its confidence


@dataclass(frozen=True)
class Face:
    """points: (L, 3) on the skin and eye_distance, in avatar space. confidence: (L,) 0 to 1, score: 0 to 1.

    frame: (3, 3) rotation whose rows are the avatar's left, up and forward in avatar space.
    """

    points: np.ndarray
    confidence: np.ndarray
    score: float
    frame: np.ndarray
    eye_distance: float


@dataclass(frozen=True)
class Sight:
    """What the network says of one crop. points: (L, 3) avatar space, width: (L,) of their error there."""

    points: np.ndarray
    width: np.ndarray
    logit: float


def find(
    avatar: Avatar,
    models: Path | None = None,
    provider: str = "cpu",
    progress: Callable[[float, str], None] | None = None,
) -> Face:
    """The face of `avatar`, whatever its axes, unit and place.

    models: folder with the landmarks model, the bundled one if None. progress(fraction, stage) may raise Cancelled.
    Raises FaceNotFound when there is none or none certain enough, ModelError, InputError.
    """
    session = providers.open_session(registry.load("landmarks", models), provider)
    normals = vertex_normals(avatar.vertices, avatar.triangles, avatar.weld)
    mesh = (avatar.vertices, avatar.triangles, normals, pieces(avatar))
    hints = avatar.hints
    best = _best(mesh, session, [Sight(p, np.ones(len(p)), 0.0) for p in hints.guesses()], None)
    stages = [(mesh, orientations) for orientations in _orientations()]
    if hints.forward is not None:
        stages.insert(0, (_above_neck(mesh, hints), [(hints.forward, [hints.up])]))
    looks, total = 0, sum(len(orientations) for _, orientations in stages)
    for searched, orientations in stages:
        if best and best.score >= (ACCEPT if hints.agree(best.points) else SURE):
            break
        seen: list[Sight] = []
        for forward, ups in orientations:
            if progress:
                progress(looks / total, "finding the face")
            seen += _search(searched, session, forward, ups)
            looks += 1
        best = _best(mesh, session, seen, best)
    needed = HINTED if best and hints.agree(best.points) else ACCEPT
    if best is None or best.score < needed:
        if not (hints.shown and hints.guesses()):
            raise FaceNotFound(_refusal(best, hints))
        best = _shown(hints)
    space = FaceSpace.of(best.points)
    points = openings.fit(avatar, lift(avatar, space, best.points))
    return Face(points, best.confidence, best.score, space.rotation, space.scale)


def _shown(hints: Hints) -> Face:
    """The face by its proportions alone, where the creator's keys show eyes and mouth."""
    points = hints.guesses()[0]
    space = FaceSpace.of(points)
    return Face(points, np.full(len(points), HINTED), HINTED, space.rotation, space.scale)


def _best(
    mesh: tuple[np.ndarray, ...], session: providers.Session, sights: list[Sight], best: Face | None
) -> Face | None:
    """The best face behind the likeliest `sights`, or `best` if none is better."""
    for sight in sorted(sights, key=lambda s: -s.logit)[:TRIED]:
        face = _refine(mesh, session, sight)
        if face and (best is None or face.score > best.score):
            best = face
        if best and best.score >= SURE:
            break
    return best


def _above_neck(mesh: tuple[np.ndarray, ...], hints: Hints) -> tuple[np.ndarray, ...]:
    """What lies above the joint of the head and, as chins do, a little below it."""
    vertices, triangles, normals, piece = mesh
    height = (vertices - hints.head) @ hints.up
    kept = (height > -BELOW_HEAD * height[triangles].max())[triangles].all(1)
    return vertices, triangles[kept], normals, piece[kept]


def _orientations() -> list[list[tuple[np.ndarray, list[np.ndarray]]]]:
    """Directions a face may look to, each with the ups to try: Blender's habit, glTF's, then every other axis."""
    x, y, z = np.eye(3)
    usual = [[(-y, [z])], [(z, [y])]]
    axes = [sign * axis for axis in (x, y, z) for sign in (1, -1)]
    others = []
    for forward in axes:
        known = [up for [(f, [up])] in usual if np.array_equal(f, forward)]
        others.append((forward, [u for u in axes if u @ forward == 0 and not any(np.array_equal(u, k) for k in known)]))
    return [*usual, others]


def _run(session: providers.Session, crops: list[Crop], mirrored: list[bool]) -> list[Sight]:
    sights = []
    for start in range(0, len(crops), 32):
        block = crops[start : start + 32]
        outputs = session.run(None, {"image": np.stack([c.image for c in block])})
        for window, flip, points, width, logit in zip(block, mirrored[start:], *outputs, strict=False):
            order = list(LANDMARK_MIRROR) if flip else list(range(len(LANDMARKS)))
            sights.append(
                Sight(window.to_avatar(points[order].astype(float)), np.exp(width[order]) * window.half, float(logit))
            )
    return sights


def _search(
    mesh: tuple[np.ndarray, ...], session: providers.Session, forward: np.ndarray, ups: list[np.ndarray]
) -> list[Sight]:
    """Sights that may be a face that looks to `forward` with one of `ups`."""
    vertices = mesh[0][np.unique(mesh[1])]
    if len(vertices) == 0:
        return []
    up = ups[0]
    rotation = np.stack([np.cross(up, forward), up, forward])
    seen = vertices @ rotation.T
    low, high = seen.min(0), seen.max(0)
    centre = (low + high) / 2 @ rotation
    view = look(*mesh, rotation, centre, 0.51 * float((high - low)[:2].max()), SEARCH_PIXELS)
    crops = [
        crop(view, x, y, half, roll)
        for other in ups
        for roll in [float(np.arctan2(-(other @ rotation[0]), other @ rotation[1]))]
        for x, y, half in _windows(view, roll)
    ]
    sights = _run(session, crops, [False] * len(crops))
    return [s for s in sights if s.logit > GLIMPSE]


def _windows(view: View, roll: float) -> Iterator[tuple[float, float, float]]:
    """Head-sized windows (x, y, half) at the top of what `view` shows, where up leans by `roll`."""
    mask = np.rot90(view.channels[3] > 0, -round(roll / (np.pi / 2)))
    size = len(mask)
    rows = np.flatnonzero(mask.any(1))
    if len(rows) == 0:
        return
    height = (rows[-1] - rows[0] + 1) / size * 2
    cosine, sine = np.cos(roll), np.sin(roll)
    for half in SCALES * height:
        band = np.nonzero(mask[rows[0] : rows[0] + max(2, int(half * size))])[1]
        middles = [(np.median(band) + 0.5) / size * 2 - 1]
        if abs(middles[0]) > 0.3 * half:
            middles.append(0.0)
        for below in BELOW_TOP:
            y = 1 - rows[0] / size * 2 - below * half
            for x in middles:
                yield x * cosine - y * sine, x * sine + y * cosine, half


def _refine(mesh: tuple[np.ndarray, ...], session: providers.Session, sight: Sight) -> Face | None:
    """Look again, closer and straighter; None when what is seen falls apart."""
    for number in range(PASSES):
        space = FaceSpace.of(sight.points)
        size = float(np.ptp(mesh[0], axis=0).max())
        if not np.isfinite(space.rotation).all() or not 1e-3 * size < space.scale < size:
            return None
        centre = space.origin + CENTRE_Y * space.scale * space.rotation[1]
        last = number == PASSES - 1
        crops = []
        for yaw, half, roll in LAST_LOOKS if last else LOOKS:
            turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
            view = look(*mesh, turn @ space.rotation, centre, FACE_HALF * space.scale, FACE_PIXELS)
            crops += [crop(view, 0, 0, half, roll, mirror) for mirror in (False, True)]
        sights = _run(session, crops, [False, True] * (len(crops) // 2))
        points = _fused(crops, sights)
        share = np.array([1 / s.width**2 for s in sights])
        share /= share.sum(0)
        width = np.einsum("sl,sl->l", share, [s.width for s in sights])
        sight = Sight(points, width, float(np.mean([s.logit for s in sights])))
    space = FaceSpace.of(sight.points)
    spread = np.sqrt(np.mean([((s.points - points) ** 2).sum(1) for s in sights], axis=0)) / space.scale
    width = sight.width / space.scale
    confidence = 1 - np.exp(-TOLERANCE / np.maximum(width, spread))
    score = float(1 / (1 + np.exp(-sight.logit)) * plausibility(space.to_face(points), spread))
    return Face(points, confidence, score, space.rotation, space.scale)


def _fused(crops: list[Crop], sights: list[Sight]) -> np.ndarray:
    """(L, 3) what several looks from different sides say together: each knows depth less well than the rest."""
    matrix, right = np.zeros((len(LANDMARKS), 3, 3)), np.zeros((len(LANDMARKS), 3))
    for window, sight in zip(crops, sights, strict=True):
        trust = (window.rotation.T * [1, 1, DEPTH_SHARE]) @ window.rotation / sight.width[:, None, None] ** 2
        matrix += trust
        right += np.einsum("lij,lj->li", trust, sight.points)
    return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]


def plausibility(points: np.ndarray, spread: np.ndarray) -> float:
    """0 to 1: do (L, 3) face-space `points` make a face, and do several looks agree on them (`spread`, (L,))?"""
    eyes = (point(points, "eye_inner_l", "eye_outer_l") + point(points, "eye_inner_r", "eye_outer_r")) / 2
    mouth = point(points, "mouth_corner_l", "mouth_corner_r")
    heights = [
        point(points, "forehead")[1], point(points, "brow_mid_l", "brow_mid_r")[1], eyes[1],
        point(points, "nose_tip")[1], mouth[1], point(points, "chin_under")[1],
    ]  # fmt: skip
    left = [n for n in LANDMARKS if n.endswith("_l") and not n.startswith("lip")]
    across = np.array([point(points, n)[0] - point(points, n[:-2] + "_r")[0] for n in left])
    in_order = np.mean(np.diff(heights) < 0) * np.mean(across > 0)
    in_front = point(points, "nose_tip")[2] > (points[:, 2].mean() - 0.05)
    deep_enough = 0.4 < eyes[1] - point(points, "chin_under")[1] < 4
    agreement = np.exp(-((float(np.median(spread)) / AGREEMENT) ** 2))
    return float(in_order**3 * (1.0 if in_front and deep_enough else 0.5) * agreement)


def _refusal(best: Face | None, hints: Hints) -> str:
    """The sentence for a user: what could not be found, and what to do."""
    show = (
        "Show where they are with rough shape keys named blink_left, blink_right and mouth_open, and try again."
        if hints.eyes is None or hints.mouth is None
        else "Check that its blink and mouth shape keys move the eyes and the mouth, and try again."
    )
    if best is None or best.score < 0.1:
        return (
            f"No face was found: nothing on this avatar looks like two eyes above a nose and a mouth. {show} "
            "An avatar without a face cannot be given expressions."
        )
    weak = [
        name for name, words in (("eyes", ("lid", "eye")), ("mouth", ("lip", "mouth")), ("jaw", ("chin", "jaw")))
        if np.mean([c for c, n in zip(best.confidence, LANDMARKS, strict=True) if n.startswith(words)]) < 0.6
    ]  # fmt: skip
    return (
        f"No certain face was found (best match {best.score:.0%}, needed {ACCEPT:.0%}): "
        f"the {' and the '.join(weak or ['shape of the head'])} could not be made out. "
        f"Take away what covers them. {show}"
    )
