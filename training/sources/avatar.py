"""Any avatar that has shape keys: a file read as the add-on reads it, with every key that is a known shape.

Keys are recognised by `core.aliases`, a .vrm's also by what the file says its expressions are. Landmarks are found as
for a creator's avatar, keys as hints included. Keys that the add-on made are not learned from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blendshape_addon.core import aliases, features, landmarks
from blendshape_addon.core.errors import InputError, UserError
from blendshape_addon.core.face_space import FaceSpace
from blendshape_addon.core.mesh import Avatar
from blendshape_addon.core.vocabulary import CONDITIONS

from .. import labels
from ..rigs import Rig
from . import digest_of, sums, vrm

if TYPE_CHECKING:
    from blendshape_addon.blender.mesh_io import Object

NAMED = 8  # keys that a refusal names


def read(path: Path | None, licence: str | None) -> list[Rig]:
    """Each avatar of the file that has a face and known keys.

    licence: under which its maker lets it be used. Raises InputError or FaceNotFound, in a sentence, when it is
    missing, the file cannot be read, no key is known or no face is found.
    """
    if path is None:
        raise InputError("Which avatar? Give its file, as in avatar:my.vrm.")
    if not licence:
        raise InputError(f"Under which licence may {path.name} be used? Say it with --licence, such as --licence CC0.")
    if find_spec("bpy") is None:
        raise InputError("Avatars are read with Blender's Python module, which is missing: pip install bpy==4.5.*")
    import bpy

    from blendshape_addon.blender import files, mesh_io

    files.load(path)
    expressions = vrm.expressions(path) if path.suffix.lower() == ".vrm" else {}
    rigs: list[Rig] = []
    refusals: list[UserError] = []
    for objects in mesh_io.avatars_of(bpy.context.view_layer.objects):
        name = "_".join(re.findall(r"\w+", path.stem.replace("_", " "))) + (f"_{len(rigs) + 1}" if rigs else "")
        try:
            rigs.append(_rig(name, path, licence, objects, expressions))
        except UserError as error:  # props beside an avatar are no mistake; a file with nothing to learn from is one
            refusals.append(error)
    if not rigs:
        raise refusals[0] if refusals else InputError(f"{path.name} holds no mesh with faces.")
    return rigs


def _rig(name: str, path: Path, licence: str, objects: Sequence[Object], expressions: dict[str, vrm.Recipe]) -> Rig:
    from blendshape_addon.blender import mesh_io

    keys = _creators_keys(objects)
    recipes = expressions | {shape: {key: 1.0} for shape, key in aliases.pick(keys).items()}
    avatar = mesh_io.read(objects)
    shapes = {shape: _offsets(objects, avatar, recipe) for shape, recipe in recipes.items()}
    if not any(offsets.any() for offsets in shapes.values()):
        what = f"shape keys of known names (it has {', '.join(keys[:NAMED])})" if keys else "shape keys"
        raise InputError(f"{path.name} has no {what}: there is nothing to learn from.")
    face = landmarks.find(avatar)
    places = FaceSpace.of(face.points).to_face(avatar.vertices)
    near = ((places > features.REACH_LOW) & (places < features.REACH_HIGH)).all(1)
    shapes = {shape: offsets for shape, offsets in shapes.items() if offsets[near].any()}
    if not shapes:
        raise InputError(
            f"{path.name} has shape keys of known names, but none moves the face: there is nothing to learn."
        )
    shapes = sums.with_blinks(_halved(shapes, places[:, 0] > 0))
    turn = face.frame.T
    return Rig(
        name=name, family=f"avatar_{name}", folder=path.parent, vertices=avatar.vertices @ turn,
        triangles=avatar.triangles, part_id=avatar.object_id, part_names=avatar.object_names,
        shapes={shape: (shapes[shape] @ turn).astype(np.float32) for shape in CONDITIONS if shape in shapes},
        real=frozenset(shapes), hidden_parts=(), licence=licence, digest=digest_of([path]),
        marks=labels.on_skin(avatar, face.points),
    )  # fmt: skip


def _creators_keys(objects: Sequence[Object]) -> list[str]:
    """Names of the relative keys of all objects that the add-on did not make, in their order."""
    from blendshape_addon.blender import mesh_io

    found: dict[str, None] = {}
    for keys in filter(None, (obj.data.shape_keys for obj in objects)):
        made = keys.get(mesh_io.MADE, ())
        for key in keys.key_blocks:
            if keys.use_relative and key != keys.reference_key and key.name not in made:
                found[key.name] = None
    return list(found)


def _offsets(objects: Sequence[Object], avatar: Avatar, recipe: vrm.Recipe) -> np.ndarray:
    """(V, 3) world-space motion of all objects' vertices under a weighted sum of keys, by name."""
    from blendshape_addon.blender import mesh_io

    out = np.zeros(avatar.vertices.shape)
    for number, obj in enumerate(objects):
        keys = obj.data.shape_keys
        for name, weight in recipe.items():
            key = keys.key_blocks.get(name) if keys else None
            if key:
                push = mesh_io.coordinates(key.points) - mesh_io.coordinates(key.relative_key.points)
                out[avatar.object_id == number] += weight * push @ np.array(obj.matrix_world, float)[:3, :3].T
    return out


def _halved(shapes: dict[str, np.ndarray], left: np.ndarray) -> dict[str, np.ndarray]:
    """`shapes` with a blink of both eyes cut into its eyes, where these are missing; left: (V,) bool, that side."""
    out = dict(shapes)
    both = out.pop("vrc.blink", None)
    if both is not None and not shapes.keys() & {"vrc.blink_left", "vrc.blink_right"}:
        out["vrc.blink_left"], out["vrc.blink_right"] = both * left[:, None], both * ~left[:, None]
    return out
