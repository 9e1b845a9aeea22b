"""Textures of what is exported that a file cannot hold, because they are not found."""

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
