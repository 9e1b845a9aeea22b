"""Landmarks set right by geometry: the lids' edges are where skin borders the visible eyeball, and the mouth is where
the skin is slit.

A detector knows the edge of a lid or a lip to a pixel of a coarse picture; where the eye is a piece of its own and the
lips are two surfaces, the mesh knows it exactly.
"""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import FaceSpace, crushed
from ..face.lip_lid_fields import constraints, solve_on_skin
from ..face.parts import Part, classify
from ..geometry.raster import rasterise
from ..vocabulary import LANDMARK_INDEX

PIXELS = 96
WINDOW = 0.85  # half width of the picture of an eye, in widths of the eye
BESIDE = 0.3  # widths of the visible eyeball that a corner may lie beside it
FILLS = 0.72  # of the eye's width that a visible eyeball takes up at least
LEAST = 0.04  # share of the picture that a visible eyeball fills at least
FARTHEST = 0.16  # eye distances that a landmark may be moved: more is no correction but another feature

MOUTH_WINDOW = 1.5  # half width of the picture of a mouth, in half widths of the mouth
JUMP = 0.1  # of the field that is +1 on the upper and -1 on the lower lip: a slit, not skin that is stretched
SLIT = 0.12  # eye distances up or down from the line between the lips that their slit may lie
DEEP = 0.15  # eye distances behind that line from which a surface is the mouth's inside
FAR = [0, 4]  # of the points that hold the lips' field: under the nose and the chin
THIN = 0.05  # eye distances that a lip is high at least
CORNER = 0.5  # half widths of the mouth that its corner may be moved


def snap_to_edges(avatar: Avatar, landmarks: np.ndarray) -> np.ndarray:
    """(L, 3) avatar-space landmarks with lids and eye corners moved to the edge of each visible eyeball, and inner lips
    and mouth corners to the slit between the lips.

    Eyes that are sealed, part of the skin or drawn on it, and lips that are sealed or drawn, are left as they are.
    """
    space = FaceSpace.of(landmarks)
    marks = space.to_face(landmarks)
    vertices = space.to_face(avatar.vertices)
    part = classify(avatar, vertices, marks)
    near = (np.abs(vertices) < 1.5).all(1) & ((part == Part.SKIN) | (part == Part.EYE))
    triangles = avatar.triangles[near[avatar.triangles].all(1)]
    if len(triangles) == 0 or crushed(marks):
        return landmarks
    fitted = marks.copy()
    for s in "lr":
        _fit_eye(vertices, triangles, part[triangles[:, 0]] == Part.EYE, fitted, s)
    _fit_lips(avatar, vertices, part == Part.SKIN, fitted)
    return space.origin + space.vectors_to_avatar(fitted)


def _fit_eye(vertices: np.ndarray, triangles: np.ndarray, is_eye: np.ndarray, marks: np.ndarray, s: str) -> None:
    inner, outer = (LANDMARK_INDEX[f"eye_{end}_{s}"] for end in ("inner", "outer"))
    centre = (marks[inner] + marks[outer]) / 2
    half = WINDOW * np.linalg.norm(marks[inner] - marks[outer])
    view = (vertices - centre) / half
    picture = rasterise(view, triangles, PIXELS)
    eye = np.zeros((PIXELS, PIXELS), bool)
    eye[picture.mask] = is_eye[picture.triangle[picture.mask]]
    eye = _piece_nearest_middle(eye)
    columns = np.flatnonzero(eye.any(0))
    if eye.mean() < LEAST or columns[0] == 0 or columns[-1] == PIXELS - 1:
        return
    if columns[-1] - columns[0] < FILLS * PIXELS / (2 * WINDOW):
        return  # an iris on white skin: its edge is not the lids'
    place = picture.interpolate(vertices, triangles)
    skin = picture.mask & ~is_eye[picture.triangle]
    toward = 1 if marks[outer, 0] > marks[inner, 0] else -1
    ends = columns[[0, -1]][::toward]
    width = columns[-1] - columns[0]
    spots = []
    for corner, end, outward in ((inner, ends[0], -toward), (outer, ends[1], toward)):
        # A corner lies beside the eyeball that is seen, never on it and never far from it.
        beside = np.clip((_column(marks[corner, 0], centre, half) - end) * outward, 1, 1 + BESIDE * width)
        spots.append(end + outward * beside)
        rows = np.flatnonzero(eye[:, end])
        row = np.clip(_row(marks[corner, 1], centre, half), rows[0] - 3, rows[-1] + 3)
        _move(marks, corner, place, skin, row, spots[-1])
    for k, t in (("in", 0.25), ("mid", 0.5), ("out", 0.75)):
        column = int(np.clip(round(spots[0] + t * (spots[1] - spots[0])), columns[0], columns[-1]))
        rows = np.flatnonzero(eye[:, column])
        if len(rows):
            _move(marks, LANDMARK_INDEX[f"lid_upper_{k}_{s}"], place, skin, rows[0] - 1, column)
            _move(marks, LANDMARK_INDEX[f"lid_lower_{k}_{s}"], place, skin, rows[-1] + 1, column)


