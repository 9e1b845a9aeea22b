"""Clips of rigs with painted faces, whose motion is known exactly: what the readers of faces are tried on.

Brows, lips, irises and lid lines are painted on the vertices by the rig's landmarks; a perspective camera looks at the
face from where a webcam stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from blendshape_addon.core.face import features
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.mesh import vertex_normals
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.motion import pose
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARKS

from ..data.labelled_face import LabelledFace

DISTANCE = 9.5  # eye distances from the camera to the eyes: 60 cm
CENTRE = np.array([0.0, -0.45, 0.0])  # of the picture, and what the head turns about (further back), in face space
NECK = np.array([0.0, -1.2, -1.2])
SKIN, LIP, BROW, LINE = (0.80, 0.60, 0.50), (0.66, 0.30, 0.30), (0.20, 0.13, 0.10), (0.18, 0.11, 0.09)
WHITE, IRIS, PUPIL = (0.92, 0.91, 0.90), (0.30, 0.22, 0.14), (0.03, 0.03, 0.03)
TEETH, INSIDE, HAIR, WALL = (0.88, 0.86, 0.80), (0.35, 0.12, 0.12), (0.16, 0.10, 0.08), (0.52, 0.56, 0.60)
HIDDEN = ("occlusion", "blend", "lacrimal")  # see-through shells over eyes


@dataclass(frozen=True)
class Pose:
    """One frame. units: ARKit names to 0 to 1. head: (3,) rotation vector, x to the person's left, y up, z forward.
    gaze: degrees to the person's left and up."""

    units: Mapping[str, float]
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gaze: tuple[float, float] = (0.0, 0.0)


def performance(count: int, rate: float) -> list[Pose]:
    """`count` poses, `rate` per second: within four seconds blinks, an open mouth, a pucker, a smile, raised brows and
    looks to the sides, while the head sways."""

    def bump(seconds: float, middle: float, width: float) -> float:
        return float(np.exp(-4 * ((seconds - middle) / width) ** 2))

    poses = []
    for seconds in np.arange(count) / rate:
        t = float(seconds % 4.2)
        both = {
            "eyeBlink": max(bump(t, 0.7, 0.16), bump(t, 2.6, 0.16)),
            "mouthSmile": bump(t, 2.1, 0.6),
            "browOuterUp": bump(t, 3.3, 0.5),
        }
        units = {f"{name}{side}": value for name, value in both.items() for side in ("Left", "Right")}
        units["jawOpen"] = 0.8 * bump(t, 1.3, 0.35) + 0.4 * bump(t, 3.3, 0.3)
        units["browInnerUp"], units["mouthPucker"] = bump(t, 3.3, 0.5), 0.9 * bump(t, 1.75, 0.25)
        head = [
            size * np.sin(2 * np.pi * float(seconds) / period)
            for size, period in ((0.12, 3.7), (0.3, 2.9), (0.08, 2.3))
        ]
        poses.append(Pose(units, tuple(head), (20 * bump(t, 2.9, 0.3) - 15 * bump(t, 3.7, 0.3), 0.0)))
    return poses


