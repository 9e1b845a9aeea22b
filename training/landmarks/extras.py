"""What avatars wear on and before their faces: drawn features, hair, ears, glasses; and furniture, which wears none."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.vocabulary import LANDMARK_INDEX

Solid = tuple[np.ndarray, np.ndarray]  # (V, 3) vertices and (T, 3) triangles of one piece


def join(
    vertices: np.ndarray, triangles: np.ndarray, piece: np.ndarray, solids: list[Solid]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mesh with `solids` added, each a piece of its own."""
    first = int(piece.max(initial=0)) + 1
    starts = np.cumsum([len(vertices)] + [len(v) for v, _ in solids])
    numbers = [np.full(len(t), first + n) for n, (_, t) in enumerate(solids)]
    return (
        np.concatenate([vertices, *(v for v, _ in solids)]),
        np.concatenate([triangles, *(t + s for (_, t), s in zip(solids, starts[:-1], strict=True))]),
        np.concatenate([piece, *numbers]),
    )


def grid(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """(T, 3) triangles of a rows x columns sheet of points, its columns joined to a tube if `closed`."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    a, b = r * columns + c, r * columns + (c + 1) % columns
    return np.concatenate([np.stack([a, a + columns, b], -1).reshape(-1, 3),
                           np.stack([b, a + columns, b + columns], -1).reshape(-1, 3)])  # fmt: skip


def tube(spine: np.ndarray, side: np.ndarray, thick: np.ndarray) -> Solid:
    """A strand along (N, 3) `spine` with a diamond section: half widths (N, 3) `side` and (N, 3) `thick`."""
    rings = np.stack([spine + side, spine + thick, spine - side, spine - 0.3 * thick], 1)
    return rings.reshape(-1, 3), grid(len(spine), 4, True)


def ellipsoid(centre: np.ndarray, radius: np.ndarray) -> Solid:
    """A ball, squeezed and moved."""
    u, w = np.linspace(0, np.pi, 12)[:, None], np.linspace(0, 2 * np.pi, 16, endpoint=False)[None]
    unit = np.stack([np.sin(u) * np.cos(w), np.cos(u) + 0 * w, np.sin(u) * np.sin(w)], -1).reshape(-1, 3)
    return centre + unit * radius, grid(12, 16, True)


def mirrored(solid: Solid) -> Solid:
    """The same on the other side of the face."""
    return solid[0] * [-1, 1, 1], solid[1][:, ::-1]


def drawn_features(points: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Irises, lashes and brows as cards before the face or in it, as anime avatars have them."""
    at = LANDMARK_INDEX
    parts: list[Solid] = []
    wide, tall, near = rng.uniform(0.5, 1.0), rng.uniform(0.9, 1.3), rng.uniform(-0.12, 0.05)
    thick, lift = rng.uniform(0.02, 0.11, 2), rng.uniform(0.005, 0.06, 2)
    if rng.random() < 0.15:
        lift[1] += 0.15  # brows shown over the hair
    kept = rng.random(3) < 0.8
    for s in "lr":
        inner, outer = points[at[f"eye_inner_{s}"]], points[at[f"eye_outer_{s}"]]
        upper = points[[at[f"lid_upper_{k}_{s}"] for k in ("in", "mid", "out")]]
        lower = points[at[f"lid_lower_mid_{s}"]]
        if kept[0]:
            angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)[:, None]
            rim = np.cos(angle) * (outer - inner) / 2 * wide + np.sin(angle) * (upper[1] - lower) / 2 * tall
            n = np.arange(20)
            for share in (1.0, 0.5) if rng.random() < 0.5 else (1.0,):  # the pupil on the iris
                centre = (upper[1] + lower) / 2 + [0, 0, near + 0.01 * (share < 1)]
                disc = np.concatenate([centre[None], centre + rim * share])
                parts.append((disc, np.stack([0 * n, 1 + n, 1 + (n + 1) % 20], 1)))
        for k, line in ((0, np.concatenate([inner[None], upper, outer[None]])),
                        (1, points[[at[f"brow_{k}_{s}"] for k in ("inner", "mid", "outer")]])):  # fmt: skip
            if kept[k + 1]:
                low = line + [0, -0.3 * thick[k], lift[k]]
                parts.append((np.concatenate([low, low + [0, thick[k], 0]]), grid(2, len(line))))
    return parts


def attire(points: np.ndarray, rng: np.random.Generator, probability: float) -> list[Solid]:
    """Hair and what sits in it, each kind with `probability` or less."""
    head = _Skull(points)
    parts: list[Solid] = []
    if rng.random() < 0.6 * probability:
        parts += hair_shell(head, rng)
    if rng.random() < 0.8 * probability:
        parts += strands(head, rng)
    for kind, share in ((tails, 0.25), (ears, 0.2), (glasses, 0.12), (hat, 0.1)):
        if rng.random() < share * probability:
            parts += kind(head, rng)
    return parts


