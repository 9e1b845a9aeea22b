"""The demo's anime avatar: the neutral mesh in `vita/`, with bones and painted materials that this module makes.

`python -m training.devtools.anime RIG` writes `vita/vita.npz` from the folder of the rig `vroid_beta/vita` of the
training data, without its shape keys. See `vita/README.md` for its licence.
"""

from __future__ import annotations

import sys
from pathlib import Path

import bpy
import numpy as np

from training.data.sources.anny import Bone

from . import avatar, paint

FILE = Path(__file__).parent / "vita" / "vita.npz"
UNIT = 1e-5  # metres: what one step of a stored coordinate is
_UNUSED = ("Face:EyeExtra",)  # planes that a shape key of the original swaps in

# Part of the file: object and material. The others are locks of hair.
_PARTS = {
    **{f"Face:{name}": ("Face", name) for name in ("FaceMouth", "EyeWhite", "EyeIris", "EyeHighlight", "FaceBrow")},
    **{f"Face:{name}": ("Face", name) for name in ("FaceEyeline", "FaceEyelash")},
    "Face:Face_SKIN": ("Face", "FaceSkin"),
    "Face:Ear_SKIN": ("Face", "Skin"),
    **{f"Body:{number}": ("Body", "Skin") for number in range(4)},
    "Body:4": ("Body", "Dress"),
    "Body:5": ("Body", "Shoes"),
}
_LOCKS = ("Hair", "Hair")
_OBJECTS = ("Face", "Body", "Hair")

# Bone: its parent, head and tail in metres, y up; read off the mesh, which stands with its arms stretched out.
_MIDDLE = {
    "hips": ("", (0, 0.90, 0), (0, 1.00, 0)),
    "spine": ("hips", (0, 1.00, 0), (0, 1.14, -0.01)),
    "chest": ("spine", (0, 1.14, -0.01), (0, 1.35, -0.03)),
    "neck": ("chest", (0, 1.35, -0.03), (0, 1.45, -0.02)),
    "head": ("neck", (0, 1.45, -0.02), (0, 1.67, -0.02)),
}
_LEFT = {
    "upper_leg": ("hips", (0.08, 0.86, 0), (0.08, 0.48, 0)),
    "lower_leg": ("upper_leg", (0.08, 0.48, 0), (0.08, 0.10, -0.03)),
    "foot": ("lower_leg", (0.08, 0.10, -0.03), (0.08, 0.02, 0.10)),
    "shoulder": ("chest", (0.02, 1.33, -0.03), (0.10, 1.34, -0.03)),
    "upper_arm": ("shoulder", (0.10, 1.34, -0.03), (0.33, 1.33, -0.03)),
    "lower_arm": ("upper_arm", (0.33, 1.33, -0.03), (0.55, 1.33, 0)),
    "hand": ("lower_arm", (0.55, 1.33, 0), (0.69, 1.33, 0.03)),
}

_SKIN, _BLUSH, _LINE = (1.0, 0.88, 0.81), (0.99, 0.66, 0.62), (0.62, 0.30, 0.27)
_HAIR, _HAIR_LIGHT, _HAIR_DARK = (0.57, 0.59, 0.81), (0.76, 0.79, 0.95), (0.36, 0.36, 0.60)
_BROW, _LASH = (0.36, 0.36, 0.55), (0.15, 0.12, 0.21)
_WHITE, _SHADE, _GLOW = (0.98, 0.97, 0.98), (0.78, 0.77, 0.86), (1.0, 1.0, 1.0)
_IRIS, _PUPIL, _IRIS_LIGHT = (0.42, 0.22, 0.58), (0.17, 0.07, 0.28), (0.93, 0.62, 0.86)
_THROAT, _TONGUE, _TEETH = (0.55, 0.17, 0.21), (0.92, 0.47, 0.49), (0.99, 0.98, 0.96)
_DRESS, _SHOES = (0.29, 0.33, 0.47), (0.22, 0.19, 0.25)


