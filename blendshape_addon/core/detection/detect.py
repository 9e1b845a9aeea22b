"""Finding the face with no click: which way it looks, how large it is, and 48 landmarks on its skin.

Where bones, shape keys or names hint at a face, that place is looked at first. A coarse search looks at the avatar
along its skeleton's forward, then along the axes, through head-sized windows; the best windows are looked at again,
centred on and aligned with the face that was detected in them, until landmarks are known to a fraction of a pixel.
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
from ..inference import registry
from ..inference.picture import PICTURE
from ..inference.session import Session, open_session
from ..messages import Message, join_messages
from ..vocabulary import LANDMARKS
from . import snap
from .hint_prior import agree, guesses
from .initial_guess import guess
from .parameters import REFINEMENT, SCORES
from .project import project_to_skin
from .search import Detection, above_neck, orientations, run, search
from .views import Crop, DrawnMesh, crop, draw, pieces


@dataclass(frozen=True)
class Face:
    """A face that was found or placed, in avatar space.

    points: (L, 3) landmarks in the order of vocabulary.LANDMARKS, on the skin where there is skin within reach.
    confidence: (L,) 0 to 1, how likely a landmark lies within REFINEMENT.tolerance of its place. score: 0 to 1, how
    much the whole is like a face; SCORES says what it takes. frame: (3, 3) rotation whose rows are the avatar's left,
    up and forward. eye_distance: between the middles of the two eyes, in the avatar's unit.
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
    session = open_session(registry.load("landmarks", models), provider)
    normals = vertex_normals(avatar.vertices, avatar.triangles, avatar.weld)
    mesh = DrawnMesh(avatar.vertices, avatar.triangles, normals, pieces(avatar))
    hints = avatar.hints
    hinted = [Detection(points, np.ones(len(points)), 0.0) for points in guesses(hints)]
    best = _best_face(mesh, avatar.size, session, hinted, None)
    stages = [(mesh, directions) for directions in orientations()]
    if hints.forward is not None and hints.up is not None:
        stages.insert(0, (above_neck(mesh, hints), [(hints.forward, [hints.up])]))
    done, total = 0, sum(len(directions) for _, directions in stages)
    for searched, directions in stages:
        if best and best.score >= (SCORES.found if agree(hints, best.points) else SCORES.sure):
            break
        detections: list[Detection] = []
        for forward, ups in directions:
            if progress:
                progress(done / total, "finding the face")
            detections += search(searched, session, forward, ups)
            done += 1
        best = _best_face(mesh, avatar.size, session, detections, best)
    needed = SCORES.hinted if best and agree(hints, best.points) else SCORES.found
    if best is None or best.score < needed:
        if not (hints.shown and guesses(hints)):
            raise FaceNotFound(_not_found(best, hints), _best_guess(avatar, best))
        best = _face_of_hints(hints)
    space = FaceSpace.of(best.points)
    points = snap.snap_to_edges(avatar, project_to_skin(avatar, space, best.points))
    return Face(points, best.confidence, best.score, space.rotation, space.scale)


def _best_guess(avatar: Avatar, best: Face | None) -> np.ndarray:
    """(L, 4) for FaceNotFound: the best match, or where a face would be if that is nothing like one."""
    if best is None or best.score < SCORES.mentionable:
        points = guess(avatar)
        return np.column_stack([points, np.zeros(len(points))])
    points = project_to_skin(avatar, FaceSpace.of(best.points), best.points)
    return np.column_stack([points, best.confidence])


def _face_of_hints(hints: Hints) -> Face:
    """The face by its proportions alone, where the creator's keys show eyes and mouth."""
    points = guesses(hints)[0]
    space = FaceSpace.of(points)
    return Face(points, np.full(len(points), SCORES.hinted), SCORES.hinted, space.rotation, space.scale)


def _best_face(
    mesh: DrawnMesh, size: float, session: Session, detections: list[Detection], best: Face | None
) -> Face | None:
    """The best face behind the likeliest `detections` on an avatar of `size`, or `best` if none is better."""
    for detection in sorted(detections, key=lambda d: -d.logit)[: REFINEMENT.candidates]:
        face = _refine(mesh, size, session, detection)
        if face and (best is None or face.score > best.score):
            best = face
        if best and best.score >= SCORES.sure:
            break
    return best


