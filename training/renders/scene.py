"""One picture of a person, and all that is true of it.

Axes of a face: x to the person's left, y up, z forward; of the picture: pixels right and down from its upper left
corner. The numpy rasteriser of the core draws; colours are computed per pixel, so that a coarse mesh has sharp irises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.mesh import vertex_normals
from blendshape_addon.core.geometry.raster import Picture, rasterise, to_pixels
from blendshape_addon.core.motion import pose
from blendshape_addon.core.vocabulary import ARKIT, LANDMARK_INDEX

from . import eyes, looks
from .looks import Look
from .parameters import CAMERA
from .people import Person

GazePair = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Light:
    """direction: towards the light, in the picture's axes (x right, y up, z to the camera). ambient: share that comes
    from everywhere. colour: of the light. wall: two colours of the background, above and below; clutter: how uneven."""

    direction: tuple[float, float, float] = (0.35, 0.55, 0.76)
    ambient: float = 0.45
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    wall: tuple[looks.Colour, looks.Colour] = ((0.60, 0.63, 0.66), (0.46, 0.49, 0.54))
    clutter: float = 0.0


@dataclass(frozen=True)
class Scene:
    """What is drawn.

    units: ARKit names to 0 to 1; the eyeLook keys of the rig move its lids, never its eyeballs. gaze: degrees to the
    person's left and up, of the left and the right eye; None: what the eyeLook units say. head: rotation vector, axis
    times degrees, in the axes of the face (nodding, turning to the person's left, tilting to the person's right).
    shift: of the head right and up in the picture; distance: of the camera; both in eye distances. size: pixels. blur,
    noise: standard deviations, in pixels and in steps of 255. seed: of noise and background.
    """

    person: Person
    look: Look = field(default_factory=Look)
    units: Mapping[str, float] = field(default_factory=dict)
    gaze: GazePair | None = None
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift: tuple[float, float] = (0.0, 0.0)
    distance: float = CAMERA.distance
    light: Light = field(default_factory=Light)
    size: int = 256
    blur: float = 0.0
    noise: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Truth:
    """What is true of a picture.

    units: all 52 ARKit units as they are in effect, 0 where the rig cannot make one, and eyeLook by the angles of the
    eyes. known: the units that the rig can make. gaze: (2, 2) degrees to the person's left and up of the left and the
    right eye, against the head. blink: (2,) how far each eye is closed, 0 to 1: 1 less the distance of its lids'
    middles over that at rest. head: (3, 3) rotation of the face against the camera. landmarks: (L, 3) pixels right and
    down, and eye distances towards the camera, in the order of `vocabulary.LANDMARKS`. vertices: (V, 3) likewise.
    drawn: what each sample of the picture sees, `samples` of them per pixel and direction.
    """

    units: dict[str, float]
    known: frozenset[str]
    gaze: np.ndarray
    blink: np.ndarray
    head: np.ndarray
    landmarks: np.ndarray
    vertices: np.ndarray
    triangles: np.ndarray
    drawn: Picture
    samples: int


def render(scene: Scene) -> tuple[np.ndarray, Truth]:
    """The (size, size, 3) uint8 picture and its truth."""
    person, face = scene.person, scene.person.face
    gaze = np.array(eyes.to_degrees(dict(scene.units)) if scene.gaze is None else scene.gaze, float)
    look_units = eyes.to_units(gaze)
    units = dict.fromkeys(ARKIT, 0.0) | {k: float(v) for k, v in scene.units.items() if k in person.index}
    units |= look_units
    posed = _posed(person, units, gaze)
    marks = face.marks + _mixed(person, units, face.mark_offsets)

    head = pose.to_matrices(np.radians([scene.head]))[0]
    seen = _to_picture(posed, head, scene)
    drawn = rasterise(seen, face.triangles, scene.size * CAMERA.samples)
    image = _shaded(scene, drawn, posed @ head.T)
    picture = _spoiled(image, scene)

    truth = Truth(
        units=units, known=person.makes, gaze=gaze, blink=_closed(face.marks, marks),
        head=head, landmarks=_in_pixels(_to_picture(marks, head, scene), scene.size),
        vertices=_in_pixels(seen, scene.size), triangles=face.triangles, drawn=drawn, samples=CAMERA.samples,
    )  # fmt: skip
    return picture, truth


def flow(before: Truth, after: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Optical flow between two pictures of one person: (S, S, 2) pixels right and down by which moves what each pixel
    of the first sees, and (S, S) share of the pixel that the person covers; where that is 0 the flow means nothing.
    What is hidden in the second picture moves all the same."""
    moved = before.drawn.interpolate(after.vertices[:, :2] - before.vertices[:, :2], before.triangles)
    size, samples = len(before.drawn.mask) // before.samples, before.samples
    covered = before.drawn.mask.reshape(size, samples, size, samples)
    share = covered.mean((1, 3))
    total = moved.reshape(size, samples, size, samples, 2).sum((1, 3))
    return total / np.maximum(covered.sum((1, 3)), 1)[..., None], share