def add() -> list[bpy.types.Object]:
    """Put the avatar into the scene, facing -Y, in metres; returns its face, body and hair, the face active."""
    data = np.load(FILE, allow_pickle=False)
    vertices, triangles, part = data["vertices"] * UNIT, data["triangles"].astype(np.int64), data["part_id"]
    sorts = [_PARTS.get(str(name), _LOCKS) for name in data["part_names"]]
    object_id = np.array([_OBJECTS.index(obj) for obj, _ in sorts])[part]
    bones = _bones(vertices, object_id == _OBJECTS.index("Body"))
    rig = avatar.add_armature(bones)
    objects = avatar.add_skinned(vertices, triangles, object_id, _OBJECTS, bones, rig)
    materials = _materials()
    for number, obj in enumerate(objects):
        mine = triangles[object_id[triangles[:, 0]] == number]
        names = [sorts[kind][1] for kind in part[mine[:, 0]]]
        slots = list(dict.fromkeys(names))
        for name in slots:
            obj.data.materials.append(materials[name])
        obj.data.polygons.foreach_set("material_index", [slots.index(name) for name in names])
        obj.data.uv_layers.new().data.foreach_set("uv", (data["uv"][mine] / 65535).ravel())
    avatar.select(objects[:1])
    return objects


def _bones(vertices: np.ndarray, is_body: np.ndarray) -> dict[str, Bone]:
    """The skeleton, by bone name; each of the (V, 3) `vertices` follows the nearest bone, face and hair the head."""
    places = dict(_MIDDLE)
    for side, sign in (("left", 1), ("right", -1)):
        for name, (parent, *ends) in _LEFT.items():
            head, tail = ((sign * x, y, z) for x, y, z in ends)
            places[f"{side}_{name}"] = (parent if parent in _MIDDLE else f"{side}_{parent}", head, tail)
    distance = []
    for _, head, tail in places.values():
        along = np.subtract(tail, head)
        share = np.clip((vertices - head) @ along / (along @ along), 0, 1)
        distance.append(np.linalg.norm(vertices - head - share[:, None] * along, axis=1))
    nearest = np.where(is_body, np.argmin(distance, 0), list(places).index("head"))
    found = {}
    for number, (name, (parent, head, tail)) in enumerate(places.items()):
        index = np.flatnonzero(nearest == number)
        found[name] = Bone(parent or None, np.array(head), np.array(tail), index, np.ones(len(index)))
    return found


def _materials() -> dict[str, bpy.types.Material]:
    """By name. The pictures follow the mesh's own UV maps: its right half is u < 0.5, and u grows towards its left."""
    pictures = {
        "FaceSkin": _face(),
        "Hair": _hair(),
        "FaceMouth": _mouth(),
        "FaceBrow": _brow(),
        "FaceEyelash": _lashes(),
        "FaceEyeline": _eyeline(),
        "EyeWhite": _eye_white(),
        "EyeIris": _iris(),
        "EyeHighlight": _highlight(),
    }
    colours = {"Skin": _SKIN, "Dress": _DRESS, "Shoes": _SHOES}
    return {name: paint.picture(name, pixels) for name, pixels in pictures.items()} | {
        name: paint.flat(name, colour) for name, colour in colours.items()
    }


def _face() -> np.ndarray:
    pixels, u, v = paint.canvas(1024, 1024, _SKIN)
    for centre in (0.345, 0.655):
        paint.lay(pixels, 0.55 * paint.ramp(np.hypot((u - centre) / 0.085, (v - 0.335) / 0.04), 1, 0), _BLUSH)
    paint.lay(pixels, 0.5 * paint.ramp(np.hypot((u - 0.5) / 0.008, (v - 0.338) / 0.006), 1, 0.4), _LINE)
    paint.lay(pixels, 0.9 * (np.abs(v - 0.244) < 0.0017 * paint.ramp(np.abs(u - 0.5), 0.041, 0.030)), _LINE)
    return pixels


def _hair() -> np.ndarray:
    """Each lock has u from 0 to 0.2 across and v from its tip, 0, to its root."""
    pixels, u, v = paint.canvas(128, 256, _HAIR)
    paint.lay(pixels, 0.35 * paint.ramp(v, 0.7, 1.0) + 0.25 * paint.ramp(v, 0.25, 0.0), _HAIR_DARK)
    paint.lay(pixels, 0.6 * paint.ramp(np.abs(v - 0.62 - 0.03 * np.sin(u * 90)), 0.07, 0.04), _HAIR_LIGHT)
    paint.lay(pixels, 0.5 * paint.ramp(np.abs(u - 0.1), 0.06, 0.1), _HAIR_DARK)
    return pixels


def _mouth() -> np.ndarray:
    """Teeth lie in the upper left of the UV map, the tongue's two sides in the upper right, the throat below."""
    pixels, u, v = paint.canvas(64, 64, _THROAT)
    paint.lay(pixels, (v > 0.49) & (u < 0.4), _TEETH)
    paint.lay(pixels, (v > 0.49) & (u > 0.45), _TONGUE)
    return pixels


