"""Anime and toon proportions for faces of realistic rigs."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.geometry.thin_plate import ThinPlate
from blendshape_addon.core.vocabulary import LANDMARK_INDEX, LANDMARKS

from .labelled_face import LabelledFace

_EYES = {
    s: [i for i, n in enumerate(LANDMARKS) if n.startswith(("eye_", "lid_")) and n.endswith(f"_{s}")] for s in "lr"
}
_BROWS = {s: [LANDMARK_INDEX[f"brow_{k}_{s}"] for k in ("inner", "mid", "outer")] for s in "lr"}
_NOSE = [i for i, n in enumerate(LANDMARKS) if n.startswith(("nose_tip", "nose_base", "nose_wing"))]
_LIPS = [i for i, n in enumerate(LANDMARKS) if n.startswith(("lip", "mouth"))]


def proportions(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(L, 3) where a toon would have the landmarks of (L, 3) face-space `points`: tall eyes, little below them."""
    out = points.copy()
    opening = np.ptp(points[_EYES["l"]][:, 1])
    tall = max(rng.uniform(0.12, 0.65), opening) / opening
    wide, apart = rng.uniform(0.8, 1.5), rng.uniform(-0.06, 0.1)
    tilt, flat = rng.normal(0, 0.1), rng.uniform(0.5, 1)
    lash = rng.uniform(0, 0.2)
    for s, side in (("l", 1), ("r", -1)):
        ring, centre = points[_EYES[s]], points[_EYES[s]].mean(0)
        moved = (ring - centre) * [wide, tall, flat]
        moved[:, 1] += moved[:, 0] * side * tilt
        grown = np.ptp(moved[:, 1]) / 2 - np.ptp(ring[:, 1]) / 2
        out[_EYES[s]] = centre + moved + [side * apart, 0, 0]
        out[_BROWS[s]] += [side * apart, grown + lash, 0]
    out[LANDMARK_INDEX["forehead"], 1] += grown + lash + rng.uniform(0, 0.3)
    chin, mouth = point(points, "chin_under")[1], point(points, "mouth_corner_l", "mouth_corner_r")[1]
    nose = point(points, "nose_base")[1]
    new_chin = -rng.uniform(0.9, 1.75)
    new_mouth = new_chin * rng.uniform(0.55, 0.82)
    new_nose = new_mouth * rng.uniform(0.5, 0.85)
    below = [i for i, n in enumerate(LANDMARKS) if n.startswith(("nose_", "lip", "mouth", "cheek", "jaw", "chin"))]
    out[below, 1] = np.interp(
        points[below, 1], [chin - 1, chin, mouth, nose, 0], [new_chin - 1, new_chin, new_mouth, new_nose, 0]
    )
    line = point(out, "mouth_corner_l", "mouth_corner_r")
    wide = rng.uniform(1.1, 1.9) if rng.random() < 0.2 else rng.uniform(0.3, 1.1)  # a fifth as wide as an animal's
    out[_LIPS] = line + (out[_LIPS] - line) * [wide, rng.uniform(0.15, 1), rng.uniform(0.3, 1)]
    ground = (point(out, "nose_bridge") + line) / 2
    out[_NOSE, 2] = ground[2] + (out[_NOSE, 2] - ground[2]) * rng.uniform(0.05, 0.9)
    out[_NOSE, 0] *= rng.uniform(0.3, 1)
    out[LANDMARK_INDEX["nose_bridge"], 2] += rng.uniform(-0.05, 0.1)
    for name, low in (("jaw_angle", 0.7), ("cheek", 0.95)):
        share = rng.uniform(low, 1.35)
        for s in "lr":
            out[LANDMARK_INDEX[f"{name}_{s}"], 0] *= share
    if rng.random() < 0.2:  # a snout
        out[_NOSE + _LIPS, 2] += rng.uniform(0.1, 0.7)
        out[[LANDMARK_INDEX[n] for n in ("chin_tip", "chin_under")], 2] += rng.uniform(0, 0.4)
    if rng.random() < 0.3:
        muzzle(out, rng)
    return out


def muzzle(points: np.ndarray, rng: np.random.Generator) -> None:
    """Give (L, 3) landmarks an animal's muzzle, in place: a mouth about as wide as the eyes are apart that bends around
    the muzzle and often up to the cheeks, under a broad nose, on a wide head."""
    line = point(points, "mouth_corner_l", "mouth_corner_r")
    width = 2 * abs(point(points, "mouth_corner_l")[0] - line[0])
    lips = points[_LIPS]
    across = (lips[:, 0] - line[0]) / max(width / 2, 1e-3)  # -1 to 1 from corner to corner
    wanted = rng.uniform(0.85, 1.5)
    lips[:, 0] = line[0] + across * wanted / 2
    lips[:, 1] += rng.uniform(-0.05, 0.35) * (across**2 - 0.5)  # corners above the middle: a smile at rest
    out = rng.uniform(0, 0.8)
    lips[:, 2] += out - rng.uniform(0.2, 0.6) * (wanted / 2) * across**2
    points[_LIPS] = lips
    nose = points[_NOSE]
    ground = point(points, "nose_base")
    nose = ground + (nose - ground) * [rng.uniform(0.8, 2.2), rng.uniform(0.6, 1.4), rng.uniform(0.3, 1.2)]
    points[_NOSE] = nose + [0, rng.uniform(0, 0.3), out * rng.uniform(0.7, 1.2)]
    points[[LANDMARK_INDEX[n] for n in ("chin_tip", "chin_under")], 2] += out * rng.uniform(0.1, 0.7)
    for name in ("jaw_angle", "cheek"):
        wide = rng.uniform(1, 1.5)
        for s in "lr":
            points[LANDMARK_INDEX[f"{name}_{s}"], 0] *= wide


def warp(vertices: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(V, 3) face-space vertices bent so that the landmarks take a toon's proportions; the skull grows with them."""
    out = vertices.copy()
    far = np.linalg.norm(vertices - [0, -0.4, -0.3], axis=1)
    weight = np.clip((4.5 - far) / 2.7, 0, 1)
    near = weight > 0
    move = ThinPlate(points, proportions(points, rng) - points, 1e-3)(vertices[near])
    limit = np.maximum(np.linalg.norm(move, axis=1, keepdims=True) / 0.9, 1)
    out[near] += move / limit * (weight[near] ** 2 * (3 - 2 * weight[near]))[:, None]
    skull = 1 / (1 + np.exp(-6 * (vertices[:, 1:2] - 0.2 - 0.5 * vertices[:, 2:3])))
    return out + skull * (out - [0, 0, -0.6]) * rng.uniform(0, 0.3) * (weight[:, None] > 0) * weight[:, None]


def toonish(face: LabelledFace, rng: np.random.Generator) -> LabelledFace:
    """The face with a toon's proportions, one draw of them for the neutral and every shape."""
    seed = int(rng.integers(1 << 32))
    return face.mapped(lambda points: warp(points, face.marks, np.random.default_rng(seed)))
