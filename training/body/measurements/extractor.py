"""Height, chest, waist, hip, inseam, shoulder width, arm length, thigh and neck of a body in its rest pose.

Girths are what a tape measure gives, which does not follow hollows: perimeters of the convex hulls of plane slices. The
places follow ISO 8559-1:2017 where it names them; joints stand in for bones that cannot be felt on a mesh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from blendshape_addon.core.errors import InputError

from .parameters import LEVELS

NAMES = ("height", "chest", "waist", "hip", "inseam", "shoulder_width", "arm_length", "thigh", "neck")
SIDED = ("shoulder", "elbow", "wrist")
JOINTS = ("neck", "head", *(f"{name}_{side}" for name in SIDED for side in "lr"))
PLACES = ("bust", "waist")
_CM = 100.0


@dataclass(frozen=True)
class MeasuredBody:
    """A body in its rest pose, arms beside it or spread, in metres, y up, facing +z.

    vertices: (V, 3). triangles: (T, 3). arm: (V,) bool, the skin of the arms from the shoulder joints on. joints: (3,)
    of each of JOINTS; `neck` and `head` are where the neck begins and ends. places: (3,) of each of PLACES on the skin:
    the tip of a breast, and the front of the natural waist.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    arm: np.ndarray
    joints: Mapping[str, np.ndarray]
    places: Mapping[str, np.ndarray]

    @cached_property
    def scale(self) -> float:
        """What LEVELS' lengths are multiplied by."""
        return float(np.ptp(self.vertices[:, 1])) / LEVELS.height

    @cached_property
    def without_arms(self) -> np.ndarray:
        """(n, 3) triangles of the body without its arms."""
        return self.triangles[~self.arm[self.triangles].any(1)]

    @cached_property
    def crotch(self) -> float:
        """Height of the crotch: the lowest skin in the middle plane. Raises InputError where there is none."""
        middle = _slice(self.vertices, self.triangles, np.zeros(3), np.array([1.0, 0, 0]))
        if not len(middle):
            raise InputError("The body has no skin in its middle plane.")
        return float(middle[:, 1].min())


def measure(body: MeasuredBody) -> dict[str, float]:
    """Centimetres of each of NAMES. Raises InputError for a body that has no slice where one is taken."""
    floor, top = body.vertices[:, 1].min(), body.vertices[:, 1].max()
    return {
        "height": _CM * float(top - floor),
        "chest": _CM * _level(body, body.places["bust"][1]),
        "waist": _CM * _level(body, body.places["waist"][1]),
        "hip": _CM * max(_level(body, y) for y in _between(body, body.crotch, body.places["waist"][1])),
        "inseam": _CM * float(body.crotch - floor),
        "shoulder_width": _CM * float(np.linalg.norm(_acromion(body, "l") - _acromion(body, "r"))),
        "arm_length": _CM * float(np.mean([_arm(body, side) for side in "lr"])),
        "thigh": _CM * _thigh(body),
        "neck": _CM * _neck(body),
    }


def girth(vertices: np.ndarray, triangles: np.ndarray, place: np.ndarray, normal: np.ndarray) -> float:
    """Perimeter of the convex hull of the slice of (T, 3) triangles by the plane through (3,) `place` across (3,)
    `normal`, in the unit of the (V, 3) vertices; 0 where the plane meets less than a triangle's worth of them."""
    normal = normal / np.linalg.norm(normal)
    flat = _slice(vertices, triangles, place, normal) @ _across(normal)
    if len(flat) < 3:
        return 0.0
    try:
        return float(ConvexHull(flat).area)  # of a hull in the plane, `area` is its perimeter
    except QhullError:  # all on one line
        return 0.0


