"""Finding the face with no click: which way it looks, how large it is, and 48 landmarks on its skin.

Where bones, shape keys or names tell of a face, that place is looked at first. A coarse search looks at the avatar
along its skeleton's forward, then along the axes, through head-sized windows; the best windows are looked at again,
centred on and aligned with the face that was seen in them, until landmarks are known to a fraction of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..avatar.avatar import Avatar
from ..avatar.hints import Hints
from ..errors import FaceNotFound
from ..face.face_space import FaceSpace, point
from ..geometry.mesh import vertex_normals
from ..inference import providers, registry
from ..messages import Message, join_messages
from ..vocabulary import LANDMARKS
from . import snap
from .initial_guess import guess
from .project import project_to_skin
from .search import Detection, above_neck, orientations, run, search
from .views import Crop, crop, look, pieces

CENTRE_Y = -0.4  # the middle of a face's window, in eye distances above the eyes
FACE_HALF = 1.75  # half width of that window, in eye distances
MIN_SCORE = 0.6  # score below which there is no face
MIN_SCORE_HINTED = 0.25  # the same where bones, keys or names tell of eyes and mouth just there
MIN_SCORE_SUGGESTED = 0.1  # score below which what was seen is not worth a word
MIN_SCORE_SURE = 0.8  # score above which no other orientation is tried
FACE_PIXELS = 192
PASSES = 3
TRIED = 4  # of them, best first
# Looks of a pass: from so far beside the face (radians), through a window so much wider, leaning by so much (radians).
VIEWS = ((0.0, 1.0, 0.0),)
LAST_VIEWS = ((0.0, 1.0, 0.0), (0.3, 0.92, 0.06), (-0.3, 1.1, -0.06))
DEPTH_SHARE = 0.3  # what depth counts of what the picture plane counts
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


def find(
    avatar: Avatar,
    models: Path | None = None,
    provider: str = "cpu",
    progress: Callable[[float, str], None] | None = None,
) -> Face:
    """The face of `avatar`, whatever its axes, unit and place.

    models: folder with the landmarks model, the bundled one if None. progress(fraction, stage) may raise Cancelled.
    Raises FaceNotFound, with a guess, when there is none or none certain enough, ModelError, InputError.
    """
    session = providers.open_session(registry.load("landmarks", models), provider)
    normals = vertex_normals(avatar.vertices, avatar.triangles, avatar.weld)
    mesh = (avatar.vertices, avatar.triangles, normals, pieces(avatar))
    hints = avatar.hints
    best = _best(mesh, avatar.size, session, [Detection(p, np.ones(len(p)), 0.0) for p in hints.guesses()], None)
    stages = [(mesh, directions) for directions in orientations()]
    if hints.forward is not None:
        stages.insert(0, (above_neck(mesh, hints), [(hints.forward, [hints.up])]))
    looks, total = 0, sum(len(directions) for _, directions in stages)
    for searched, directions in stages:
        if best and best.score >= (MIN_SCORE if hints.agree(best.points) else MIN_SCORE_SURE):
            break
        seen: list[Detection] = []
        for forward, ups in directions:
            if progress:
                progress(looks / total, "finding the face")
            seen += search(searched, session, forward, ups)
            looks += 1
        best = _best(mesh, avatar.size, session, seen, best)
    needed = MIN_SCORE_HINTED if best and hints.agree(best.points) else MIN_SCORE
    if best is None or best.score < needed:
        if not (hints.shown and hints.guesses()):
            raise FaceNotFound(_refusal(best, hints), _best_guess(avatar, best))
        best = _shown(hints)
    space = FaceSpace.of(best.points)
    points = snap.snap_to_edges(avatar, project_to_skin(avatar, space, best.points))
    return Face(points, best.confidence, best.score, space.rotation, space.scale)


def _best_guess(avatar: Avatar, best: Face | None) -> np.ndarray:
    """(L, 4) for FaceNotFound: what was seen, or where a face would be if what was seen is nothing like one."""
    if best is None or best.score < MIN_SCORE_SUGGESTED:
        points = guess(avatar)
        return np.column_stack([points, np.zeros(len(points))])
    points = project_to_skin(avatar, FaceSpace.of(best.points), best.points)
    return np.column_stack([points, best.confidence])


def _shown(hints: Hints) -> Face:
    """The face by its proportions alone, where the creator's keys show eyes and mouth."""
    points = hints.guesses()[0]
    space = FaceSpace.of(points)
    return Face(points, np.full(len(points), MIN_SCORE_HINTED), MIN_SCORE_HINTED, space.rotation, space.scale)