def _refine(mesh: DrawnMesh, size: float, session: Session, detection: Detection) -> Face | None:
    """Look again, closer and straighter; None where the landmarks collapse or run away."""
    for number in range(REFINEMENT.passes):
        space = FaceSpace.of(detection.points)
        if not np.isfinite(space.rotation).all() or not REFINEMENT.min_scale * size < space.scale < size:
            return None
        centre = space.origin + PICTURE.face_centre * space.scale * space.rotation[1]
        last = number == REFINEMENT.passes - 1
        crops = []
        for yaw, half, roll in REFINEMENT.last_views if last else REFINEMENT.views:
            turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
            window = PICTURE.face_half_width * space.scale
            view = draw(*mesh, turn @ space.rotation, centre, window, REFINEMENT.pixels)
            crops += [crop(view, 0, 0, half, roll, mirror) for mirror in (False, True)]
        detections = run(session, crops, [False, True] * (len(crops) // 2))
        points = _fuse(crops, detections)
        # The error of the fused landmarks: the mean of the views' errors, each weighted by its inverse square.
        share = np.array([1 / d.width**2 for d in detections])
        share /= share.sum(0)
        width = np.einsum("sl,sl->l", share, [d.width for d in detections])
        detection = Detection(points, width, float(np.mean([d.logit for d in detections])))
    space = FaceSpace.of(detection.points)
    spread = np.sqrt(np.mean([((d.points - points) ** 2).sum(1) for d in detections], axis=0)) / space.scale
    width = detection.width / space.scale
    confidence = 1 - np.exp(-REFINEMENT.tolerance / np.maximum(width, spread))
    score = float(1 / (1 + np.exp(-detection.logit)) * plausibility(space.to_face(points), spread))
    return Face(points, confidence, score, space.rotation, space.scale)


def _fuse(crops: list[Crop], detections: list[Detection]) -> np.ndarray:
    """(L, 3) landmarks that agree best with all views, in the sense of least squares.

    Each view weighs its landmarks by the inverse square of their error, and its own depth less than the other two axes.
    The minimum solves, per landmark, (sum of W) x = sum of W p with W the (3, 3) weight of a view in avatar space.
    """
    matrix, right = np.zeros((len(LANDMARKS), 3, 3)), np.zeros((len(LANDMARKS), 3))
    axes = [1, 1, REFINEMENT.depth_weight]
    for window, detection in zip(crops, detections, strict=True):
        weight = (window.rotation.T * axes) @ window.rotation / detection.width[:, None, None] ** 2
        matrix += weight
        right += np.einsum("lij,lj->li", weight, detection.points)
    return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]


def plausibility(points: np.ndarray, spread: np.ndarray) -> float:
    """0 to 1: do (L, 3) face-space `points` make a face, and do several views agree on them (`spread`, (L,))?"""
    eyes = (point(points, "eye_inner_l", "eye_outer_l") + point(points, "eye_inner_r", "eye_outer_r")) / 2
    mouth = point(points, "mouth_corner_l", "mouth_corner_r")
    heights = [
        point(points, "forehead")[1], point(points, "brow_mid_l", "brow_mid_r")[1], eyes[1],
        point(points, "nose_tip")[1], mouth[1], point(points, "chin_under")[1],
    ]  # fmt: skip
    left = [n for n in LANDMARKS if n.endswith("_l") and not n.startswith("lip")]
    across = np.array([point(points, n)[0] - point(points, n[:-2] + "_r")[0] for n in left])
    in_order = np.mean(np.diff(heights) < 0) * np.mean(across > 0)
    in_front = point(points, "nose_tip")[2] > points[:, 2].mean() - SCORES.nose_behind
    low, high = SCORES.eyes_to_chin
    deep_enough = low < eyes[1] - point(points, "chin_under")[1] < high
    agreement = np.exp(-((float(np.median(spread)) / REFINEMENT.agreement) ** 2))
    return float(in_order**SCORES.order_power * (1.0 if in_front and deep_enough else SCORES.implausible) * agreement)


def _not_found(best: Face | None, hints: Hints) -> Message:
    """What could not be found, and what to do."""
    if hints.eyes is None or hints.mouth is None:
        advice = Message(
            "Show where they are with rough shape keys named blink_left, blink_right and mouth_open, and try again."
        )
    else:
        advice = Message("Check that its blink and mouth shape keys move the eyes and the mouth, and try again.")
    if best is None or best.score < SCORES.mentionable:
        return Message(
            "No face was found: nothing on this avatar looks like two eyes above a nose and a mouth. {advice} "
            "An avatar without a face cannot be given expressions.",
            advice=advice,
        )
    unclear = [
        part
        for part, words in (
            (Message("the eyes"), ("lid", "eye")),
            (Message("the mouth"), ("lip", "mouth")),
            (Message("the jaw"), ("chin", "jaw")),
        )
        if np.mean([c for c, n in zip(best.confidence, LANDMARKS, strict=True) if n.startswith(words)]) < SCORES.unclear
    ]
    return Message(
        "No certain face was found (best match {best:.0%}, needed {needed:.0%}): could not make out {parts}. "
        "Take away what covers them. {advice}",
        best=best.score,
        needed=SCORES.found,
        parts=join_messages(unclear or [Message("the shape of the head")], ", "),
        advice=advice,
    )