class _Skull:
    """An ellipsoid about the skull: centre (3,), radius (3,); heights of brow and chin; front (3,), the forehead."""

    def __init__(self, points: np.ndarray) -> None:
        self.points = points
        self.brow = point(points, "brow_mid_l", "brow_mid_r")[1]
        self.chin = point(points, "chin_under")[1]
        self.face = max(self.brow - self.chin, 0.5)
        self.front = point(points, "forehead")
        back = point(points, "jaw_angle_l", "jaw_angle_r")[2]
        side = max(abs(point(points, n)[0]) for n in ("jaw_angle_l", "cheek_l", "eye_outer_l", "brow_outer_l"))
        self.centre = np.array([0, self.brow + 0.1 * self.face, min(back, self.front[2] - 0.8)])
        self.radius = np.array([1.15 * side, max(0.8 * self.face, 1.15 * side), self.front[2] - self.centre[2]])


def hair_shell(head: _Skull, rng: np.random.Generator) -> list[Solid]:
    """A cap around the head with a jagged fringe, sometimes long at the sides."""
    radius = head.radius * rng.uniform([0.98, 0.9, 1.02], [1.2, 1.2, 1.25])
    rows, columns = 24, 48
    theta = np.linspace(0, np.pi, rows)[:, None]
    phi = np.linspace(-np.pi, np.pi, columns, endpoint=False)[None]
    unit = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi, np.sin(theta) * np.cos(phi)], -1)
    shell = unit * radius + rng.normal(0, 0.02, unit.shape) * rng.choice([0, 1])
    length = rng.uniform(0.3, 2.0)  # of hair at the back and sides
    shell[..., 1] = np.where(shell[..., 1] < 0, shell[..., 1] * length, shell[..., 1])
    shell += head.centre
    fringe = (
        head.brow + rng.uniform(-0.3, 0.35) * head.face + rng.normal(0, rng.choice([0.0, 0.06]) * head.face, columns)
    )
    is_front = np.abs(phi) < rng.uniform(0.7, 1.2)
    keep = np.where(is_front, shell[..., 1] > fringe, True).reshape(-1)
    quads = grid(rows, columns, True)
    return [(shell.reshape(-1, 3), quads[keep[quads].all(1)])]


def strands(head: _Skull, rng: np.random.Generator) -> list[Solid]:
    """Tapered spikes of hair from the crown over brows and eyes, each a piece of its own."""
    parts = []
    low = head.brow + rng.uniform(-0.45, 0.3) * head.face
    swell = rng.uniform(1.02, 1.2)
    width = rng.uniform(0.06, 0.2)
    spread = rng.uniform(0.8, 2.6)
    for phi in np.linspace(-spread, spread, int(rng.integers(5, 16))) + rng.normal(0, 0.08):
        end = low + rng.normal(0, 0.12 * head.face)
        if abs(phi) > 1:
            end -= rng.uniform(0, 1.2) * head.face * (rng.random() < 0.6)  # locks beside the face
        height = np.linspace(head.centre[1] + 0.95 * head.radius[1], end, 9)
        up = np.clip((height - head.centre[1]) / head.radius[1], -0.6, 0.98)
        ring = np.sqrt(1 - up**2)
        turn = phi + rng.normal(0, 0.15) * np.linspace(0, 1, 9) ** 2
        outward = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], 1)
        spine = np.stack([0 * turn, height, 0 * turn], 1) + outward * ring[:, None] * head.radius * swell
        spine += [head.centre[0], 0, head.centre[2]]
        taper = np.sqrt(np.clip(1 - np.linspace(0.1, 1, 9) ** 2, 0, 1))[:, None] * width
        across = np.stack([np.cos(turn), 0 * turn, -np.sin(turn)], 1)
        parts.append(tube(spine, across * taper, outward * taper * 0.5))
    return parts


def tails(head: _Skull, rng: np.random.Generator) -> list[Solid]:
    """Twin-tails, plaits or balls of hair on both sides."""
    root = head.centre + head.radius * [rng.uniform(0.9, 1.3), rng.uniform(0.1, 0.9), rng.uniform(-0.6, 0.1)]
    if rng.random() < 0.4:
        ball = ellipsoid(root, rng.uniform(0.25, 0.7) * np.ones(3))
        return [ball, mirrored(ball)]
    t = np.linspace(0, 1, 10)[:, None]
    spine = root + t * [rng.uniform(0, 0.8), 0, rng.uniform(-0.3, 0.3)] - t**1.5 * [0, rng.uniform(1.5, 5), 0]
    girth = rng.uniform(0.15, 0.5) * np.sin(np.pi * np.clip(t, 0.08, 0.97)) ** 0.5
    tail = tube(spine, girth * [1, 0, 0], girth * [0, 0, 1])
    return [tail, mirrored(tail)]


