"""Make one dataset from any number of sources: a folder of shards, one augmented face each, and manifest.json.

Run it again to add sources or instances: only what is missing is made. Damaged shards are named and made again, and so
are all of a source that has changed since. Instances do not depend on what else is in the dataset.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from blendshape_addon.core.errors import InputError

from ..learning.arrays import SUFFIX
from . import augment, dataset, manifest, sources
from .labelled_face import LabelledFace
from .rigs import Rig

SEED = 0


def prepare(folder: Path, given: Sequence[str], per_rig: int, licence: str | None = None) -> None:
    """Make `per_rig` instances of every rig of the sources `given`, by its share, in `folder`: files
    FAMILY__RIG__NUMBER.safetensors.

    licence: of the avatars among the sources. Raises InputError, in a sentence, before anything is made when a source
    cannot be used, and when the folder cannot be written to.
    """
    if per_rig < 1:
        raise InputError(f"{per_rig} instances of each rig are none: give --per-rig a number from 1.")
    rigs = [(source, sources.read(source, licence)) for source in given]
    names = [manifest.key_of(rig) for _, group in rigs for rig in group]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise InputError(f"Two sources are called {twins[0]}: rename one of the files.")
    entries = manifest.read(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [
            (source, group, rig, name)
            for source, group in rigs for rig in group
            for name in missing_shards(
                folder, manifest.key_of(rig), manifest.Entry.of(rig, source), entries, instances_of(rig, per_rig)
            )
        ]  # fmt: skip
        manifest.write(folder, entries)
        try:
            _make(folder, missing, entries)
        finally:
            manifest.write(folder, entries)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder} cannot be written to ({reason}): check the folder and the free space.") from error
    made = sum(len(entries[name].shards) for name in names)
    print(f"{folder}: {made} faces of {len(names)} rigs; sources, licences and hashes are in {manifest.NAME}.")


def instances_of(rig: Rig, per_rig: int) -> int:
    """How many instances of `rig` a dataset has with `per_rig` of most rigs."""
    return max(1, round(per_rig * rig.facts.share))


def missing_shards(
    folder: Path, key: str, fresh: manifest.Entry, entries: dict[str, manifest.Entry], per_rig: int
) -> list[str]:
    """Shards to be made of the rig `key`, of which `fresh` says what it is now; brings its entry up to date with what
    lies in the folder."""
    old = entries.get(key)
    if old and old.sha256 != fresh.sha256:
        print(f"{key} has changed since its instances were made: they are made again.", file=sys.stderr)
        for path in folder.glob(f"{key}__*{SUFFIX}"):
            path.unlink()
    elif old:
        fresh.shards, fresh.samples, fresh.versions = old.shards, old.samples, old.versions
    entries[key] = fresh
    missing = []
    for name in sorted({*fresh.shards, *(manifest.shard_of(key, n) for n in range(per_rig))}):
        recorded = fresh.shards.pop(name, None)
        if not (folder / name).exists():
            missing.append(name)
        elif _whole(folder / name, recorded):
            fresh.shards[name] = recorded or manifest.hash_of(folder / name)
        else:
            print(f"{folder / name} is damaged: it is made again.", file=sys.stderr)
            missing.append(name)
    return missing


def _whole(path: Path, recorded: str | None) -> bool:
    """Is the shard what was recorded? One that a killed run left unrecorded must be readable."""
    if recorded:
        return manifest.hash_of(path) == recorded
    try:
        dataset.load(path)
    except InputError:
        return False
    return True


def _make(folder: Path, missing: Sequence[tuple], entries: dict[str, manifest.Entry]) -> None:
    """Make instances and record them, one of each rig before the second of any."""
    groups = {source: group for source, group, _, _ in missing}
    bodies = {source: bodies_of(group) for source, group in groups.items()}
    for source, _, rig, name in tqdm(sorted(missing, key=_number), desc="instances", unit="face"):
        rng, strength = instance_rng(rig.name, manifest.key_and_number(name)[1])
        dataset.save(dataset.make_instance(rig, rng, strength, bodies[source]), folder / name)
        entries[manifest.key_of(rig)].shards[name] = manifest.hash_of(folder / name)


def _number(row: tuple) -> int:
    return manifest.key_and_number(row[3])[1]


def instance_rng(name: str, number: int) -> tuple[np.random.Generator, float]:
    """What decides instance `number` of the rig `name`, and how far it is warped: number 0 is the rig itself."""
    rng = np.random.default_rng([SEED, number, zlib.crc32(name.encode())])
    return rng, 0.0 if number == 0 else rng.uniform(0.2, 1.2)


def bodies_of(group: Sequence[Rig]) -> list[augment.Solid]:
    """The bodies of a source's rigs, for its heads that have none."""
    return [body for rig in group if (body := augment.body_of(LabelledFace.of(rig)))]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training prepare",
        description=__doc__,
        epilog="sources:\n"
        + "\n".join(f"  {usage:16} {what}" for _, _, usage, what in sources.SOURCES.values())
        + "\n\nexample:\n  python -m training prepare --source anny --source avatar:my.vrm --licence CC0",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--source", action="append", metavar="KIND[:PATH]", help="whose faces; may be repeated (default: rigs)")
    add("--licence", metavar="NAME", help="under which the avatars given may be used; they are refused without one")
    add("--out", type=Path, default=Path("out/dataset"), metavar="FOLDER", help="the dataset (default: %(default)s)")
    add("--per-rig", type=int, default=60, metavar="N", help="instances of each rig or avatar (default: %(default)s)")
    given = parser.parse_args(arguments)
    prepare(given.out, given.source or ["rigs"], given.per_rig, given.licence)
