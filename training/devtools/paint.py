"""Materials for the demo avatars: flat colours, and small pictures that are painted here and packed into the file."""

from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

Colour = Sequence[float]  # red, green, blue from 0 to 1, as a screen shows them


def flat(name: str, colour: Colour, roughness: float = 0.6) -> bpy.types.Material:
    """A material of one colour, in the viewport and in renders alike."""
    material, shader = _material(name, colour, roughness)
    shader.inputs["Base Color"].default_value = (*_linear(np.array(colour, float)), 1.0)
    return material


def picture(name: str, pixels: np.ndarray, roughness: float = 0.6) -> bpy.types.Material:
    """A material that shows the (H, W, 3) or (H, W, 4) `pixels`, lowest row first, over the UV map; the fourth channel
    is alpha."""
    seen = pixels[..., 3] > 0.5 if pixels.shape[2] == 4 else np.ones(pixels.shape[:2], bool)
    material, shader = _material(name, pixels[seen][:, :3].mean(0), roughness)
    image = bpy.data.images.new(name, pixels.shape[1], pixels.shape[0], alpha=pixels.shape[2] == 4)
    full = np.ones((*pixels.shape[:2], 4), np.float32)
    full[..., : pixels.shape[2]] = pixels
    image.pixels.foreach_set(full.ravel())
    image.pack()
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    material.node_tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    if pixels.shape[2] == 4:
        material.node_tree.links.new(node.outputs["Alpha"], shader.inputs["Alpha"])
    material.node_tree.nodes.active = node
    return material


def canvas(width: int, height: int, colour: Colour) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(H, W, C) pixels of one colour and the (H, W) u and v of their centres, from 0 to 1."""
    v, u = np.mgrid[0.5:height, 0.5:width] / np.array([height, width])[:, None, None]
    return np.tile(np.array(colour, float), (height, width, 1)), u, v


def lay(pixels: np.ndarray, share: np.ndarray, colour: Colour) -> None:
    """Lay `colour` over (H, W, C) `pixels` where the (H, W) `share`, 0 to 1, says how much of it is seen."""
    pixels += share[..., None] * (np.array(colour, float) - pixels)


def ramp(value: np.ndarray, begin: float, end: float) -> np.ndarray:
    """0 up to `begin`, 1 from `end` on, smooth between; `end` may lie below `begin`."""
    share = np.clip((value - begin) / (end - begin), 0, 1)
    return share * share * (3 - 2 * share)


def _material(name: str, colour: Colour, roughness: float) -> tuple[bpy.types.Material, bpy.types.ShaderNode]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.diffuse_color = (*_linear(np.asarray(colour, float)), 1.0)
    material.roughness = roughness
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = roughness
    return material, shader


def _linear(colour: np.ndarray) -> np.ndarray:
    """Scene-linear values of sRGB ones (IEC 61966-2-1)."""
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