def _slice(vertices: np.ndarray, triangles: np.ndarray, place: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """(P, 3) where the edges of triangles cross the plane through `place` across a unit normal."""
    height = (vertices - place) @ normal
    points = []
    for a, b in ((0, 1), (1, 2), (2, 0)):
        one, other = triangles[:, a], triangles[:, b]
        crossed = (height[one] < 0) != (height[other] < 0)
        one, other = one[crossed], other[crossed]
        share = (height[one] / (height[one] - height[other]))[:, None]
        points.append(vertices[one] * (1 - share) + vertices[other] * share)
    return np.concatenate(points)


def _across(normal: np.ndarray) -> np.ndarray:
    """(3, 2) two directions across a unit normal."""
    first = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)], 1)


def _level(body: MeasuredBody, y: float) -> float:
    """Girth of trunk and legs at a height."""
    found = girth(body.vertices, body.without_arms, np.array([0, y, 0]), np.array([0.0, 1, 0]))
    if not found:
        raise InputError("The body has no skin at {height} m above its origin.", height=f"{y:.2f}")
    return found


def _between(body: MeasuredBody, low: float, high: float) -> np.ndarray:
    """Heights from `low` to `high`, both among them whatever the last bits of a body are."""
    return np.linspace(low, high, 1 + round((high - low) / (LEVELS.step * body.scale)))


def _acromion(body: MeasuredBody, side: str) -> np.ndarray:
    """(3,) the skin right above a shoulder joint: the end of the shoulder blade, which lies over it."""
    joint = body.joints[f"shoulder_{side}"]
    corners = body.vertices[body.triangles]
    (ax, az), (bx, bz), (cx, cz) = (corners[:, n][:, [0, 2]].T for n in range(3))
    # Shares of the corners by areas in the horizontal plane: all of one sign where the joint is under the triangle.
    x, z = joint[0], joint[2]
    shares = np.stack(
        [(bx - x) * (cz - z) - (cx - x) * (bz - z), (cx - x) * (az - z) - (ax - x) * (cz - z),
         (ax - x) * (bz - z) - (bx - x) * (az - z)], axis=1,
    )  # fmt: skip
    area = shares.sum(1)
    over = (np.abs(area) > 0) & (shares * np.sign(area)[:, None] >= 0).all(1)
    heights = (shares[over] / area[over, None] * corners[over, :, 1]).sum(1)
    above = heights[heights > joint[1]]
    if not len(above):
        raise InputError("The body has no skin above its shoulder joint.")
    return np.array([x, above.min(), z])


def _arm(body: MeasuredBody, side: str) -> float:
    """Metres from the end of the shoulder over the elbow to the wrist."""
    elbow, wrist = body.joints[f"elbow_{side}"], body.joints[f"wrist_{side}"]
    return float(np.linalg.norm(_acromion(body, side) - elbow) + np.linalg.norm(elbow - wrist))


def _thigh(body: MeasuredBody) -> float:
    """Mean of both thighs' greatest girth right below the crotch."""
    low, high = (body.crotch - share * body.scale for share in (LEVELS.thigh_to, LEVELS.thigh_from))
    centre = body.vertices[body.without_arms].mean(1)[:, 0]
    sides = [body.without_arms[centre * sign > 0] for sign in (1, -1)]
    up = np.array([0.0, 1, 0])
    found = [
        max(girth(body.vertices, side, np.array([0, y, 0]), up) for y in _between(body, low, high)) for side in sides
    ]
    return float(np.mean(found))


def _neck(body: MeasuredBody) -> float:
    """The least girth across the neck."""
    start, along = body.joints["neck"], body.joints["head"] - body.joints["neck"]
    count = 1 + int(np.linalg.norm(along) * (LEVELS.neck_to - LEVELS.neck_from) / (LEVELS.step * body.scale))
    found = []
    for share in np.linspace(LEVELS.neck_from, LEVELS.neck_to, count):
        place = start + share * along
        centres = body.vertices[body.without_arms].mean(1)
        near = np.linalg.norm(centres - place, axis=1) < LEVELS.neck_reach * body.scale
        found.append(girth(body.vertices, body.without_arms[near], place, along))
    if not any(found):
        raise InputError("The body has no skin about its neck.")
    return min(one for one in found if one)
