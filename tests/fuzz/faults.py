"""Kinds of faults, each a function of a subject, a random generator and a word that may stand for any name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from blendshape_addon.core.vocabulary import ALL_SHAPES, LANDMARK_MIRROR

from .subjects import Subject, clustered

Fault = Callable[[Subject, np.random.Generator, str], Subject]


def duplicate_triangles(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    again = s.triangles[rng.integers(0, len(s.triangles), rng.integers(1, max(2, len(s.triangles))))]
    turned = again if rng.random() < 0.5 else again[:, ::-1]
    return replace(s, triangles=np.concatenate([s.triangles, turned]))


def degenerate_triangles(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Corners that are one vertex, some of them thrice."""
    triangles = s.triangles.copy()
    some = rng.random(len(triangles)) < rng.choice([0.01, 0.2, 1.0])
    triangles[some, 1] = triangles[some, 0]
    if rng.random() < 0.5:
        triangles[some, 2] = triangles[some, 0]
    return replace(s, triangles=triangles)


def zero_area(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Edges drawn together to a point."""
    vertices = s.vertices.copy()
    some = s.triangles[rng.random(len(s.triangles)) < rng.choice([0.01, 0.2, 0.9])]
    vertices[some[:, 1]] = vertices[some[:, 0]]
    return replace(s, vertices=vertices)


def flattened(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Squeezed to a plane, nearly or wholly."""
    linear = np.eye(3)
    linear[2, 2] = rng.choice([0.0, 1e-9, 1e-5, 1e-3, 0.1])
    return s.mapped(linear, np.zeros(3))


def collapsed(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Every vertex, or every one of an object, at one place."""
    vertices = s.vertices.copy()
    some = s.object_id == rng.integers(len(s.names)) if rng.random() < 0.7 else np.ones(len(vertices), bool)
    vertices[some] = vertices[0]
    return replace(s, vertices=vertices)


def fans(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Edges with many triangles on them."""
    edges = s.triangles[rng.integers(0, len(s.triangles), rng.integers(1, 20)), :2]
    blades = int(rng.integers(3, 60))
    edges = np.repeat(edges, blades, axis=0)
    tips = s.vertices[edges].mean(1) + rng.normal(0, 0.1 * s.size, (len(edges), 3))
    more = s.joined(tips, np.empty((0, 3), np.int64))
    fan = np.column_stack([edges, len(s.vertices) + np.arange(len(edges))])
    return replace(more, triangles=np.concatenate([s.triangles, fan]))


def loose_vertices(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Vertices of no triangle, near or very far away."""
    spread = s.size * 10.0 ** rng.uniform(-1, 8)
    places = s.marks.mean(0) + rng.normal(0, spread, (rng.integers(1, 300), 3))
    return s.joined(places, np.empty((0, 3), np.int64))


def stray_vertices(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Vertices of triangles pulled far away, as spikes."""
    vertices = s.vertices.copy()
    some = rng.integers(0, len(vertices), rng.integers(1, 8))
    vertices[some] += rng.normal(0, s.size * 10.0 ** rng.uniform(0, 5), (len(some), 3))
    return replace(s, vertices=vertices)


def flipped_normals(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    triangles = s.triangles.copy()
    some = rng.random(len(triangles)) < rng.choice([0.02, 0.5, 1.0])
    triangles[some] = triangles[some][:, ::-1]
    return replace(s, triangles=triangles)


def not_numbers(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    vertices = s.vertices.copy()
    some = rng.integers(0, len(vertices), rng.integers(1, 10))
    vertices[some, rng.integers(0, 3)] = rng.choice([np.nan, np.inf, -np.inf])
    return replace(s, vertices=vertices)


def scaled(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Huge or tiny."""
    return s.mapped(np.eye(3) * 10.0 ** rng.uniform(-12, 12), np.zeros(3))


def far_away(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Far from the origin, with the accuracy that Blender's single precision leaves there."""
    moved = s.mapped(np.eye(3), rng.normal(0, 1, 3) * s.size * 10.0 ** rng.uniform(0, 7))
    return replace(moved, vertices=moved.vertices.astype(np.float32).astype(float))


def turned(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    axes, signs = np.linalg.qr(rng.normal(size=(3, 3)))
    axes = axes * np.sign(np.diag(signs))
    axes[:, 0] *= np.sign(np.linalg.det(axes))
    return s.mapped(axes, np.zeros(3))


def sheared(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    linear = np.eye(3) + rng.normal(0, rng.choice([0.1, 0.4]), (3, 3)) * (1 - np.eye(3))
    return s.mapped(linear * np.sign(np.linalg.det(linear)), np.zeros(3))


def stretched(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Another scale along each axis."""
    return s.mapped(np.diag(10.0 ** rng.uniform(-0.4, 0.4, 3)), np.zeros(3))


def mirrored(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """A negative scale: the triangles turn inside out, left and right change places."""
    other = s.mapped(np.diag([-1.0, 1.0, 1.0]), np.zeros(3))
    return replace(other, marks=other.marks[list(LANDMARK_MIRROR)])


def many_parts(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Thousands of pieces beside the face, or the face itself in as many as it has triangles."""
    if rng.random() < 0.5:
        corners = s.vertices[s.triangles]
        corners += rng.normal(0, 1e-3 * s.size, (len(corners), 1, 3))
        owner = s.object_id[s.triangles[:, 0]]
        order = np.argsort(owner, kind="stable")
        vertices = corners[order].reshape(-1, 3)
        return replace(s, vertices=vertices, triangles=np.arange(len(vertices)).reshape(-1, 3),
                       object_id=np.repeat(owner[order], 3))  # fmt: skip
    count = int(rng.integers(500, 3000))
    places = s.marks.mean(0) + rng.normal(0, 1.5 * s.size, (count, 1, 3))
    tiny = places + rng.normal(0, 0.02 * s.size, (count, 3, 3))
    return s.joined(tiny.reshape(-1, 3), np.arange(3 * count), word)


def many_objects(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Every piece of the name's object cut by a grid into objects of their own."""
    cell = rng.uniform(0.2, 1.0) * s.size
    _, owner = np.unique(np.floor(s.vertices / cell), axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    kept = (owner[s.triangles] == owner[s.triangles[:, :1]]).all(1)
    order = np.argsort(owner, kind="stable")
    names = tuple(f"{word}{number}" for number in range(owner.max() + 1))
    return replace(s, vertices=s.vertices[order], triangles=np.argsort(order)[s.triangles[kept]],
                   object_id=owner[order], names=names)  # fmt: skip


def holes(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Triangles that are missing, up to nearly all."""
    return replace(s, triangles=s.triangles[rng.random(len(s.triangles)) > rng.choice([0.02, 0.3, 0.8, 0.999])])


def noise(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    return replace(s, vertices=s.vertices + rng.normal(0, s.size * 10.0 ** rng.uniform(-4, -1), s.vertices.shape))


def scrambled(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Corners of triangles that belong to others: spikes through everything."""
    triangles = s.triangles.copy()
    some = rng.random(triangles.shape) < rng.choice([0.002, 0.05, 1.0])
    triangles[some] = rng.permutation(triangles[some])
    return replace(s, triangles=triangles)


def coarse(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Vertices merged by distance, much too far."""
    return clustered(s, s.size * 10.0 ** rng.uniform(-1.3, 0.2))


def seams(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Flat shading: no triangle shares a vertex with another."""
    order = np.argsort(s.object_id[s.triangles[:, 0]], kind="stable")
    flat = s.triangles[order].reshape(-1)
    return replace(s, vertices=s.vertices[flat], triangles=np.arange(len(flat)).reshape(-1, 3),
                   object_id=s.object_id[flat])  # fmt: skip


def one_object(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    return replace(s, object_id=np.zeros(len(s.vertices), np.int64), names=(word,))


def any_names(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Names that say something else, or nothing that can be read."""
    others = np.array([word, "eye_L", "Teeth", "舌", "hair", "まつげ", "head", "\u202e", "(", "\\", "🙂"], dtype=object)
    return replace(s, names=tuple(f"{rng.choice(others)}" for _ in s.names))


def keys_anywhere(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """Shape keys of telling names that move anything by anything."""
    names = (*ALL_SHAPES, "blink_left", "blink_right", "mouth_open", "あ", word)
    keys = []
    for name in rng.choice(np.array(names, dtype=object), rng.integers(1, 6)):
        some = rng.integers(0, len(s.vertices), rng.integers(0, 40))
        push = rng.normal(0, s.size * 10.0 ** rng.uniform(-3, 6), (len(some), 3)) * rng.choice([0, 1])
        if len(push) and rng.random() < 0.3:
            push[0] = rng.choice([np.nan, np.inf])
        keys.append((str(name), s.vertices[some], push))
    return replace(s, keys=s.keys + tuple(keys))


def bones_anywhere(s: Subject, rng: np.random.Generator, word: str) -> Subject:
    """A skeleton that lies elsewhere, in one place, or has no places."""
    spread = rng.choice([0.0, 1.0, 1e5, np.nan]) * s.size
    names = ("Head", "Hips", "LeftEye", "RightEye", "Eye_L", "Eye_R", "Hand.L", "Hand.R", word)
    return replace(s, bones=tuple((name, s.marks.mean(0) + rng.normal(0, 1, 3) * spread) for name in names))


FAULTS: dict[str, Fault] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        duplicate_triangles, degenerate_triangles, zero_area, flattened, collapsed, fans, loose_vertices,
        stray_vertices, flipped_normals, not_numbers, scaled, far_away, turned, sheared, stretched, mirrored,
        many_parts, many_objects, holes, noise, scrambled, coarse, seams, one_object, any_names, keys_anywhere,
        bones_anywhere,
    )
}  # fmt: skip
