"""Landmarks set right by geometry: the lids' edges are where skin borders the visible eyeball, and the mouth is where
the skin is slit.

A network knows the edge of a lid or a lip to a pixel of a coarse picture; where the eye is a piece of its own and the
lips are two surfaces, the mesh knows it exactly.
"""

from __future__ import annotations

import numpy as np

from ..avatar.avatar import Avatar
from ..face.face_space import FaceSpace, crushed, point
from ..face.lip_lid_fields import constraints, solve_on_skin
from ..face.parts import Part, classify
from ..geometry.mesh import all3
from ..geometry.raster import rasterise
from ..vocabulary import LANDMARK_INDEX
from .brows import snap_brows
from .eye_rims import find_rim
from .parameters import EYE_RIMS, LID_POINTS, SNAPPING

_OUTERMOST = [0, 4]  # of the points that hold the lips' field: those under the nose and on the chin


def snap_to_edges(avatar: Avatar, landmarks: np.ndarray) -> np.ndarray:
    """(L, 3) avatar-space landmarks with lids and eye corners moved to the edge of each visible eyeball, and inner lips
    and mouth corners to the slit between the lips; brows that are pieces of their own get theirs along them.

    Eyes that are sealed, part of the skin or drawn on it, and lips that are sealed or drawn, are left as they are.
    """
    space = FaceSpace.of(landmarks)
    marks = space.to_face(landmarks)
    vertices = space.to_face(avatar.vertices)
    if crushed(marks):
        return landmarks
    snapped = marks.copy()
    for _ in range(SNAPPING.passes):
        part = classify(avatar, vertices, snapped)
        near = all3(np.abs(vertices) < SNAPPING.around) & ((part == Part.SKIN) | (part == Part.EYE))
        triangles = avatar.triangles[all3(near[avatar.triangles])]
        if len(triangles) == 0:
            return landmarks
        is_eye = part[triangles[:, 0]] == Part.EYE
        right = [_snap_eye(vertices, triangles, is_eye, snapped, side) for side in "lr"]
        if all(right):  # what was taken for an eye about landmarks that were far off is looked at again
            break
    _snap_lips(avatar, vertices, part == Part.SKIN, snapped)
    snap_brows(avatar, vertices, part, snapped)
    return space.origin + space.vectors_to_avatar(snapped)


def _snap_eye(vertices: np.ndarray, triangles: np.ndarray, is_eye: np.ndarray, marks: np.ndarray, side: str) -> bool:
    """Move the corners and lids of the eye on `side` in (L, 3) `marks`, which are changed; all in face space. False
    where they were so far from the lids' edges that these are to be looked at again.

    triangles: (T, 3) of skin and eyes near the face. is_eye: (T,) bool.
    """
    inner, outer = (point(marks, f"eye_{end}_{side}") for end in ("inner", "outer"))
    upper, lower = (point(marks, f"lid_{lid}_mid_{side}") for lid in ("upper", "lower"))
    centre = (inner + outer) / 2
    half = SNAPPING.eye_window * float(max(np.linalg.norm(inner - outer), np.linalg.norm(upper - lower)))
    near = all3(np.abs(vertices - centre) < SNAPPING.eye_around * half)[triangles].any(1)
    triangles, is_eye = triangles[near], is_eye[near]
    # What is seen of the eyeball from the front: the connected region of its pixels nearest to the eye's middle.
    size = SNAPPING.eye_pixels
    picture = rasterise((vertices - centre) / half, triangles, size)
    eye = np.zeros(picture.mask.shape, bool)
    eye[picture.mask] = is_eye[picture.triangle[picture.mask]]
    eye = _region_nearest_middle(eye)
    columns = np.flatnonzero(eye.any(0))
    toward = 1 if outer[0] > inner[0] else -1
    if rim := find_rim(vertices, triangles[~is_eye], eye, centre, half, side):
        if rim.off(marks) > EYE_RIMS.off:
            rim.place(marks)
            return False
        end = _column(rim.marks[f"eye_outer_{side}"][0], centre, half, size)
        if len(columns) and (end - columns[::toward][-1]) * toward * 2 * half / size > EYE_RIMS.white * rim.width:
            rim.place(marks)  # an iris before white skin: its edge is not the lids'
            return True
    elif len(columns) and np.ptp(columns) < SNAPPING.min_width * size / (2 * SNAPPING.eye_window):
        return True  # the same, where the lids' edges are not known
    if len(columns) and eye.mean() > SNAPPING.min_area and columns[0] > 0 and columns[-1] < size - 1:
        place = picture.interpolate(vertices, triangles)
        _snap_to_eyeball(marks, eye, place, picture.mask & ~is_eye[picture.triangle], centre, half, side)
    return True


