"""What an avatar's triangles look like by their materials: base colours and textures, as its creator sees them."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.geometry.shading import Paint
from ..io.mesh_io import Object

_WIDEST = 1024  # pixels across of a texture that is kept: a face in a small picture shows no finer ones
_UNSEEN = ("BSDF_TRANSPARENT", "HOLDOUT")  # shaders whose colour is not that of a surface


def read(objects: Sequence[Object], avatar: Avatar) -> Paint | None:
    """The paint of the triangles of `avatar`, which was read from `objects`; None where no material tells a colour."""
    count = len(avatar.triangles)
    paint = Paint.plain(np.ones((count, 4)))
    images: dict[bpy.types.Image, int] = {}
    told = False
    for number, obj in enumerate(objects):
        rows = np.flatnonzero(avatar.object_id[avatar.triangles[:, 0]] == number)
        if len(rows) == 0 or not any(obj.data.materials):
            continue
        told = True
        start = int(np.searchsorted(avatar.object_id, number))
        _paint_object(obj, avatar.triangles[rows] - start, rows, paint, images)
    paint.textures.extend(map(_pixels, images))
    return paint if told else None


def _paint_object(obj: Object, triangles: np.ndarray, rows: np.ndarray, paint: Paint, images: dict) -> None:
    """Fill in `rows` of `paint`: the (n, 3) `triangles` of `obj`, counted from its first vertex. Numbers of textures
    are those of `images`."""
    mesh = obj.data
    loops = np.empty((len(mesh.loop_triangles), 3), np.int32)
    polygons, vertices = np.empty(len(loops), np.int32), np.empty_like(loops)
    mesh.loop_triangles.foreach_get("loops", loops.reshape(-1))
    mesh.loop_triangles.foreach_get("vertices", vertices.reshape(-1))
    mesh.loop_triangles.foreach_get("polygon_index", polygons)
    # The same triangle in the mesh: mirrored ones are of vertices after those of the mesh, the other way round.
    size = len(mesh.vertices)
    ours, theirs = np.argsort(triangles % size, 1), np.argsort(vertices, 1)
    code = np.array([size * size, size, 1], np.int64)
    wanted = np.take_along_axis(triangles.astype(np.int64) % size, ours, 1) @ code
    found = np.take_along_axis(vertices.astype(np.int64), theirs, 1) @ code
    order = np.argsort(found)
    match = order[np.minimum(np.searchsorted(found[order], wanted), len(order) - 1)]
    corners = np.empty_like(ours)
    np.put_along_axis(corners, ours, np.take_along_axis(theirs[match], np.arange(3)[None], 1), 1)
    slots = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    slot = np.minimum(slots[polygons[match]], len(mesh.materials) - 1)
    layer = next((layer for layer in mesh.uv_layers if layer.active_render), None)
    if layer:
        uv = np.empty((len(mesh.loops), 2), np.float32)
        layer.uv.foreach_get("vector", uv.reshape(-1))
        paint.uv[rows] = uv[np.take_along_axis(loops[match], corners, 1)]
    for number, material in enumerate(mesh.materials):
        mine = rows[slot == number]
        if material is None or len(mine) == 0:
            continue
        image, paint.colour[mine] = _look(material)
        if image and layer:
            paint.texture[mine] = images.setdefault(image, len(images))


def _look(material: bpy.types.Material) -> tuple[bpy.types.Image | None, np.ndarray]:
    """The texture of a material's base colour, if it has one, and else its (4,) colour."""
    output = material.node_tree.get_output_node("ALL") if material.use_nodes and material.node_tree else None
    found = _upstream(output.inputs["Surface"], set()) if output else None
    if isinstance(found, bpy.types.Image):
        return found, np.ones(4, np.float32)
    return None, _srgb(np.array(found if found is not None else material.diffuse_color, np.float32))


def _upstream(socket: bpy.types.NodeSocket, seen: set) -> bpy.types.Image | tuple | None:
    """The image that `socket` gets its colour from, else the first colour of a surface on the way to it."""
    if not socket.is_linked:
        return None
    node = socket.links[0].from_node
    if node in seen or node.type in _UNSEEN:
        return None
    seen.add(node)
    if node.type == "TEX_IMAGE":
        return node.image if node.image and all(node.image.size) else None
    colour = None
    for above in node.inputs:
        if above.type not in ("RGBA", "SHADER") or not above.enabled:
            continue
        found = _upstream(above, seen)
        if isinstance(found, bpy.types.Image):
            return found
        if found is None and above.type == "RGBA" and not above.is_linked:
            opaque = node.inputs.get("Alpha")
            found = (*above.default_value[:3], 1.0 if opaque is None or opaque.is_linked else opaque.default_value)
        colour = colour or found
    return colour


def _srgb(colour: np.ndarray) -> np.ndarray:
    """(4,) linear colour to sRGB (IEC 61966-2-1)."""
    linear = np.clip(colour[:3], 0, 1)
    encoded = np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.append(encoded, colour[3])


def _pixels(image: bpy.types.Image) -> np.ndarray:
    """(H, W, 4) float32 of an image, at most _WIDEST across; opaque where no material uses its alpha."""
    loaded = image.has_data
    width, height = image.size
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    if not loaded:
        image.buffers_free()
    step = -(-max(width, height) // _WIDEST)
    pixels = flat.reshape(height, width, image.channels)[::step, ::step]
    if image.channels == 4:
        out = pixels
    else:
        out = np.ones((*pixels.shape[:2], 4), np.float32)
        out[..., :3] = pixels[..., : 3 if image.channels == 3 else 1]
    if not _alpha_is_used(image):
        out[..., 3] = 1
    return np.clip(out, 0, 1, out=out) if image.is_float else np.ascontiguousarray(out)


def _alpha_is_used(image: bpy.types.Image) -> bool:
    trees = (material.node_tree for material in bpy.data.materials if material.use_nodes and material.node_tree)
    nodes = (node for tree in trees for node in tree.nodes if node.type == "TEX_IMAGE" and node.image == image)
    return any(node.outputs["Alpha"].is_linked for node in nodes)
