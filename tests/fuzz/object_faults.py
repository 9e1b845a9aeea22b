"""Kinds of faults that only Blender's objects can have. None changes where anything lies in the world.

Blender is imported where it is used: its module may be loaded by the process that runs cases, not by the one that hands
them out, whose search path the other inherits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from blendshape_addon.core.vocabulary import VISEMES

if TYPE_CHECKING:
    import bpy

ObjectFault = Callable[["list[bpy.types.Object]", np.random.Generator, str], None]


def n_gons(objects: list[bpy.types.Object], rng: np.random.Generator, word: str) -> None:
    """Neighbouring triangles joined to faces of many corners, not flat, some with holes and loops.

    Blender's own tool, which joins them, hangs on coordinates that are not numbers and crashes on faces with a corner
    twice: the former are left alone, the latter taken off first.
    """
    import bmesh

    from tests.blender.helpers import coordinates

    for obj in objects:
        if not np.isfinite(coordinates(obj.data.vertices)).all():
            continue
        obj.data.validate()
        work = bmesh.new()
        work.from_mesh(obj.data)
        edges = [edge for edge in work.edges if edge.is_manifold]
        some = [edges[i] for i in rng.permutation(len(edges))[: int(rng.uniform(0.05, 0.6) * len(edges))]]
        bmesh.ops.dissolve_edges(work, edges=some, use_verts=bool(rng.random() < 0.5))
        work.to_mesh(obj.data)
        work.free()


def loose_edges(objects: list[bpy.types.Object], rng: np.random.Generator, word: str) -> None:
    for obj in objects:
        count = len(obj.data.vertices)
        obj.data.edges.add(20)
        ends = rng.integers(0, count, 40)
        for number, edge in enumerate(list(obj.data.edges)[-20:]):
            edge.vertices = (int(ends[2 * number]), int(ends[2 * number + 1]))
        obj.data.validate()


def object_matrix(objects: list[bpy.types.Object], rng: np.random.Generator, word: str) -> None:
    """Negative, uneven and sheared scales far from the world's origin, in objects and in their parent."""
    import bpy

    root = objects[0].parent
    root.parent = bpy.data.objects.new(word, None)
    bpy.context.scene.collection.objects.link(root.parent)
    for target in (root, *objects):
        linear = np.eye(3) + rng.normal(0, 0.3, (3, 3))
        linear *= 10.0 ** rng.uniform(-3, 3) * np.sign(rng.normal())
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = linear, rng.normal(0, 1, 3) * np.abs(linear).max()
        _carry(target, objects, matrix)


def _carry(target: bpy.types.Object, objects: list[bpy.types.Object], matrix: np.ndarray) -> None:
    """Give `target` a (4, 4) local matrix and its meshes the inverse."""
    import bpy
    from mathutils import Matrix

    target.matrix_parent_inverse = Matrix(matrix)  # what location, rotation and scale cannot say: shear
    inverse = Matrix(np.linalg.inv(matrix))
    for obj in [target] if target.type == "MESH" else objects:
        obj.data.transform(inverse, shape_keys=True)
    bpy.context.view_layer.update()


def creators_keys(objects: list[bpy.types.Object], rng: np.random.Generator, word: str) -> None:
    """Keys of the creator's, some relative to one another, muted, half on, with limits, of any name."""
    names = ("Fcl_MTH_A", "blink_left", "あ", "Smile", "vrc.v_aa", VISEMES[3], word, "Key\u202e", "🙂")
    from mathutils import Matrix

    for obj in objects:
        blocks = [obj.shape_key_add(name=str(rng.choice(np.array(["Basis", word, "土台"], dtype=object))))]
        size = max(obj.dimensions) or 1.0
        for name in rng.permutation(np.array(names, dtype=object))[: rng.integers(1, len(names))]:
            block = obj.shape_key_add(name=str(name), from_mix=bool(rng.random() < 0.3))
            for vertex in rng.integers(0, len(obj.data.vertices), 20):
                block.data[int(vertex)].co += Matrix.Identity(3)[int(rng.integers(3))] * float(
                    rng.normal(0, 0.01 * size)
                )
            block.relative_key = blocks[int(rng.integers(len(blocks)))]
            block.slider_min, block.slider_max = -1.0, 2.0
            block.value, block.mute = float(rng.uniform(-1, 2)), bool(rng.random() < 0.3)
            blocks.append(block)
        obj.active_shape_key_index = int(rng.integers(len(blocks)))
        obj.show_only_shape_key = bool(rng.random() < 0.3)


def modifiers(objects: list[bpy.types.Object], rng: np.random.Generator, word: str) -> None:
    """Modifiers that change the number of vertices, which shape keys are made below."""
    for obj in objects:
        for kind in rng.choice(["MIRROR", "SUBSURF", "DECIMATE", "SOLIDIFY", "WELD"], 2):
            obj.modifiers.new(word, str(kind))
        obj.vertex_groups.new(name=word)


def hidden(objects: list[bpy.types.Object], rng: np.random.Generator, word: str) -> None:
    """Objects beside the first that are hidden or cannot be selected."""
    for obj in objects[1:]:
        obj.hide_set(bool(rng.random() < 0.5))
        obj.hide_select = bool(rng.random() < 0.5)
        obj.hide_viewport = bool(rng.random() < 0.3)


OBJECT_FAULTS: dict[str, ObjectFault] = {
    fault.__name__.replace("_", " "): fault
    for fault in (n_gons, loose_edges, object_matrix, creators_keys, modifiers, hidden)
}