def _fit_lips(avatar: Avatar, vertices: np.ndarray, skin: np.ndarray, marks: np.ndarray) -> None:
    corners = marks[[LANDMARK_INDEX[f"mouth_corner_{s}"] for s in "rl"]]
    centre, half = corners.mean(0), MOUTH_WINDOW * np.linalg.norm(corners[0] - corners[1]) / 2
    near = skin & (np.abs(vertices - centre) < max(half, 0.8)).all(1)
    triangles = avatar.triangles[near[avatar.triangles].all(1)]
    # Held away from the lips: a landmark just over their edge would hold the wrong one.
    ((above, below),) = constraints(marks)[:1]
    side = solve_on_skin(avatar, vertices, near, [(above[FAR], below[FAR])])
    picture = rasterise((vertices - centre) / half, triangles, PIXELS)
    place = picture.interpolate(np.concatenate([vertices, side], 1), triangles)
    outer = picture.mask & (place[..., 2] > _along(marks, centre, half, 2) - DEEP)
    gap = place[..., 1] - _along(marks, centre, half, 1)
    slit = _slit(np.where(outer, place[..., 3], np.nan), gap)
    if slit is None:
        return
    columns, above, below = slit
    for mark, end in zip(("mouth_corner_r", "mouth_corner_l"), (0, -1), strict=True):
        found = place[above[end], columns[end], :3]
        if np.linalg.norm((found - marks[LANDMARK_INDEX[mark]])[:2]) < CORNER * half / MOUTH_WINDOW:
            marks[LANDMARK_INDEX[mark]] = found
    for name in ("l", "mid", "r"):
        for lip, rows in (("upper", above), ("lower", below)):
            mark = LANDMARK_INDEX[f"lip_{lip}_inner_{name}"]
            nearest = np.abs(columns - _column(marks[mark, 0], centre, half)).argmin()
            found = place[rows[nearest], columns[nearest], :3]
            marks[mark] = found
            # The lip's outer edge must be on that lip, or it would hold the lips' field on the wrong side.
            edge, sign = LANDMARK_INDEX[f"lip_{lip}_outer_{name}"], 1 if lip == "upper" else -1
            marks[edge, 1] += sign * max(THIN - sign * (marks[edge, 1] - found[1]), 0)


def _along(marks: np.ndarray, centre: np.ndarray, half: float, axis: int) -> np.ndarray:
    """(S,) y or z of the line between the lips at each column of the picture, as the landmarks have it."""
    line = marks[[LANDMARK_INDEX[n] for n in ("mouth_corner_r", "lip_upper_inner_mid", "mouth_corner_l")]]
    return np.interp((np.arange(PIXELS) + 0.5) / PIXELS * 2 - 1, (line[:, 0] - centre[0]) / half, line[:, axis])


def _slit(side: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Columns (n,) of a picture that the slit crosses and the last row of the upper lip and the first of the lower.

    side: (S, S) lip field, NaN where the lips do not show. gap: (S, S) heights above the line where the slit should be.
    None where there is no slit.
    """
    columns = np.arange(PIXELS)
    # Teeth may show between the lips: each pixel is compared with the skin last seen above it.
    last = np.maximum.accumulate(np.where(np.isnan(side), 0, columns[:, None]), axis=0)[:-1]
    jump = np.take_along_axis(side, last, 0) - side[1:]
    near = np.abs(np.take_along_axis(gap, last, 0) + gap[1:]) < 2 * SLIT
    jump = np.where(near, np.nan_to_num(jump), 0)
    rows = jump.argmax(0)
    depth = jump[rows, columns]
    run = max(np.split(columns, np.flatnonzero(depth < JUMP)), key=len)[1:]
    return (run, last[rows, columns][run], rows[run] + 1) if len(run) > PIXELS / (3 * MOUTH_WINDOW) else None


def _column(x: float, centre: np.ndarray, half: float) -> float:
    return ((x - centre[0]) / half + 1) * PIXELS / 2 - 0.5


def _row(y: float, centre: np.ndarray, half: float) -> float:
    return (1 - (y - centre[1]) / half) * PIXELS / 2 - 0.5


def _move(marks: np.ndarray, index: int, place: np.ndarray, skin: np.ndarray, row: float, column: float) -> None:
    """Put landmark `index` on the skin seen nearest to a pixel."""
    rows, columns = np.nonzero(skin)
    if len(rows) == 0:
        return
    best = np.argmin((rows - row) ** 2 + (columns - column) ** 2)
    found = place[rows[best], columns[best]]
    if (
        np.linalg.norm((found - marks[index])[:2]) < FARTHEST
        and (rows[best] - row) ** 2 + (columns[best] - column) ** 2 < 9
    ):
        marks[index] = found


def _piece_nearest_middle(mask: np.ndarray) -> np.ndarray:
    """The connected part of a (S, S) mask that lies nearest to its middle."""
    rows, columns = np.nonzero(mask)
    grown = np.zeros_like(mask)
    if len(rows) == 0:
        return grown
    start = np.argmin((rows - PIXELS / 2) ** 2 + (columns - PIXELS / 2) ** 2)
    grown[rows[start], columns[start]] = True
    while True:
        padded = np.pad(grown, 1)
        wider = mask & (padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:] | grown)
        if (wider == grown).all():
            return grown
        grown = wider
