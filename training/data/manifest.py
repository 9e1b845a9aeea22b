"""`manifest.json` of a dataset: what each face in it comes from, under which licence, and the hash of every shard."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import InputError

from ..learning.arrays import SUFFIX
from ..learning.atomic_files import atomic_write
from . import families
from .rigs import Rig

NAME = "manifest.json"
FORMAT = 3
VERSIONS = {"python": platform.python_version(), "numpy": np.__version__}


@dataclass
class Entry:
    """One rig. source: as on the command line. fold: what it is left out of training with. artist: whose shapes it has.

    sha256: of what was read. shapes: how many it has, how many of them an artist made as such and how many the shipped
    deformer did. shards: hash of each instance by file name. samples: of what `generate` wrote beside it, by path.
    """

    source: str
    licence: str
    fold: str
    artist: str
    sha256: str
    shapes: int
    real: int
    distilled: int = 0
    versions: dict[str, str] = field(default_factory=lambda: dict(VERSIONS))
    instances: int = 0
    shards: dict[str, str] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(rig: Rig, source: str) -> Entry:
        """A rig of which nothing has been made yet."""
        real, distilled = (len(names & rig.shapes.keys()) for names in (rig.real, rig.distilled))
        return Entry(
            source, rig.licence, rig.facts.fold, rig.facts.artist, rig.digest, len(rig.shapes), real, distilled
        )


def key_of(rig: Rig) -> str:
    """What its entry is called, and its shards begin with."""
    return f"{rig.family}__{rig.name}"


def shard_of(key: str, number: int) -> str:
    """File name of instance `number` of a rig."""
    return f"{key}__{number:04d}{SUFFIX}"


def key_and_number(shard: str) -> tuple[str, int]:
    """What `shard_of` was given for a file name."""
    key, number = shard.removesuffix(SUFFIX).rsplit("__", 1)
    return key, int(number)


def shards_in(folder: Path, hold_out: str | None = None) -> list[Path]:
    """Every shard in a folder in a fixed order, without those of the fold `hold_out`.

    Raises InputError where there are only shards that an older version wrote.
    """
    found = sorted(folder.glob(f"*__*{SUFFIX}"))
    if not found and any(folder.glob("*__*.npz")):
        raise InputError(f"The faces in {folder} were written by an older version of this program: "
                         "run `python -m training prepare` again, into another folder.")  # fmt: skip
    entries = read(folder) if hold_out else {}
    return [path for path in found if not hold_out or _fold_of(entries, key_and_number(path.name)[0]) != hold_out]


def _fold_of(entries: Mapping[str, Entry], key: str) -> str:
    return entries[key].fold if key in entries else families.of(*key.split("__", 1)).fold


def artists(folder: Path, keys: Iterable[str]) -> list[str]:
    """Whose shapes the rigs of a folder have, by `key_of`."""
    entries = read(folder)
    return [entries[key].artist if key in entries else families.of(*key.split("__", 1)).artist for key in keys]


def read(folder: Path) -> dict[str, Entry]:
    """Entries by `key_of`; none where there is no manifest. Raises InputError when it cannot be read."""
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise InputError(f"{path} was written by another version of this program: prepare into another folder.")
        return {name: Entry(**entry) for name, entry in document["sources"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: delete it, and `prepare` writes it anew from the shards.") from error


def write(folder: Path, entries: dict[str, Entry]) -> None:
    """Write the manifest; the old one stays until the new one is whole."""
    for entry in entries.values():
        entry.instances = len(entry.shards)
        entry.shards = dict(sorted(entry.shards.items()))
        entry.samples = dict(sorted(entry.samples.items()))
    document = {"format": FORMAT, "sources": {name: asdict(entry) for name, entry in sorted(entries.items())}}
    atomic_write(folder / NAME, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def trained_on(folder: Path, hold_out: str | None = None) -> list[dict[str, str]]:
    """Name and licence of every rig that a training on `folder` sees, as a model's card lists them, and how many of its
    shapes the shipped deformer made, if any; none for a folder without a manifest. hold_out: fold that is left out.

    Raises InputError when there are shards of which the manifest does not know whose they are.
    """
    entries = read(folder)
    unknown = {key_and_number(path.name)[0] for path in shards_in(folder)} - entries.keys()
    if entries and unknown:
        raise InputError(f"{folder / NAME} does not say what {sorted(unknown)[0]} is: prepare its source again.")
    return [
        {"name": key.replace("__", "/"), "licence": entry.licence}
        | ({"distilled": f"{entry.distilled} of {entry.shapes} shapes"} if entry.distilled else {})
        for key, entry in entries.items()
        if entry.shards and entry.fold != hold_out
    ]


def hash_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
