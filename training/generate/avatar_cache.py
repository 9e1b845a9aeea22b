"""Avatars as they were read, kept with the dataset: a run that goes on need not read them again, and faces are made
with no Blender near."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError

from ..data.rigs import Rig
from ..learning import arrays
from .samples import dense, sparse

FORMAT = arrays.Format("cache of avatars", 1, "run `python -m training generate` again")
_NUMBERS = ("vertices", "triangles", "part_id")


def save(path: Path, rigs: Sequence[Rig]) -> None:
    """Write the rigs of a file, all of one digest. Raises InputError when the disk does not take them."""
    numbers: dict[str, np.ndarray] = {}
    texts = []
    for n, rig in enumerate(rigs):
        fields = {name: getattr(rig, name) for name in _NUMBERS} | {"index": rig.marks[0], "weight": rig.marks[1]}
        fields |= sparse(np.stack(list(rig.shapes.values())))
        numbers |= {f"{n}.{name}": value for name, value in fields.items()}
        texts.append({
            "name": rig.name, "family": rig.family, "part_names": rig.part_names, "shapes": list(rig.shapes),
            "real": sorted(rig.real), "distilled": sorted(rig.distilled),
        })  # fmt: skip
    arrays.save(path, FORMAT, numbers, {"digest": rigs[0].digest, "rigs": texts})


def load(path: Path, digest: str) -> list[Rig] | None:
    """What `save` wrote of avatars with this digest; None if it is not there, damaged or of another digest. Licences
    are left empty."""
    try:
        numbers, notes = arrays.load(path, FORMAT)
    except InputError:
        return None
    if notes["digest"] != digest:
        return None
    return [_rig(numbers, f"{n}.", texts, digest) for n, texts in enumerate(notes["rigs"])]


def _rig(numbers: dict[str, np.ndarray], start: str, texts: dict, digest: str) -> Rig:
    own = {name.removeprefix(start): value for name, value in numbers.items() if name.startswith(start)}
    offsets = dense(own, len(own["vertices"]))
    return Rig(
        **{name: own[name] for name in _NUMBERS}, name=texts["name"], family=texts["family"], folder=Path(),
        part_names=tuple(texts["part_names"]), real=frozenset(texts["real"]), distilled=frozenset(texts["distilled"]),
        hidden_parts=(), licence="", digest=digest, shapes=dict(zip(texts["shapes"], offsets, strict=True)),
        marks=(own["index"], own["weight"]),
    )  # fmt: skip
