"""Textures of what is written: packed where they would not go along, named where they are not found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy

from ...core.messages import Message

Object = bpy.types.Object


def remarks(objects: Sequence[Object]) -> list[Message]:
    """A sentence for the creator of `objects` that names the images of their materials that are not found."""
    images = dict.fromkeys(image for obj in objects for image in _images(obj) if _is_lost(image))
    if not images:
        return []
    return [
        Message(
            "Not exported: {names}, because these textures are not found; use File > External Data > Find Missing "
            "Files and export again.",
            names=", ".join(image.name for image in images),
        )
    ]


def pack(folder: Path) -> list[Message]:
    """Pack the textures of what is open that do not lie in or below `folder`, where a .blend file is to be written
    that is to be whole without them; a sentence that names them."""
    packed = [image.name for image in bpy.data.images if _is_elsewhere(image, folder) and _packed(image)]
    if not packed:
        return []
    return [
        Message(
            "Packed into the file, because these textures lie outside its folder: {names}. File > External Data > "
            "Unpack Resources takes them out.",
            names=", ".join(packed),
        )
    ]


def _is_elsewhere(image: bpy.types.Image, folder: Path) -> bool:
    """Whether an image is read from a file that is not in or below `folder`."""
    if not image.users or image.source not in ("FILE", "TILED") or image.packed_file or image.library:
        return False
    if not image.filepath:
        return False
    return folder.resolve() not in Path(bpy.path.abspath(image.filepath)).resolve().parents


def _packed(image: bpy.types.Image) -> bool:
    """Pack an image; whether its file could be read."""
    try:
        image.pack()
    except RuntimeError:
        return False
    return True


def _images(obj: Object) -> Iterator[bpy.types.Image]:
    for slot in obj.material_slots:
        tree = slot.material.node_tree if slot.material else None
        for node in tree.nodes if tree else ():
            if node.type == "TEX_IMAGE" and node.image:
                yield node.image


def _is_lost(image: bpy.types.Image) -> bool:
    """Whether an image lies in a file that is not there. One of tiles is in several, whose names are not looked at."""
    if image.source != "FILE" or image.packed_file or image.has_data:
        return False
    return not Path(bpy.path.abspath(image.filepath, library=image.library)).is_file()