def _snap_to_eyeball(
    marks: np.ndarray, eye: np.ndarray, place: np.ndarray, skin: np.ndarray, centre: np.ndarray, half: float, side: str
) -> None:
    """Move the corners and lids of the eye on `side` in (L, 3) `marks` to the skin that borders the eyeball.

    eye: (S, S) bool, what is seen of it in the picture around `centre`. place: (S, S, 3) what each pixel shows. skin:
    (S, S) bool.
    """
    size, columns = len(eye), np.flatnonzero(eye.any(0))
    inner, outer = (LANDMARK_INDEX[f"eye_{end}_{side}"] for end in ("inner", "outer"))
    toward = 1 if marks[outer, 0] > marks[inner, 0] else -1
    ends = columns[[0, -1]][::toward]
    width = columns[-1] - columns[0]
    corners = []  # columns of the inner and the outer corner
    for corner, end, outward in ((inner, ends[0], -toward), (outer, ends[1], toward)):
        # A corner lies beside the eyeball that is seen, never on it and never far from it.
        off = (_column(marks[corner, 0], centre, half, size) - end) * outward
        corners.append(end + outward * np.clip(off, 1, 1 + SNAPPING.beside * width))
        rows = np.flatnonzero(eye[:, end])
        low, high = rows[0] - SNAPPING.corner_rows, rows[-1] + SNAPPING.corner_rows
        row = np.clip(_row(marks[corner, 1], centre, half, size), low, high)
        _move_to_skin(marks, corner, place, skin, row, corners[-1])
    for name, share in LID_POINTS:
        column = int(np.clip(round(corners[0] + share * (corners[1] - corners[0])), columns[0], columns[-1]))
        rows = np.flatnonzero(eye[:, column])
        if len(rows):
            _move_to_skin(marks, LANDMARK_INDEX[f"lid_upper_{name}_{side}"], place, skin, rows[0] - 1, column)
            _move_to_skin(marks, LANDMARK_INDEX[f"lid_lower_{name}_{side}"], place, skin, rows[-1] + 1, column)


def _snap_lips(avatar: Avatar, vertices: np.ndarray, skin: np.ndarray, marks: np.ndarray) -> None:
    """Move inner lips and mouth corners in (L, 3) `marks`, which are changed, to the slit between the lips.

    skin: (V,) bool. All in face space.
    """
    corners = marks[[LANDMARK_INDEX[f"mouth_corner_{side}"] for side in "rl"]]
    centre, half = corners.mean(0), SNAPPING.mouth_window * float(np.linalg.norm(corners[0] - corners[1])) / 2
    near = skin & all3(np.abs(vertices - centre) < max(half, SNAPPING.mouth_around))
    triangles = avatar.triangles[all3(near[avatar.triangles])]
    # The field is held away from the lips: a landmark just over their edge would hold the wrong one.
    ((above, below),) = constraints(marks)[:1]
    field = solve_on_skin(avatar, vertices, near, [(above[_OUTERMOST], below[_OUTERMOST])])
    picture = rasterise((vertices - centre) / half, triangles, SNAPPING.pixels)
    place = picture.interpolate(np.concatenate([vertices, field], 1), triangles)
    outer = picture.mask & (place[..., 2] > _line_of_lips(marks, centre, half, 2) - SNAPPING.deep)
    gap = place[..., 1] - _line_of_lips(marks, centre, half, 1)
    slit = _find_slit(np.where(outer, place[..., 3], np.nan), gap)
    if slit is None:
        return
    columns, above, below, depth = slit
    for side, outward in (("r", -1), ("l", 1)):
        mark = LANDMARK_INDEX[f"mouth_corner_{side}"]
        found = _slit_end(columns[::outward], ((above + below) / 2)[::outward], depth[::outward], place)
        reach = SNAPPING.max_corner * half / SNAPPING.mouth_window
        if found is not None and np.linalg.norm((found - marks[mark])[:2]) < reach:
            marks[mark] = found
    for name in ("l", "mid", "r"):
        for lip, rows in (("upper", above), ("lower", below)):
            mark = LANDMARK_INDEX[f"lip_{lip}_inner_{name}"]
            nearest = np.abs(columns - _column(marks[mark, 0], centre, half, SNAPPING.pixels)).argmin()
            found = place[rows[nearest], columns[nearest], :3]
            marks[mark] = found
            # The lip's outer edge must be on that lip, or it would hold the lips' field on the wrong side.
            edge, sign = LANDMARK_INDEX[f"lip_{lip}_outer_{name}"], 1 if lip == "upper" else -1
            marks[edge, 1] += sign * max(SNAPPING.thin - sign * (marks[edge, 1] - found[1]), 0)