def _best(
    mesh: tuple[np.ndarray, ...], size: float, session: providers.Session, sights: list[Detection], best: Face | None
) -> Face | None:
    """The best face behind the likeliest `sights` of an avatar of `size`, or `best` if none is better."""
    for sight in sorted(sights, key=lambda s: -s.logit)[:TRIED]:
        face = _refine(mesh, size, session, sight)
        if face and (best is None or face.score > best.score):
            best = face
        if best and best.score >= MIN_SCORE_SURE:
            break
    return best


def _refine(mesh: tuple[np.ndarray, ...], size: float, session: providers.Session, sight: Detection) -> Face | None:
    """Look again, closer and straighter; None when what is seen falls apart."""
    for number in range(PASSES):
        space = FaceSpace.of(sight.points)
        if not np.isfinite(space.rotation).all() or not 1e-3 * size < space.scale < size:
            return None
        centre = space.origin + CENTRE_Y * space.scale * space.rotation[1]
        last = number == PASSES - 1
        crops = []
        for yaw, half, roll in LAST_VIEWS if last else VIEWS:
            turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
            view = look(*mesh, turn @ space.rotation, centre, FACE_HALF * space.scale, FACE_PIXELS)
            crops += [crop(view, 0, 0, half, roll, mirror) for mirror in (False, True)]
        sights = run(session, crops, [False, True] * (len(crops) // 2))
        points = _fused(crops, sights)
        share = np.array([1 / s.width**2 for s in sights])
        share /= share.sum(0)
        width = np.einsum("sl,sl->l", share, [s.width for s in sights])
        sight = Detection(points, width, float(np.mean([s.logit for s in sights])))
    space = FaceSpace.of(sight.points)
    spread = np.sqrt(np.mean([((s.points - points) ** 2).sum(1) for s in sights], axis=0)) / space.scale
    width = sight.width / space.scale
    confidence = 1 - np.exp(-TOLERANCE / np.maximum(width, spread))
    score = float(1 / (1 + np.exp(-sight.logit)) * plausibility(space.to_face(points), spread))
    return Face(points, confidence, score, space.rotation, space.scale)


def _fused(crops: list[Crop], sights: list[Detection]) -> np.ndarray:
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


def _refusal(best: Face | None, hints: Hints) -> Message:
    """What could not be found, and what to do."""
    if hints.eyes is None or hints.mouth is None:
        show = Message(
            "Show where they are with rough shape keys named blink_left, blink_right and mouth_open, and try again."
        )
    else:
        show = Message("Check that its blink and mouth shape keys move the eyes and the mouth, and try again.")
    if best is None or best.score < MIN_SCORE_SUGGESTED:
        return Message(
            "No face was found: nothing on this avatar looks like two eyes above a nose and a mouth. {advice} "
            "An avatar without a face cannot be given expressions.",
            advice=show,
        )
    weak = [
        part
        for part, words in (
            (Message("the eyes"), ("lid", "eye")),
            (Message("the mouth"), ("lip", "mouth")),
            (Message("the jaw"), ("chin", "jaw")),
        )
        if np.mean([c for c, n in zip(best.confidence, LANDMARKS, strict=True) if n.startswith(words)]) < 0.6
    ]  # fmt: skip
    return Message(
        "No certain face was found (best match {best:.0%}, needed {needed:.0%}): could not make out {parts}. "
        "Take away what covers them. {advice}",
        best=best.score,
        needed=MIN_SCORE,
        parts=join_messages(weak or [Message("the shape of the head")], ", "),
        advice=show,
    )
