"""Faces of flat layers that are moved, as Live2D's are: what is true of a picture is what moved the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .motions import Motion

OVER = 3  # samples per pixel and direction
TURN = 0.34  # widths of a face by which the layer in front of it moves, at a turn of 90 degrees
MOVES = ("jawOpen", "mouthSmile", "mouthFrown", "mouthPucker")  # of the mouth; lids and brows are beside them
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Puppet:
    """Somebody: colours, and lengths in half widths of the face. eye: half width and half height; at: place of the
    eyes; mouth: half width and height below the eyes; chin, fringe: how low they are."""

    skin: Colour
    hair: Colour
    iris: Colour
    cloth: Colour
    wall: Colour
    line: int
    eye: tuple[float, float]
    at: float
    mouth: tuple[float, float]
    chin: float
    fringe: Sequence[float]
    brow: float


def random(rng: np.random.Generator) -> Puppet:
    """Somebody."""

    def colour(low: float, high: float) -> Colour:
        return tuple(int(255 * value) for value in (rng.uniform(low, high) + rng.uniform(-0.2, 0.2, 3)).clip(0, 1))

    tone = rng.uniform(0.75, 1.0)
    return Puppet(
        skin=tuple(int(255 * tone * value) for value in (0.99, 0.88, 0.80)), hair=colour(0.15, 0.85),
        iris=colour(0.2, 0.6), cloth=colour(0.1, 0.9), wall=colour(0.2, 0.9), line=int(rng.integers(2, 6)),
        eye=(rng.uniform(0.20, 0.28), rng.uniform(0.16, 0.34)), at=rng.uniform(0.38, 0.48),
        mouth=(rng.uniform(0.14, 0.26), rng.uniform(0.52, 0.66)), chin=rng.uniform(0.95, 1.15),
        fringe=rng.uniform(-0.55, -0.2, 7).tolist(), brow=rng.uniform(0.12, 0.2),
    )  # fmt: skip


def random_motion(rng: np.random.Generator) -> Motion:
    """A pose of lids, brows, mouth, eyes and head."""
    units: dict[str, float] = {}
    if rng.random() < 0.5:
        sides = ("Left", "Right") if rng.random() < 0.8 else (str(rng.choice(["Left", "Right"])),)
        units |= dict.fromkeys((f"eyeBlink{side}" for side in sides), float(rng.choice([1.0, rng.random()])))
    if rng.random() < 0.4:
        names = [("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), ("browDownLeft", "browDownRight")]
        units |= dict.fromkeys(names[rng.integers(2)], float(rng.random()))
    for name in rng.choice(MOVES, rng.integers(0, 3), replace=False):
        both = (f"{name}Left", f"{name}Right") if name in MOVES[1:3] else (str(name),)
        units |= dict.fromkeys(both, float(rng.random()))
    head = tuple(float(value) for value in np.clip(rng.normal(0, (7, 12, 5)), -30, 30))
    return Motion(units, head, (float(rng.uniform(-28, 28)), float(rng.uniform(-18, 18))))


def draw(puppet: Puppet, motion: Motion, size: int) -> np.ndarray:
    """The (size, size, 3) uint8 picture of a pose."""
    return np.asarray(_Layers(puppet, motion, size).picture())


class _Layers:
    """A picture in the making. Places are in half widths of the face, right and down, from between the eyes."""

    def __init__(self, puppet: Puppet, motion: Motion, size: int) -> None:
        self.puppet, self.motion, self.size = puppet, motion, size
        self.unit = size * OVER * 0.26
        pitch, yaw, roll = np.radians(motion.head)
        self.parallax = 2 * TURN * np.array([np.sin(yaw), np.sin(pitch)])
        self.narrow = np.cos(yaw)
        self.roll = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        self.image = Image.new("RGB", (size * OVER, size * OVER), puppet.wall)
        self.pen = ImageDraw.Draw(self.image)
        self.ink = tuple(int(0.35 * value) for value in puppet.hair)

    def picture(self) -> Image.Image:
        puppet, units = self.puppet, self.motion.units
        body = [(-0.35, 0.6), (0.35, 0.6), (0.4, 1.45), (1.5, 1.9), (1.5, 3), (-1.5, 3), (-1.5, 1.9), (-0.4, 1.45)]
        self.fill(_round(0, -0.15, 1.35, 1.3, 3.2), -0.5, puppet.hair)
        self.fill(body, 0.0, puppet.skin)
        self.fill([(-1.5, 1.9), (-0.4, 1.5), (0, 1.75), (0.4, 1.5), (1.5, 1.9), (1.5, 3), (-1.5, 3)], 0.0, puppet.cloth)
        jaw = 0.06 * units.get("jawOpen", 0.0)
        self.fill(self.face(puppet.chin + jaw), 0.2, puppet.skin)
        self.line([(0.0, 0.34), (0.03, 0.38)], 0.75, 1)
        self.mouth()
        for sign, side in ((1, "Left"), (-1, "Right")):
            self.eye(sign, side)
            self.brow(sign, side)
        edge = [(-1.05, -0.3), *zip(np.linspace(-0.9, 0.9, 7), puppet.fringe, strict=True), (1.05, -0.3)]
        self.fill(
            [(-1.1, 0.2), *edge, (1.1, 0.2), (1.2, -0.6), *_round(0, -0.55, 1.15, 0.75, 2.0)[:11:-1]], 0.75, puppet.hair
        )
        return self.image.resize((self.size, self.size), Image.Resampling.BOX)

    def face(self, chin: float) -> list[tuple[float, float]]:
        """Outline: round above the eyes, pointed below them."""
        angle = np.linspace(0, np.pi, 17)
        below = [(np.cos(a) * (1 - 0.25 * np.sin(a) ** 3), np.sin(a) ** 0.8 * chin) for a in angle]
        return [*below, *((-np.cos(a), -np.sin(a) * 1.1) for a in angle)]

    def eye(self, sign: int, side: str) -> None:
        puppet, units = self.puppet, self.motion.units
        wide, tall = puppet.eye
        open_share = 1 - units.get(f"eyeBlink{side}", 0.0)
        middle = np.array([sign * puppet.at, 0.0])
        angle = np.linspace(0, 2 * np.pi, 33)
        lid = np.sin(angle)
        upper = np.where(lid < 0, lid * (2 * open_share - 1), lid)  # the upper lid comes down onto the lower one
        ring = middle + np.stack([wide * np.cos(angle), tall * upper], 1)
        if open_share > 0.08:
            self.fill(ring, 0.45, (250, 248, 246), outline=False)
            self.iris(ring, middle, tall)
        shut = ring[16:] if open_share > 0.08 else ring[:17]
        self.line(shut, 0.45, puppet.line + 1)

    def iris(self, ring: np.ndarray, middle: np.ndarray, tall: float) -> None:
        """The iris, where the lids show it."""
        gaze = np.array(self.motion.gaze or (0.0, 0.0))
        at = middle + np.sin(np.radians(gaze)) * [0.22, -0.22]
        shown = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(shown).polygon(self.pixels(ring, 0.45), fill=255)
        layer = self.image.copy()
        pen = ImageDraw.Draw(layer)
        for radius, colour in ((0.85, self.puppet.iris), (0.45, (20, 15, 20))):
            pen.polygon(self.pixels(_round(*at, 0.72 * radius * tall, radius * tall, radius * tall), 0.45), fill=colour)
        spot = at + [-0.25 * tall, -0.35 * tall]
        pen.polygon(self.pixels(_round(*spot, 0.2 * tall, 0.2 * tall, 0.2 * tall), 0.45), fill=(255, 255, 255))
        self.image.paste(layer, mask=shown)

    def brow(self, sign: int, side: str) -> None:
        puppet, units = self.puppet, self.motion.units
        height = -puppet.eye[1] - puppet.brow
        inner = 0.14 * units.get(f"browDown{side}", 0.0) - 0.14 * units.get("browInnerUp", 0.0)
        outer = -0.12 * units.get(f"browOuterUp{side}", 0.0)
        ends = [(puppet.at - 0.2, inner), (puppet.at, -0.04 + (inner + outer) / 2), (puppet.at + 0.22, outer + 0.03)]
        self.line([(sign * x, height + y) for x, y in ends], 0.5, puppet.line)

    def mouth(self) -> None:
        wide, low = self.puppet.mouth
        units = self.motion.units
        half = wide * (1 - 0.55 * units.get("mouthPucker", 0.0))
        gape = 0.32 * units.get("jawOpen", 0.0) + 0.05 * units.get("mouthPucker", 0.0)
        x = np.linspace(-1, 1, 13)
        corner = np.where(
            x > 0, units.get("mouthSmileLeft", 0.0) - units.get("mouthFrownLeft", 0.0),
            units.get("mouthSmileRight", 0.0) - units.get("mouthFrownRight", 0.0),
        )  # fmt: skip
        half = half * (1 + 0.35 * np.clip(corner, 0, 1))
        bend = -0.14 * corner * x**2 + low
        top = np.stack([half * x, bend], 1)
        bottom = np.stack([half * x, bend + gape * (1 - x**2)], 1)
        if gape > 0.02:
            self.fill(np.concatenate([top, bottom[::-1]]), 0.55, (140, 40, 50))
        self.line(top, 0.55, self.puppet.line - 1)

    def pixels(self, points: Sequence[Sequence[float]] | np.ndarray, depth: float) -> list[tuple[float, float]]:
        """Pixels of places on a layer that lies `depth` before the axis of the head."""
        moved = np.asarray(points, float) * [self.narrow if depth else 1.0, 1.0]
        if depth:
            neck = np.array([0.0, 1.2])
            moved = (moved + self.parallax * depth * 2 - neck) @ self.roll.T + neck
        return [tuple(place) for place in moved * self.unit + self.size * OVER * np.array([0.5, 0.45])]

    def fill(
        self, points: Sequence[Sequence[float]] | np.ndarray, depth: float, colour: Colour, outline: bool = True
    ) -> None:
        places = self.pixels(points, depth)
        self.pen.polygon(places, fill=colour)
        if outline:
            self.pen.line([*places, places[0]], fill=self.ink, width=self.puppet.line)

    def line(self, points: Sequence[Sequence[float]] | np.ndarray, depth: float, width: int) -> None:
        self.pen.line(self.pixels(points, depth), fill=self.ink, width=max(1, width) * OVER // 2 + 1, joint="curve")


def _round(x: float, y: float, half: float, up: float, down: float) -> list[tuple[float, float]]:
    """An ellipse about a place that reaches otherwise up than down."""
    angle = np.linspace(0, 2 * np.pi, 25)
    return [(x + half * np.cos(a), y + np.sin(a) * (down if np.sin(a) > 0 else up)) for a in angle]
