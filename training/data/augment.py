"""The same face as another mesh: each function takes a LabelledFace and gives one, truth and landmarks carried along.

Identities and smooth warps change the face (`identities`, `toon`); these change how it is built.
"""

from __future__ import annotations

from dataclasses import replace

import fast_simplification
import numpy as np

from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.face.parts import Part, classify
from blendshape_addon.core.geometry.mesh import edges_of, weld_points

from .labelled_face import LabelledFace

FACE_LOW, FACE_HIGH = np.array([-1.2, -2.0, -0.9]), np.array([1.2, 0.9, 1.2])
NECK = 0.7  # eye distances below the chin from which there is body
CUT_DRAWS = 10  # of random cuts: on one face in twenty a single cut misses
Solid = tuple[np.ndarray, np.ndarray]  # (V, 3) vertices and (T, 3) triangles in face space


def face_vertices(face: LabelledFace) -> np.ndarray:
    """(V,) bool: the skin of the face, without the rest of the head and the body."""
    skin = classify(face.avatar, face.vertices, face.marks) == Part.SKIN
    return skin & ((face.vertices > FACE_LOW) & (face.vertices < FACE_HIGH)).all(1)


def decimated(face: LabelledFace, vertices: int) -> LabelledFace:
    """About `vertices` vertices on the skin of the face, all else as much coarser (Garland and Heckbert 1997).

    A vertex that several fell into takes the truth of the one nearest to it.
    """
    face = welded(face)
    points, triangles = face.vertices.astype(np.float32), face.triangles.astype(np.int32)
    on_face = face_vertices(face)
    if on_face.sum() <= vertices:
        return face
    low, high = 0.0, 1.0
    for _ in range(8):  # which share of all is so many in the face: hair and cloth give way earlier or later than skin
        share = (low + high) / 2
        _, _, collapses = fast_simplification.simplify(
            points, triangles, target_reduction=1 - share, return_collapses=True
        )
        where, faces, group = fast_simplification.replay_simplification(points, triangles, collapses)
        used, faces = np.unique(faces, return_inverse=True)
        count = len(np.intersect1d(used, group[on_face]))
        if abs(count - vertices) < 0.1 * vertices:
            break
        low, high = (share, high) if count < vertices else (low, share)
    where, faces = where[used].astype(float), faces.reshape(-1, 3)
    position = np.full(group.max() + 1, -1)
    position[used] = np.arange(len(used))
    members = np.flatnonzero(position[group] >= 0)
    owner = position[group[members]]
    far = ((face.vertices[members] - where[owner]) ** 2).sum(1)
    order = np.lexsort((far, owner))
    first = np.unique(owner[order], return_index=True)[1]
    return replace(face.taken(members[order[first]], faces), vertices=where)


def subdivided(face: LabelledFace, vertices: int) -> LabelledFace:
    """Every triangle cut into four at the middle of its edges, as often as brings the mesh nearest to `vertices`."""
    while 2 * len(face.vertices) <= vertices:
        face = _quartered(face)
    return face


def _quartered(face: LabelledFace) -> LabelledFace:
    edges = edges_of(face.triangles)
    count = len(face.vertices)
    code = edges[:, 0] * count + edges[:, 1]

    def middle(i: int, j: int) -> np.ndarray:
        pair = np.sort(face.triangles[:, [i, j]].astype(np.int64), axis=1)
        return count + np.searchsorted(code, pair[:, 0] * count + pair[:, 1])

    a, b, c = face.triangles.T
    ab, bc, ca = middle(0, 1), middle(1, 2), middle(2, 0)
    finer = face.taken(
        np.concatenate([np.arange(count), edges[:, 0]]),
        np.concatenate([np.stack(corner, 1) for corner in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]),
    )
    finer.vertices[count:] = face.vertices[edges].mean(1)
    finer.offsets[:, count:] = (face.offsets[:, edges[:, 0]] + face.offsets[:, edges[:, 1]]) / 2
    return finer


