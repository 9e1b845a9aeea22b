"""Meshes to look at: training rigs made into other people and other styles, and things that have no face."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from blendshape_addon.core.face_space import FaceSpace, eye_centres, point
from blendshape_addon.core.mesh import edges_of, vertex_normals, weld_points
from blendshape_addon.core.vocabulary import LANDMARK_INDEX

from .. import labels
from ..identities import random_warp, sample_neutral
from ..rigs import Rig

HIDEABLE = re.compile("lash|hair|eye|opacity|lacrimal|teeth|tongue|gums|glass|backpack", re.I)
CLOTHES = re.compile("hair|wear|robo", re.I)


@dataclass
class Scene:
    """vertices (V, 3), triangles (T, 3), normals (V, 3) in face space; points (L, 3) landmarks, None without a face."""

    vertices: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray
    points: np.ndarray | None


def of_rig(rig: Rig, rng: np.random.Generator, strength: float = 1.0) -> Scene:
    """A random face on `rig`; strength 0 is the rig itself."""
    index, weight = labels.load(rig.name)

    def marks(v: np.ndarray) -> np.ndarray:
        return (v[index] * weight[:, :, None]).sum(1)

    if strength == 0:
        vertices = rig.vertices
    else:
        vertices = sample_neutral(rig, rng)
        if rig.shapes and rng.random() < 0.5:
            for name in rng.choice(sorted(rig.shapes), 2):
                vertices = vertices + rig.shapes[name] * rng.uniform(0, 0.5)
    vertices = FaceSpace.of(marks(vertices)).to_face(vertices)
    triangles = rig.triangles
    if strength:
        vertices = random_warp(rng, strength * rng.uniform(0, 1.3))(vertices)
        if rng.random() < 0.6:
            vertices = stylise(vertices, marks(vertices), rng, strength)
        if rng.random() < 0.3:
            vertices = relax(vertices, triangles, int(rng.integers(3, 25)), rng.uniform(0.3, 1))
    points = marks(vertices)
    if strength:
        triangles = drop_parts(rig, rng)
        if rng.random() < 0.2:
            seam = weld_points(vertices)
            vertices = vertices + rng.normal(0, rng.uniform(0, 0.008), (seam.max() + 1, 3))[seam]
        if rng.random() < 0.25:
            vertices, triangles = cluster(vertices, triangles, rng.uniform(0.02, 0.07))
        for extra, chance in ((hair_shell, 0.3), (drawn_features, 0.3)):
            if rng.random() < chance:
                more, faces = extra(points, rng)
                triangles = np.concatenate([triangles, faces + len(vertices)])
                vertices = np.concatenate([vertices, more])
    return Scene(vertices, triangles, vertex_normals(vertices, triangles, weld_points(vertices)), points)


def stylise(vertices: np.ndarray, points: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Towards anime, child or muzzle: larger eyes, a shorter narrower jaw, a snout."""
    out = vertices.copy()

    def bump(centre: np.ndarray, width: float) -> np.ndarray:
        return np.exp(-((vertices - centre) ** 2).sum(1) / (2 * width**2))[:, None]

    eye = strength * np.array([rng.uniform(0, 0.4), rng.uniform(0, 1.4), 0])
    for centre in eye_centres(points):
        out += bump(centre, 0.38) * (vertices - centre) * eye
    mouth = point(points, "mouth_corner_l", "mouth_corner_r")
    chin = point(points, "chin_tip")
    out += bump(mouth, 0.4) * (vertices - mouth) * [rng.uniform(-0.4, 0.2) * strength, 0, 0]
    out += bump(chin, 0.7) * [0, rng.uniform(-0.15, 0.4) * strength, rng.uniform(-0.15, 0.1) * strength]
    below = np.clip(-vertices[:, 1:2], 0, 1.5) / 1.5
    out[:, :1] *= 1 - below * rng.uniform(-0.15, 0.35) * strength
    if rng.random() < 0.35:
        nose = (mouth + point(points, "nose_tip")) / 2
        out += bump(nose, rng.uniform(0.35, 0.6)) * [0, 0, rng.uniform(0.1, 0.8) * strength]
    elif rng.random() < 0.5:  # a small flat nose
        nose = point(points, "nose_tip")
        out += bump(nose, 0.22) * [0, 0, -rng.uniform(0, 0.3) * strength]
    return out