def ears(head: _Skull, rng: np.random.Generator) -> list[Solid]:
    """Animal ears or horns on top of the head."""
    root = head.centre + head.radius * [rng.uniform(0.3, 0.75), rng.uniform(0.6, 0.9), 0]
    tip = root + [rng.uniform(-0.1, 0.5), rng.uniform(0.4, 1.8), rng.uniform(-0.3, 0.3)]
    t = np.linspace(0, 1, 5)[:, None]
    girth = (1 - 0.95 * t ** rng.uniform(1, 3)) * rng.uniform(0.15, 0.4)
    ear = tube(root + t * (tip - root), girth * [1, 0, 0], girth * [0, 0, rng.uniform(0.3, 1)])
    return [ear, mirrored(ear)]


def glasses(head: _Skull, rng: np.random.Generator) -> list[Solid]:
    """Two rims before the eyes, with or without panes, and a bridge."""
    at = head.points
    eye = point(at, "eye_inner_l", "eye_outer_l")
    size = np.array([rng.uniform(0.3, 0.46), rng.uniform(0.2, 0.45), 0])
    centre = eye * [1, 1, 0] + [0, rng.uniform(-0.1, 0.02), point(at, "nose_bridge")[2] + rng.uniform(0.05, 0.2)]
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    corner = rng.choice([0.5, 1.0])
    ring = np.stack([np.sign(f) * np.abs(f) ** corner for f in (np.cos(angle), np.sin(angle))] + [0 * angle], 1)
    inner = 0.0 if rng.random() < 0.3 else rng.uniform(0.8, 0.93)
    rim = (np.concatenate([centre + ring * size * inner, centre + ring * size]), grid(2, 24, True))
    start = centre - [size[0], 0, 0]
    bar = np.stack([start, start * [-1, 1, 1], start + [0, 0.04, 0], start * [-1, 1, 1] + [0, 0.04, 0]])
    return [rim, mirrored(rim), (bar, grid(2, 2))]


def hat(head: _Skull, rng: np.random.Generator) -> list[Solid]:
    """A crown with a brim."""
    base = head.centre[1] + head.radius[1] * rng.uniform(0.3, 0.7)
    w = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(w) * head.radius[0], 0 * w, np.sin(w) * head.radius[2]], 1) * 1.1
    rings = [
        (rng.uniform(1.1, 1.9), 0.0),
        (1.0, 0.03),
        (rng.uniform(0.5, 1.1), rng.uniform(0.5, 2)),
        (0.01, rng.uniform(0.6, 3)),
    ]
    vertices = np.concatenate([circle * size + [0, base + up, head.centre[2]] for size, up in rings])
    return [(vertices, grid(len(rings), 24, True))]


def furniture(rng: np.random.Generator) -> list[Solid]:
    """A pile of boxes, cylinders, balls and rings of random sizes."""
    parts: list[Solid] = []
    for _ in range(rng.integers(1, 8)):
        v, t = _revolved(rng)
        v = v * rng.uniform(0.15, 1.5, 3)
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if rng.random() < 0.4 else np.eye(3)
        solid = (v @ turn + rng.uniform(-1.5, 1.5, 3) * [1, 1, 0.5], t)
        parts.append(solid)
        if rng.random() < 0.5:  # symmetric things are the harder ones
            parts.append(mirrored(solid))
    return parts


def _revolved(rng: np.random.Generator) -> Solid:
    """A surface of revolution or a super-ellipsoid: boxes, balls, cylinders and rings are cases of it."""
    n, m = int(rng.choice([4, 6, 12, 24])), int(rng.choice([4, 8, 24]))
    u = np.linspace(-np.pi, np.pi, n, endpoint=False)[:, None]
    w = np.linspace(0, 2 * np.pi, m, endpoint=False)[None]
    ring, power = rng.choice([0.0, 1.2]), rng.choice([0.3, 1.0, 2.0])

    def soft(x: np.ndarray) -> np.ndarray:
        return np.sign(x) * np.abs(x) ** power

    radius = ring + soft(np.cos(u)) * (1 if ring else 0.5)
    points = np.stack([radius * soft(np.cos(w)), soft(np.sin(u)) + 0 * w, radius * soft(np.sin(w))], -1)
    closed = np.concatenate([points, points[:1]])
    return closed.reshape(-1, 3), grid(n + 1, m, True)
