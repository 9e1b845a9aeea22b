"""Avatars as they were read, kept with the dataset: a run that goes on need not read them again, and faces are made
with no Blender near."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError

from ..data.rigs import Rig
from ..learning.atomic_files import read_arrays, write_arrays
from .samples import dense, sparse

_PLAIN = ("vertices", "triangles", "part_id")
_NAMES = ("part_names", "real", "distilled")


def save(path: Path, rigs: Sequence[Rig]) -> None:
    """Write the rigs of a file, all of one digest. Raises InputError when the disk does not take them."""
    arrays = {"digest": np.array(rigs[0].digest)}
    for n, rig in enumerate(rigs):
        fields = {name: getattr(rig, name) for name in _PLAIN}
        fields |= {"name": rig.name, "family": rig.family, "index": rig.marks[0], "weight": rig.marks[1]}
        fields |= {
            name: np.array(sorted(getattr(rig, name)) if name != "part_names" else rig.part_names, str)
            for name in _NAMES
        }
        fields |= {"names": np.array(list(rig.shapes), str)} | sparse(np.stack(list(rig.shapes.values())))
        arrays |= {f"{n}.{name}": np.asarray(value) for name, value in fields.items()}
    write_arrays(path, arrays)


def load(path: Path, digest: str) -> list[Rig] | None:
    """What `save` wrote of avatars with this digest; None if it is not there, damaged or of another digest. Licences
    are left empty."""
    try:
        arrays = read_arrays(path)
        if str(arrays["digest"]) != digest:
            return None
        rigs: list[Rig] = []
        while f"{len(rigs)}.name" in arrays:
            rigs.append(_rig(arrays, f"{len(rigs)}.", digest))
    except (InputError, KeyError, IndexError, ValueError):
        return None
    return rigs


def _rig(arrays: dict[str, np.ndarray], start: str, digest: str) -> Rig:
    own = {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
    offsets = dense(own, len(own["vertices"]))
    return Rig(
        **{name: own[name] for name in _PLAIN}, name=str(own["name"]), family=str(own["family"]), folder=Path(),
        part_names=tuple(map(str, own["part_names"])), real=frozenset(map(str, own["real"])),
        distilled=frozenset(map(str, own["distilled"])), hidden_parts=(), licence="", digest=digest,
        shapes=dict(zip(map(str, own["names"]), offsets, strict=True)), marks=(own["index"], own["weight"]),
    )  # fmt: skip