def _slit_end(columns: np.ndarray, rows: np.ndarray, depth: np.ndarray, place: np.ndarray) -> np.ndarray | None:
    """(3,) where a slit ends: in the crease of the skin at the column where the field's jump is gone; None where no
    skin is seen there.

    columns, rows, depth: (n,) of the slit up to the end that is sought, where its jump is still certain. Beside the
    tip of a slit a harmonic field jumps as the root of the distance to it, so that the square is linear.
    place: (S, S, 3 or more) what each pixel shows.
    """
    last = slice(-SNAPPING.slit_end, None)
    outward = 1 if columns[-1] > columns[0] else -1
    slope, value = np.polyfit(outward * (columns[last] - columns[-1]), depth[last] ** 2, 1)
    beyond = np.clip(-value / slope, 0, SNAPPING.beyond_slit) if slope < 0 else 0.0
    rise, row = np.polyfit(outward * (columns[last] - columns[-1]), rows[last], 1)
    column = int(np.clip(round(columns[-1] + outward * beyond), 0, len(place) - 1))
    row = int(np.clip(round(row + rise * beyond), 0, len(place) - 1))
    near = place[max(row - SNAPPING.crease, 0) : row + SNAPPING.crease + 1, column, :3]
    shown = near[near.any(1)]
    return shown[shown[:, 2].argmin()] if len(shown) else None


def _line_of_lips(marks: np.ndarray, centre: np.ndarray, half: float, axis: int) -> np.ndarray:
    """(S,) y or z of the line between the lips at each column of the picture, as the landmarks have it."""
    line = marks[[LANDMARK_INDEX[n] for n in ("mouth_corner_r", "lip_upper_inner_mid", "mouth_corner_l")]]
    x = (np.arange(SNAPPING.pixels) + 0.5) / SNAPPING.pixels * 2 - 1
    return np.interp(x, (line[:, 0] - centre[0]) / half, line[:, axis])


def _find_slit(field: np.ndarray, gap: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Columns (n,) of a picture that the slit crosses, the last row of the upper lip, the first of the lower and by how
    much the field jumps there.

    field: (S, S) lip field, NaN where the lips do not show. gap: (S, S) heights above the line where the slit should
    be. None where there is no slit.
    """
    columns = np.arange(SNAPPING.pixels)
    # Teeth may show between the lips: each pixel is compared with the skin last seen above it.
    last = np.maximum.accumulate(np.where(np.isnan(field), 0, columns[:, None]), axis=0)[:-1]
    jump = np.take_along_axis(field, last, 0) - field[1:]
    near = np.abs(np.take_along_axis(gap, last, 0) + gap[1:]) < 2 * SNAPPING.slit
    jump = np.where(near, np.nan_to_num(jump), 0)
    rows = jump.argmax(0)
    depth = jump[rows, columns]
    # The longest run of columns in which the field jumps.
    run = max(np.split(columns, np.flatnonzero(depth < SNAPPING.jump)), key=len)[1:]
    if len(run) <= SNAPPING.min_slit * SNAPPING.pixels / SNAPPING.mouth_window:
        return None
    return run, last[rows, columns][run], rows[run] + 1, depth[run]


def _column(x: float, centre: np.ndarray, half: float, size: int) -> float:
    return ((x - centre[0]) / half + 1) * size / 2 - 0.5


def _row(y: float, centre: np.ndarray, half: float, size: int) -> float:
    return (1 - (y - centre[1]) / half) * size / 2 - 0.5


def _move_to_skin(
    marks: np.ndarray, index: int, place: np.ndarray, skin: np.ndarray, row: float, column: float
) -> None:
    """Put landmark `index` on the skin seen nearest to a pixel, unless that is far from the pixel or the landmark.

    place: (S, S, 3) what each pixel shows. skin: (S, S) bool.
    """
    rows, columns = np.nonzero(skin)
    if len(rows) == 0:
        return
    squared = (rows - row) ** 2 + (columns - column) ** 2
    best = np.argmin(squared)
    found = place[rows[best], columns[best]]
    if np.linalg.norm((found - marks[index])[:2]) < SNAPPING.max_move and squared[best] < SNAPPING.max_pixels**2:
        marks[index] = found


def _region_nearest_middle(mask: np.ndarray) -> np.ndarray:
    """(S, S) bool: the connected region of `mask` that lies nearest to its middle."""
    rows, columns = np.nonzero(mask)
    grown = np.zeros_like(mask)
    if len(rows) == 0:
        return grown
    start = np.argmin((rows - len(mask) / 2) ** 2 + (columns - len(mask) / 2) ** 2)
    grown[rows[start], columns[start]] = True
    while True:
        padded = np.pad(grown, 1)
        wider = mask & (padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:] | grown)
        if (wider == grown).all():
            return grown
        grown = wider