@dataclass(frozen=True)
class Actor:
    """A labelled face that can be filmed."""

    face: LabelledFace

    @cached_property
    def _features(self) -> features.Features:
        return features.compute(self.face.avatar, self.face.marks)

    @cached_property
    def _triangles(self) -> np.ndarray:
        shells = [n for n, name in enumerate(self.face.part_names) if any(word in name.lower() for word in HIDDEN)]
        seen = ~self.face.hidden & ~np.isin(self.face.part_id, shells)
        return self.face.triangles[seen[self.face.triangles].all(1)]

    @cached_property
    def _part(self) -> np.ndarray:
        """(V,) Part of each vertex; skin where an expression moves none."""
        part = np.full(len(self.face.vertices), int(Part.SKIN))
        part[self._features.index] = self._features.part
        return part

    @cached_property
    def _eyes(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The vertices of either eyeball and its centre."""
        found = []
        for side in (1, -1):
            chosen = np.flatnonzero((self._part == Part.EYE) & (self.face.vertices[:, 0] * side > 0))
            if len(chosen):
                points = self.face.vertices[chosen]
                found.append((chosen, (points.min(0) + points.max(0)) / 2))
        return found

    def vertices(self, pose_: Pose) -> np.ndarray:
        """(V, 3) in face space, the head not turned."""
        weights = np.array([pose_.units.get(name, 0.0) for name in self.face.names])
        used = np.flatnonzero(weights)
        moved = self.face.vertices + np.tensordot(weights[used], self.face.offsets[used].astype(float), axes=1)
        across, up = np.radians(pose_.gaze)
        turn = pose.to_matrices(np.array([[0, across, 0]]))[0] @ pose.to_matrices(np.array([[-up, 0, 0]]))[0]
        for chosen, centre in self._eyes:
            moved[chosen] = (self.face.vertices[chosen] - centre) @ turn.T + centre
        return moved

    @cached_property
    def colours(self) -> np.ndarray:
        """(V, 3) paint, 0 to 1."""
        points, part = self.face.vertices, self._part
        colours = np.tile(np.array(SKIN), (len(points), 1))
        skin = part == Part.SKIN
        marks = {name: self.face.marks[LANDMARK_INDEX[name]] for name in LANDMARKS}
        front = points[:, 2] > marks["nose_base"][2] - 1.0
        for side in "lr":
            brow = [marks[f"brow_{place}_{side}"] for place in ("inner", "mid", "outer")]
            _lay(colours, skin & front, _share(_to_line(points, brow), 0.06), BROW)
            for edge in ("upper", "lower"):
                lid = [marks[f"{name}_{side}"] for name in
                       ("eye_inner", f"lid_{edge}_in", f"lid_{edge}_mid", f"lid_{edge}_out", "eye_outer")]  # fmt: skip
                _lay(colours, skin & front, _share(_to_line(points, lid), 0.035 if edge == "upper" else 0.02), LINE)
        _lay(colours, skin & front, _inside_lips(points, marks), LIP)
        top = skin & (points[:, 1] > 1.45 + 0.25 * points[:, 2])
        colours[top] = HAIR
        colours[np.isin(part, (Part.TEETH_UPPER, Part.TEETH_LOWER))] = TEETH
        colours[np.isin(part, (Part.TONGUE, Part.MOUTH))] = INSIDE
        colours[part == Part.ATTACHED] = LINE
        for chosen, centre in self._eyes:
            local = points[chosen] - centre
            angle = np.degrees(np.arctan2(np.linalg.norm(local[:, :2], axis=1), local[:, 2]))
            colours[chosen] = WHITE
            _lay_part(colours, chosen, ((31 - angle) / 3).clip(0, 1), IRIS)
            _lay_part(colours, chosen, ((14 - angle) / 3).clip(0, 1), PUPIL)
        return colours

    def picture(self, pose_: Pose, size: int, samples: int = 2) -> np.ndarray:
        """(size, size, 3) uint8 of a pose."""
        turn = pose.to_matrices(np.array([pose_.head]))[0]
        points = (self.vertices(pose_) - NECK) @ turn.T + NECK
        normals = vertex_normals(points, self._triangles)
        away = DISTANCE - points[:, 2]
        view = (points - CENTRE) * (DISTANCE / away)[:, None] / 2.6
        view[:, 2] = points[:, 2]
        drawn = rasterise(view, self._triangles, size * samples)
        normal = drawn.interpolate(normals, self._triangles)
        normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-9)
        light = np.array([0.35, 0.55, 0.76])
        lit = 0.45 + 0.55 * (0.5 + 0.5 * normal @ light).clip(0) ** 1.5
        lit = np.where(normal[..., 2] < -0.05, 0.25, lit)
        image = np.where(drawn.mask[..., None], drawn.interpolate(self.colours, self._triangles) * lit[..., None], WALL)
        image = image.reshape(size, samples, size, samples, 3).mean((1, 3))
        return np.round(image.clip(0, 1) * 255).astype(np.uint8)

    def pictures(self, poses: list[Pose], size: int) -> Iterator[np.ndarray]:
        """`picture` of one pose after another."""
        for pose_ in poses:
            yield self.picture(pose_, size)


def _to_line(points: np.ndarray, corners: list[np.ndarray]) -> np.ndarray:
    """(V,) distances to a line through corners."""
    found = np.full(len(points), np.inf)
    for start, end in pairwise(corners):
        way = end - start
        along = ((points - start) @ way / (way @ way)).clip(0, 1)
        found = np.minimum(found, np.linalg.norm(points - start - along[:, None] * way, axis=1))
    return found


def _share(distance: np.ndarray, reach: float) -> np.ndarray:
    return (1.5 - distance / reach).clip(0, 1)


def _inside_lips(points: np.ndarray, marks: Mapping[str, np.ndarray]) -> np.ndarray:
    """(V,) 1 on the red of the lips, as seen from the front."""
    outline = [marks[name] for name in (
        "mouth_corner_l", "lip_upper_outer_l", "lip_upper_outer_mid", "lip_upper_outer_r", "mouth_corner_r",
        "lip_lower_outer_r", "lip_lower_outer_mid", "lip_lower_outer_l",
    )]  # fmt: skip
    inside = np.zeros(len(points), bool)
    for start, end in zip(outline, outline[1:] + outline[:1], strict=True):
        crosses = (start[1] > points[:, 1]) != (end[1] > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            at = (end[0] - start[0]) * (points[:, 1] - start[1]) / (end[1] - start[1]) + start[0]
        inside ^= crosses & (points[:, 0] < at)
    return inside & (points[:, 2] > marks["mouth_corner_l"][2] - 0.3)


def _lay(colours: np.ndarray, where: np.ndarray, share: np.ndarray, colour: tuple[float, float, float]) -> None:
    share = np.where(where, share, 0.0)[:, None]
    colours += share * (np.array(colour) - colours)


def _lay_part(colours: np.ndarray, chosen: np.ndarray, share: np.ndarray, colour: tuple[float, float, float]) -> None:
    colours[chosen] += share[:, None] * (np.array(colour) - colours[chosen])