def retriangulated(face: LabelledFace, rng: np.random.Generator, share: float = 0.5) -> LabelledFace:
    """The other diagonal in up to `share` of the quads that two neighbouring triangles make, where they are flat enough
    for it."""
    triangles = face.triangles.astype(np.int64)
    corner = np.concatenate([triangles[:, [0, 1, 2]], triangles[:, [1, 2, 0]], triangles[:, [2, 0, 1]]])
    owner = np.tile(np.arange(len(triangles)), 3)
    low, high = corner[:, :2].min(1), corner[:, :2].max(1)
    code = low * len(face.vertices) + high
    order = np.argsort(code, kind="stable")
    _, start, count = np.unique(code[order], return_index=True, return_counts=True)
    first, second = order[start[count == 2]], order[start[count == 2] + 1]
    first, second = (x[corner[first, 0] == corner[second, 1]] for x in (first, second))  # both wound alike
    a, b, c, d = corner[first, 0], corner[first, 1], corner[first, 2], corner[second, 2]
    faces = [np.stack(t, 1) for t in ((a, b, c), (b, a, d), (c, d, b), (d, c, a))]
    normals = [np.cross(v[:, 1] - v[:, 0], v[:, 2] - v[:, 0]) for v in (face.vertices[f] for f in faces)]
    unit = [n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12) for n in normals]
    flat = np.min([(unit[i] * unit[j]).sum(1) for i, j in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3))], axis=0) > 0.8
    # Each triangle is in one quad at most: the one that drew the lowest number of those around it.
    draw = np.where(flat & (rng.random(len(a)) < share), rng.random(len(a)), np.inf)
    least = np.full(len(triangles), np.inf)
    for side in (first, second):
        np.minimum.at(least, owner[side], draw)
    chosen = np.isfinite(draw) & (draw == least[owner[first]]) & (draw == least[owner[second]])
    triangles[owner[first[chosen]]], triangles[owner[second[chosen]]] = faces[2][chosen], faces[3][chosen]
    return replace(face, triangles=triangles)


def split(face: LabelledFace, rng: np.random.Generator, cuts: int = 5) -> LabelledFace:
    """Vertices doubled along seams, as a UV map or flat shading splits them; `cuts` wavy cuts through the head, 0 parts
    every triangle from its neighbours. Cuts that all miss the mesh are drawn again, CUT_DRAWS times at most."""
    used = len(np.unique(face.triangles))
    for _ in range(CUT_DRAWS):
        chart = _charts(face, rng, cuts) if cuts else np.arange(len(face.triangles))
        code = chart[:, None] * len(face.vertices) + face.triangles
        corners, triangles = np.unique(code, return_inverse=True)
        if len(corners) > used:
            break
    return face.taken(corners % len(face.vertices), triangles.reshape(-1, 3))


def _charts(face: LabelledFace, rng: np.random.Generator, cuts: int) -> np.ndarray:
    """(T,) int64 which of the pieces between `cuts` random wavy cuts each triangle's middle lies in."""
    middle = face.vertices[face.triangles].mean(1)
    way = rng.normal(size=(cuts, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    wave = 0.1 * np.sin(middle @ rng.normal(0, 5, (3, cuts)))
    return ((middle @ way.T + wave > rng.uniform(-1, 0.5, cuts)) * (1 << np.arange(cuts))).sum(1)


def welded(face: LabelledFace) -> LabelledFace:
    """Vertices at one place become one if they are one object and move alike: merged by distance, lips left apart."""
    place = weld_points(face.vertices)
    motion = np.round(face.offsets.sum((0, 2)) / 2e-3).astype(np.int64)
    keys = np.stack([place, face.part_id.astype(np.int64), motion], 1)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    triangles = group.reshape(-1)[face.triangles]
    whole = (triangles != np.roll(triangles, 1, axis=1)).all(1)
    return face.taken(first, triangles[whole])


def noisy(face: LabelledFace, rng: np.random.Generator, size: float) -> LabelledFace:
    """Every point off its place by a normal error of `size` eye distances per axis, seams kept together."""
    place = weld_points(face.vertices)
    return replace(face, vertices=face.vertices + rng.normal(0, size, (place.max() + 1, 3))[place])


def merged(face: LabelledFace) -> LabelledFace:
    """One object: which vertices are teeth, eyes or hair is no longer said by a name."""
    return replace(face, part_id=np.zeros_like(face.part_id), part_names=("Avatar",))


def beside(face: LabelledFace, vertices: np.ndarray, triangles: np.ndarray, name: str) -> LabelledFace:
    """The head with another object, (V', 3) in face space and (T', 3), that no expression moves: a body, hair."""
    count = len(vertices)
    return replace(
        face,
        vertices=np.concatenate([face.vertices, vertices]),
        triangles=np.concatenate([face.triangles, triangles + len(face.vertices)]),
        part_id=np.concatenate([face.part_id, np.full(count, len(face.part_names), face.part_id.dtype)]),
        part_names=(*face.part_names, name),
        offsets=np.concatenate([face.offsets, np.zeros((len(face.names), count, 3), np.float32)], axis=1),
        hidden=np.concatenate([face.hidden, np.zeros(count, bool)]),
    )


def alone(face: LabelledFace) -> LabelledFace:
    """A head without its body."""
    return face.kept(face.triangles[(face.vertices[face.triangles, 1] > _neck(face)).all(1)])


def body_of(face: LabelledFace) -> Solid | None:
    """The body below a head, None if there is none."""
    if face.vertices[:, 1].min() > _neck(face) - 5:
        return None
    body = face.kept(face.triangles[(face.vertices[face.triangles, 1] < _neck(face)).all(1)])
    return body.vertices, body.triangles


def _neck(face: LabelledFace) -> float:
    return float(point(face.marks, "chin_under")[1] - NECK)
