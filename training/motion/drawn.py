"""Drawn faces made of renders: the same scene as an artist of anime, of comics or a parser of faces would show it.

All that is true of the render is true of the drawing. `training/motion/puppets.py` has faces that are flat to begin
with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.mesh import vertex_normals

from ..renders import Scene, looks, render
from ..renders.looks import Colour, Look
from ..renders.parameters import CAMERA
from ..renders.scene import Truth

STYLES = ("toon", "line", "poster", "parts")
INK: Colour = (0.12, 0.08, 0.10)
PAPER: Colour = (0.97, 0.96, 0.94)
STEP = 0.12  # eye distances in depth from which there is a line
# Of a parser: what it calls skin, hair, lips, irises, brows and lashes, inside of the mouth, teeth, tongue, clothes.
LABELS: tuple[Colour, ...] = (
    (0.85, 0.60, 0.40), (0.25, 0.25, 0.65), (0.80, 0.20, 0.25), (0.20, 0.70, 0.45), (0.95, 0.85, 0.25),
    (0.35, 0.05, 0.10), (0.95, 0.95, 0.95), (0.75, 0.35, 0.55), (0.30, 0.55, 0.60),
)  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """style: of STYLES. shade: colour of shadows, which lie where less light comes than `edge`. line: width of lines in
    samples of the picture, 0 for none. levels: of each colour of a poster."""

    style: str
    shade: Colour = (0.80, 0.72, 0.82)
    edge: float = 0.45
    line: int = 2
    levels: int = 5


def random(style: str, rng: np.random.Generator) -> Drawing:
    """An artist's hand."""
    shade = tuple((rng.uniform(0.6, 0.9) + rng.normal(0, 0.05, 3)).clip(0, 1).tolist())
    return Drawing(style, shade, float(rng.uniform(0.3, 0.6)), int(rng.integers(1, 4)), int(rng.integers(4, 7)))


def look(rng: np.random.Generator) -> Look:
    """Somebody's look in anime: pale skin, hair and irises of any colour."""

    def vivid() -> Colour:
        return tuple((rng.uniform(0.1, 0.7) + rng.uniform(0, 0.3) * rng.random(3)).clip(0, 1).tolist())

    skin = tuple((np.array((0.99, 0.88, 0.80)) * rng.uniform(0.75, 1.0) + rng.normal(0, 0.02, 3)).clip(0, 1).tolist())
    return replace(
        looks.random(rng), skin=skin, hair=vivid(), iris=vivid(), freckles=0.0, lip_share=rng.uniform(0.1, 0.8)
    )


def draw(scene: Scene, drawing: Drawing) -> tuple[np.ndarray, Truth]:
    """The (size, size, 3) uint8 drawing of a scene, and what is true of the scene."""
    picture, truth = render(replace(scene, noise=0.0, blur=0.0))
    if drawing.style == "poster":
        return _poster(picture, drawing.levels), truth
    colours = _colours(scene, truth, drawing)
    edges = _edges(scene, truth, drawing.line) if drawing.style != "parts" else np.zeros(colours.shape[:2], bool)
    colours[edges] = INK
    size, samples = scene.size, truth.samples
    small = colours.reshape(size, samples, size, samples, 3)
    small = small[:, 0, :, 0] if drawing.style == "parts" else small.mean((1, 3))  # labels have no shades
    return np.round(small.clip(0, 1) * 255).astype(np.uint8), truth


def _poster(picture: np.ndarray, levels: int) -> np.ndarray:
    """Few levels of each colour, with dark lines where brightness jumps."""
    steps = levels - 1
    flat = np.round(picture / 255 * steps) / steps
    grey = picture.astype(float).mean(2)
    jump = np.hypot(*np.gradient(grey))
    flat[jump > 30] *= 0.4
    return np.round(flat * 255).astype(np.uint8)


def _colours(scene: Scene, truth: Truth, drawing: Drawing) -> np.ndarray:
    """(S, S, 3) flat colours of samples, 0 to 1."""
    person, mask = scene.person, truth.drawn.mask
    corners, weights = truth.triangles[truth.drawn.triangle[mask]], truth.drawn.barycentric[mask]

    def at(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nkc->nc", weights, values[corners])

    image = np.empty((*mask.shape, 3))
    image[:] = {"line": PAPER, "parts": (0, 0, 0)}.get(drawing.style, scene.light.wall[0])
    worn = scene.look
    if drawing.style == "parts":
        skin, hair, lips, iris, *_, cloth = LABELS
        lips = tuple((2 * np.array(lips) - skin).tolist())  # which are mixed with the skin
        worn = replace(
            worn, skin=skin, hair=hair, iris=iris, cloth=cloth, brow_share=1.0, line_share=1.0, lip_share=1.0
        )
    colours = looks.paint(person, replace(worn, freckles=0.0), at(person.face.vertices), corners[:, 0])
    part = person.part[corners[:, 0]]
    if drawing.style == "parts":
        labels = np.array([*LABELS, looks.PALETTE.white, looks.PALETTE.inside, looks.PALETTE.line])
        image[mask] = labels[((colours[:, None] - labels) ** 2).sum(2).argmin(1)]
        return image
    if drawing.style == "line":
        dark = (colours.mean(1) < 0.55 * np.mean(worn.skin)) & (part != Part.OTHER)
        image[mask] = np.where(dark[:, None], INK, PAPER)
        return image
    light = np.array(scene.light.direction) / np.linalg.norm(scene.light.direction)
    scale = scene.size / (2 * CAMERA.half)  # pixels of an eye distance
    normals = at(vertex_normals(truth.vertices / [scale, -scale, 1], truth.triangles))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    shaded = (0.5 + 0.5 * normals @ light < drawing.edge) & (part == Part.SKIN)
    image[mask] = colours * np.where(shaded[:, None], drawing.shade, 1.0)
    return image


def _edges(scene: Scene, truth: Truth, width: int) -> np.ndarray:
    """(S, S) bool: lines where what is seen jumps in depth or is of another part."""
    drawn = truth.drawn
    depth = np.where(drawn.mask, drawn.depth, -9.0)
    part = np.where(drawn.mask, scene.person.part[truth.triangles[drawn.triangle][..., 0]], -1)
    found = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        jump = (np.abs(np.diff(depth, axis=axis)) > STEP) | (np.diff(part, axis=axis) != 0)
        for far in range(width):  # lines are as wide as the samples beyond a jump
            count = depth.shape[axis] - 1 - far
            where = tuple(slice(far, far + count) if a == axis else slice(None) for a in (0, 1))
            found[where] |= np.take(jump, np.arange(count), axis)
    return found