def relax(vertices: np.ndarray, triangles: np.ndarray, rounds: int, share: float) -> np.ndarray:
    """Features smoothed away as cartoons do: `share` of `rounds` of Laplacian smoothing over the welded surface."""
    seam = weld_points(vertices)
    edges = edges_of(seam[triangles])
    ends = np.concatenate([edges, edges[:, ::-1]])
    degree = np.maximum(np.bincount(ends[:, 0], minlength=seam.max() + 1), 1)[:, None]
    smooth = np.zeros((seam.max() + 1, 3))
    smooth[seam] = vertices
    for _ in range(rounds):
        around = np.stack([np.bincount(ends[:, 0], smooth[ends[:, 1], k], len(smooth)) for k in range(3)], 1) / degree
        smooth += 0.5 * np.where(degree > 2, around - smooth, 0)
    return vertices + share * (smooth[seam] - vertices)


def drawn_features(points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Irises, lashes and brows as cards that float before the face, as toon avatars have them: (V, 3), (T, 3)."""
    at = LANDMARK_INDEX
    parts, faces = [], []
    wide, tall, near = rng.uniform(0.5, 1.0), rng.uniform(0.9, 1.4), rng.uniform(0.0, 0.05)
    thick, lift = rng.uniform(0.02, 0.09, 2), rng.uniform(0.01, 0.06, 2)
    kept = rng.random(3) < 0.75

    def add(vertices: np.ndarray, triangles: np.ndarray) -> None:
        faces.append(triangles + sum(len(v) for v in parts))
        parts.append(vertices)

    for s in "lr":
        inner, outer = points[at[f"eye_inner_{s}"]], points[at[f"eye_outer_{s}"]]
        upper = points[[at[f"lid_upper_{k}_{s}"] for k in ("in", "mid", "out")]]
        lower = points[at[f"lid_lower_mid_{s}"]]
        if kept[0]:
            centre = (upper[1] + lower) / 2 + [0, 0, near]
            angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)[:, None]
            rim = np.cos(angle) * (outer - inner) / 2 * wide + np.sin(angle) * (upper[1] - lower) / 2 * tall
            n = np.arange(20)
            add(np.concatenate([centre[None], centre + rim]), np.stack([0 * n, 1 + n, 1 + (n + 1) % 20], 1))
        for k, line in ((0, np.concatenate([inner[None], upper, outer[None]])),
                        (1, points[[at[f"brow_{k}_{s}"] for k in ("inner", "mid", "outer")]])):  # fmt: skip
            if kept[k + 1]:
                low = line + [0, 0, lift[k]]
                n = np.arange(len(line) - 1)
                m = n + len(line)
                strip = np.concatenate([np.stack([n, n + 1, m], 1), np.stack([n + 1, m + 1, m], 1)])
                add(np.concatenate([low, low + [0, thick[k], 0]]), strip)
    return (np.concatenate(parts), np.concatenate(faces)) if parts else (np.zeros((0, 3)), np.zeros((0, 3), int))


def drop_parts(rig: Rig, rng: np.random.Generator) -> np.ndarray:
    """(T', 3) triangles without some of the parts that an avatar can lack."""
    hideable = [
        i for i, name in enumerate(rig.part_names) if HIDEABLE.search(name.split(":")[-1]) or CLOTHES.match(name)
    ]
    gone = [i for i in hideable if rng.random() < 0.3]
    return rig.triangles[~np.isin(rig.part_id[rig.triangles[:, 0]], gone)]


def cluster(vertices: np.ndarray, triangles: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Decimation by vertex clustering (Rossignac and Borrel 1993): one vertex a cell of `cell` eye distances."""
    _, group = np.unique(np.round(vertices / cell).astype(int), axis=0, return_inverse=True)
    group = group.reshape(-1)
    count = np.bincount(group)
    merged = np.stack([np.bincount(group, vertices[:, k]) / count for k in range(3)], 1)
    faces = group[triangles]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return merged, faces[whole]


def hair_shell(points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A cap around the head with a jagged fringe, sometimes long at the sides: (V, 3), (T, 3)."""
    brow, chin = point(points, "brow_mid_l", "brow_mid_r"), point(points, "chin_under")
    face = brow[1] - chin[1]
    centre = np.array([0, brow[1] + 0.1 * face, point(points, "jaw_angle_l", "jaw_angle_r")[2]])
    front = point(points, "forehead")[2] - centre[2]
    side = abs(point(points, "jaw_angle_l")[0])
    radius = np.array([side * rng.uniform(1.1, 1.35), face * rng.uniform(0.7, 0.95), front * rng.uniform(1.02, 1.25)])
    rows, columns = 24, 48
    theta = np.linspace(0, np.pi, rows)[:, None]
    phi = np.linspace(-np.pi, np.pi, columns, endpoint=False)[None]
    unit = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi, np.sin(theta) * np.cos(phi)], -1)
    shell = unit * radius + rng.normal(0, 0.02, unit.shape)
    length = rng.uniform(0.3, 2.0)  # of hair at the back and sides
    shell[..., 1] = np.where(shell[..., 1] < 0, shell[..., 1] * length, shell[..., 1])
    shell += centre
    fringe = brow[1] + rng.uniform(-0.25, 0.35) * face + rng.normal(0, 0.06 * face, columns)
    open_angle = rng.uniform(0.7, 1.2)
    is_front = np.abs(phi) < open_angle
    keep = np.where(is_front, shell[..., 1] > fringe, True)
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = r * columns + c, r * columns + (c + 1) % columns
    quads = np.concatenate([np.stack([a, a + columns, b], -1).reshape(-1, 3),
                            np.stack([b, a + columns, b + columns], -1).reshape(-1, 3)])  # fmt: skip
    return shell.reshape(-1, 3), quads[keep.reshape(-1)[quads].all(1)]


def headless(scene: Scene) -> Scene:
    """The scene's body cut off below the chin."""
    keep = scene.vertices[:, 1] < point(scene.points, "chin_under")[1] - 0.05
    return Scene(scene.vertices, scene.triangles[keep[scene.triangles].all(1)], scene.normals, None)


def furniture(rng: np.random.Generator) -> Scene:
    """A pile of boxes, cylinders, balls and rings of random sizes."""
    parts, faces, total = [], [], 0
    for _ in range(rng.integers(1, 8)):
        v, t = _solid(rng)
        v = v * rng.uniform(0.15, 1.5, 3)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if rng.random() < 0.4 else np.eye(3)
        v = v @ turn + rng.uniform(-1.5, 1.5, 3) * [1, 1, 0.5]
        if rng.random() < 0.5:  # symmetric things are the harder ones
            v = np.concatenate([v, v * [-1, 1, 1]])
            t = np.concatenate([t, t + len(v) // 2])
        parts.append(v)
        faces.append(t + total)
        total += len(v)
    vertices, triangles = np.concatenate(parts), np.concatenate(faces)
    return Scene(vertices, triangles, vertex_normals(vertices, triangles), None)


def _solid(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A surface of revolution or a super-ellipsoid: boxes, balls, cylinders and rings are cases of it."""
    n, m = int(rng.choice([4, 6, 12, 24])), int(rng.choice([4, 8, 24]))
    u = np.linspace(-np.pi, np.pi, n, endpoint=False)[:, None]
    w = np.linspace(0, 2 * np.pi, m, endpoint=False)[None]
    ring, power = rng.choice([0.0, 1.2]), rng.choice([0.3, 1.0, 2.0])

    def soft(x: np.ndarray) -> np.ndarray:
        return np.sign(x) * np.abs(x) ** power

    radius = ring + soft(np.cos(u)) * (1 if ring else 0.5)
    points = np.stack([radius * soft(np.cos(w)), soft(np.sin(u)) + 0 * w, radius * soft(np.sin(w))], -1)
    r, c = np.meshgrid(np.arange(n), np.arange(m), indexing="ij")
    a, b, d, e = (
        (r % n) * m + c % m,
        (r % n) * m + (c + 1) % m,
        ((r + 1) % n) * m + c % m,
        ((r + 1) % n) * m + (c + 1) % m,
    )
    quads = np.concatenate([np.stack([a, d, b], -1).reshape(-1, 3), np.stack([b, d, e], -1).reshape(-1, 3)])
    return points.reshape(-1, 3), quads