def _brow() -> np.ndarray:
    pixels, out, v = _mirrored(256, 256, _BROW)
    bend = 0.50 + 0.10 * np.sin(np.pi * out)
    pixels[..., 3] = np.abs(v - bend) < 0.055 * paint.ramp(out, 1.0, 0.55) * paint.ramp(out, -0.05, 0.15)
    return pixels


def _lashes() -> np.ndarray:
    """The lid's margin is v = 0.55; beyond 0.8 of the way out the map turns down."""
    pixels, out, v = _mirrored(512, 256, _LASH)
    thick = 0.12 + 0.14 * paint.ramp(out, 0.1, 0.7)
    hairs = 0.12 * np.abs((out * 7) % 1 - 0.5) * paint.ramp(out, 0.45, 0.75)
    ends = paint.ramp(out, -0.02, 0.25) * paint.ramp(out, 0.86, 0.72)
    pixels[..., 3] = (v > 0.5) & (v < 0.55 + (thick + hairs) * ends) & (out < 0.84)
    return pixels


def _eyeline() -> np.ndarray:
    """Above the upper lid's margin, v = 0.57, its crease; below the lower lid's, v = 0.53, a short line."""
    pixels, out, v = _mirrored(512, 512, _LASH)
    upper = (v > 0.55) & (v < 0.58 + 0.05 * out * paint.ramp(out, 0.98, 0.8)) & (out < 0.78)
    crease = np.abs(v - 0.84) < 0.012 * paint.ramp(out, 0.15, 0.4) * paint.ramp(out, 1.0, 0.8)
    lower = (v > 0.505 - 0.04 * paint.ramp(out, 0.3, 0.7)) & (v < 0.55) & (out > 0.35) & (out < 0.78)
    pixels[..., 3] = upper | crease | lower
    return pixels


def _eye_white() -> np.ndarray:
    pixels, _, v = paint.canvas(64, 64, _WHITE)
    paint.lay(pixels, paint.ramp(v, 0.5, 0.75), _SHADE)
    return pixels


def _iris() -> np.ndarray:
    pixels, u, v = paint.canvas(512, 512, _PUPIL)
    for centre in (0.25, 0.75):
        x, y = (u - centre) / 0.152, (v - 0.507) / 0.32
        radius = np.hypot(x, y)
        paint.lay(pixels, paint.ramp(radius, 0.90, 0.86) * (np.abs(u - centre) < 0.25), _IRIS)
        glow = paint.ramp(y, 0.3, -0.8) * paint.ramp(radius, 0.86, 0.78) * (np.abs(u - centre) < 0.25)
        paint.lay(pixels, glow, _IRIS_LIGHT)
        paint.lay(pixels, paint.ramp(np.hypot(x, y - 0.05), 0.40, 0.34), _PUPIL)
    return pixels


def _highlight() -> np.ndarray:
    """Nothing but two spots of light in each eye, on the same side of both."""
    pixels, u, v = paint.canvas(512, 512, (*_GLOW, 0))
    for centre in (0.25, 0.75):
        x, y = (u - centre) / 0.152, (v - 0.507) / 0.32
        pixels[..., 3] += (np.hypot(x + 0.30, y - 0.38) < 0.24) | (np.hypot(x - 0.36, y + 0.36) < 0.13)
    return pixels


def _mirrored(width: int, height: int, colour: paint.Colour) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, W, 4) pixels of one colour and no alpha, how far each lies from the inner (0) to the outer (1) end of its
    half of the map, and v."""
    pixels, u, v = paint.canvas(width, height, (*colour, 0))
    return pixels, np.abs(u - 0.5) * 2, v


def pack(rig: Path) -> None:
    """Write FILE from the rig folder `rig`. Raises OSError or KeyError where it is none."""
    data = np.load(rig / "rig.npz", allow_pickle=False)
    names = [str(name) for name in data["part_names"]]
    part = data["part_id"]
    kept = ~np.isin(part, [names.index(name) for name in _UNUSED])
    place = np.cumsum(kept) - 1
    triangles = data["triangles"][kept[data["triangles"]].all(1)]
    np.savez_compressed(
        FILE,
        vertices=np.round(data["vertices"][kept] / UNIT).astype(np.int32),
        triangles=place[triangles].astype(np.uint16),
        uv=np.round(np.clip(data["uv"][kept], 0, 1) * 65535).astype(np.uint16),
        part_id=part[kept].astype(np.uint8),
        part_names=names,
    )


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