def _mixed(person: Person, units: Mapping[str, float], offsets: np.ndarray) -> np.ndarray:
    """The sum of (S, N, 3) offsets of the person's units as they are in effect: (N, 3)."""
    weights = np.array([units[name] for name in person.face.names])
    used = np.flatnonzero(weights)
    return (
        np.tensordot(weights[used], offsets[used].astype(float), axes=1) if len(used) else np.zeros(offsets.shape[1:])
    )


def _posed(person: Person, units: Mapping[str, float], gaze: np.ndarray) -> np.ndarray:
    """(V, 3) in face space, the head not turned."""
    rest = person.face.vertices
    posed = rest + _mixed(person, units, person.face.offsets)
    for eye, (across, up) in zip(person.eyes, gaze, strict=True):
        posed[eye.chosen] = (rest[eye.chosen] - eye.centre) @ eyes.turn(across, up).T + eye.centre
    return posed


def _to_picture(points: np.ndarray, head: np.ndarray, scene: Scene) -> np.ndarray:
    """(N, 3) points of a face, the head turned about the neck, in the view space of the rasteriser, in perspective."""
    neck = np.array(CAMERA.neck)
    placed = (points - neck) @ head.T + neck
    view = placed - CAMERA.centre
    view[:, :2] += scene.shift
    view *= (CAMERA.distance / (scene.distance - placed[:, 2]) / CAMERA.half)[:, None]
    view[:, 2] = placed[:, 2]
    return view


def _in_pixels(view: np.ndarray, size: int) -> np.ndarray:
    return np.column_stack([to_pixels(view, size), view[:, 2]])


def _closed(rest: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """(2,) as Truth.blink."""
    closed = []
    for side, _, _ in eyes.SIDES:
        upper, lower = (LANDMARK_INDEX[f"lid_{edge}_mid_{side}"] for edge in ("upper", "lower"))
        closed.append(1 - (marks[upper] - marks[lower])[1] / (rest[upper] - rest[lower])[1])
    return np.clip(closed, 0, 1)


def _shaded(scene: Scene, drawn: Picture, posed: np.ndarray) -> np.ndarray:
    """(S, S, 3) colours, 0 to 1, of `size` times `samples` pixels."""
    person, triangles, light = scene.person, scene.person.face.triangles, scene.light
    image = _background(scene, len(drawn.mask))
    mask = drawn.mask
    corners, weights = triangles[drawn.triangle[mask]], drawn.barycentric[mask]

    def at(values: np.ndarray) -> np.ndarray:
        return np.einsum("nk,nkc->nc", weights, values[corners])

    colours = looks.paint(person, scene.look, at(person.face.vertices), corners[:, 0])
    normals = at(vertex_normals(posed, triangles))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    normals *= np.where(normals[:, 2:] < -0.3, -1, 1)  # what is seen from behind is lit from the front, too
    direction = np.array(light.direction) / np.linalg.norm(light.direction)
    # Half Lambert (Mitchell, McTaggart and Green, "Shading in Valve's Source Engine", 2006): soft, as skin is.
    lambert = (0.5 + 0.5 * normals @ direction).clip(0, 1) ** 2
    lit = colours * (light.ambient + (1.15 - light.ambient) * lambert)[:, None] * light.colour
    half = direction + [0, 0, 1]
    gloss = (normals @ (half / np.linalg.norm(half))).clip(0, 1)
    is_eye = person.part[corners[:, 0]] == Part.EYE
    lit += np.where(is_eye, 0.7 * gloss**120, 0.06 * gloss**12)[:, None]
    inside = np.isin(person.part[corners[:, 0]], (Part.MOUTH, Part.TONGUE, Part.TEETH_UPPER, Part.TEETH_LOWER))
    lit[inside] *= 0.75  # less light comes into a mouth
    image[mask] = lit
    return image


def _background(scene: Scene, size: int) -> np.ndarray:
    light = scene.light
    down = (np.arange(size) / (size - 1))[:, None, None]
    image = np.array(light.wall[0]) * (1 - down) + np.array(light.wall[1]) * down + np.zeros((size, size, 3))
    if light.clutter:
        rng = np.random.default_rng([scene.seed, 1])
        for _ in range(6):  # furniture: boxes of other colours
            low = rng.uniform(-0.2, 0.9, 2) * size
            high = low + rng.uniform(0.1, 0.5, 2) * size
            (top, left), (bottom, right) = low.clip(0).astype(int), high.astype(int)
            image[top:bottom, left:right] += light.clutter * rng.normal(0, 1, 3)
    return image


def _spoiled(image: np.ndarray, scene: Scene) -> np.ndarray:
    """The picture as a camera gives it: reduced, blurred, noisy, 8 bits."""
    size, samples = scene.size, CAMERA.samples
    image = image.reshape(size, samples, size, samples, 3).mean((1, 3))
    if scene.blur:
        reach = int(np.ceil(3 * scene.blur))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / scene.blur) ** 2)
        kernel /= kernel.sum()
        for axis in (0, 1):
            ends = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
            padded = np.pad(image, ends, mode="edge")
            image = sum(k * np.take(padded, np.arange(n, n + size), axis) for n, k in enumerate(kernel))
    if scene.noise:
        image = image + np.random.default_rng([scene.seed, 2]).normal(0, scene.noise / 255, image.shape)
    return np.round(image.clip(0, 1) * 255).astype(np.uint8)
