"""Any avatar that has shape keys: a file read as the add-on reads it, with every key that is a known shape.

Keys are recognised by `core.avatar.key_names`, a .vrm's also by what the file says its expressions are. Landmarks are
found as for a creator's avatar, keys as hints included. Keys that the add-on made are not learned from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection import detect
from blendshape_addon.core.errors import InputError, UserError
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.face.parameters import REACH
from blendshape_addon.core.vocabulary import CONDITIONS

from .. import labels
from ..rigs import Rig
from . import digest_of, keyed, sums
from .keyed import Keyed

NAMED = 8  # keys that a refusal names
Shapes = dict[str, np.ndarray]  # (V, 3) world-space motion by shape
Missing = Callable[[Avatar, detect.Face, Shapes], Shapes]  # an avatar, its face and its own shapes to further ones


def read(path: Path | None, licence: str | None, missing: Missing | None = None) -> list[Rig]:
    """Each avatar of the file that has a face and known keys.

    licence: under which its maker lets it be used. missing: see `rigs_of`. Raises InputError or FaceNotFound, in a
    sentence, when the licence is missing, the file cannot be read, no key is known or no face is found.
    """
    if path is None:
        raise InputError("Which avatar? Give its file, as in avatar:my.vrm.")
    if not licence:
        raise InputError(f"Under which licence may {path.name} be used? Say it with --licence, such as --licence CC0.")
    if find_spec("bpy") is None:
        raise InputError("Avatars are read with Blender's Python module, which is missing: pip install bpy==4.5.*")
    return rigs_of(path, path.stem, licence, keyed.read(path), missing)


def rigs_of(path: Path, stem: str, licence: str, found: Sequence[Keyed], missing: Missing | None = None) -> list[Rig]:
    """The rigs of the avatars `found` in `path`, called by `stem`. missing: a model that makes what an avatar has no
    keys for; without one an avatar without known keys is refused.

    Raises InputError or FaceNotFound, in a sentence, when none of them is of use.
    """
    rigs: list[Rig] = []
    refusals: list[UserError] = []
    for one in found:
        name = "_".join(re.findall(r"\w+", stem.replace("_", " "))) + (f"_{len(rigs) + 1}" if rigs else "")
        try:
            rigs.append(_rig(name, path, licence, one, missing))
        except UserError as error:  # props beside an avatar are no mistake; a file with nothing to learn from is one
            refusals.append(error)
    if not rigs:
        raise refusals[0]
    return rigs


def _rig(name: str, path: Path, licence: str, one: Keyed, missing: Missing | None) -> Rig:
    avatar, shapes = one.avatar, one.shapes
    if missing is None and not any(offsets.any() for offsets in shapes.values()):
        keys = ", ".join(one.keys[:NAMED])
        what = f"shape keys of known names (it has {keys})" if keys else "shape keys"
        raise InputError(f"{path.name} has no {what}: there is nothing to learn from.")
    face = detect.find(avatar)
    places = FaceSpace.of(face.points).to_face(avatar.vertices)
    near = ((places > REACH.low) & (places < REACH.high)).all(1)
    shapes = {shape: offsets for shape, offsets in shapes.items() if offsets[near].any()}
    if missing is None and not shapes:
        raise InputError(
            f"{path.name} has shape keys of known names, but none moves the face: there is nothing to learn."
        )
    shapes = sums.with_blinks(_halved(shapes, places[:, 0] > 0))
    more = missing(avatar, face, shapes) if missing else {}
    real, shapes = frozenset(shapes), shapes | more
    turn = face.frame.T
    return Rig(
        name=name, family=f"avatar_{name}", folder=path.parent, vertices=avatar.vertices @ turn,
        triangles=avatar.triangles, part_id=avatar.object_id, part_names=avatar.object_names,
        shapes={shape: (shapes[shape] @ turn).astype(np.float32) for shape in CONDITIONS if shape in shapes},
        real=real, distilled=frozenset(more), hidden_parts=(), licence=licence, digest=digest_of([path]),
        marks=labels.on_skin(avatar, face.points),
    )  # fmt: skip


def _halved(shapes: dict[str, np.ndarray], left: np.ndarray) -> dict[str, np.ndarray]:
    """`shapes` with a blink of both eyes cut into its eyes, where these are missing; left: (V,) bool, that side."""
    out = dict(shapes)
    both = out.pop("vrc.blink", None)
    if both is not None and not shapes.keys() & {"vrc.blink_left", "vrc.blink_right"}:
        out["vrc.blink_left"], out["vrc.blink_right"] = both * left[:, None], both * ~left[:, None]
    return out
