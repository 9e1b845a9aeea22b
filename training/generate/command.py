"""Make a dataset of a folder of avatars: their faces as they are and warped into others, with all their expressions.

Run it again to go on after a stop, or with more avatars or faces: only what is missing is made.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from importlib.util import find_spec
from pathlib import Path

from blendshape_addon.core.errors import InputError, UserError
from blendshape_addon.core.vocabulary import READABLE

from ..data import manifest
from ..data.prepare import missing_shards
from ..data.sources import blenders
from ..learning import workers
from ..learning.arrays import SUFFIX
from ..learning.atomic_files import atomic_write
from ..learning.workers import each, processes, stoppable
from . import samples, work

REPORT = "report.json"
OK, SOME_FAILED = 0, 1


def generate(plan: work.Plan, names: Sequence[str], faces: int, jobs: int, scheduler: str | None = None) -> int:
    """Make `faces` faces of every avatar file of `names` (below plan.folder) into plan.out; 0, or 1 when an avatar had
    to be left out or a file is not as it should be.

    Raises InputError when there is nothing to be made or the folder cannot be written to.
    """
    entries = manifest.read(plan.out)
    try:
        for stale in [*plan.out.rglob("*.part"), *plan.out.rglob("*.read")]:  # of a run that was killed
            stale.unlink()
        with processes(jobs, scheduler) as executor:
            refused = dict(_twins(names))
            found = _read(executor, plan, [name for name in names if name not in refused], refused)
            if not found:
                raise InputError(f"None of {len(names)} avatars can be used. {next(iter(refused.values()))}")
            rows = [row for key, fresh in found.items() for row in _missing(plan, key, fresh, entries, faces)]
            manifest.write(plan.out, entries)
            try:
                _make(executor, plan, rows, entries, refused)
            finally:
                manifest.write(plan.out, entries)
            verdicts = _check(executor, plan, {key: entries[key] for key in found})
    except OSError as error:
        raise InputError(
            f"{plan.out} cannot be written to ({error.strerror or error}): check the folder and the free space."
        ) from error
    return _report(plan.out, {key: entries[key] for key in found}, refused, verdicts)


def _twins(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Files that would be called as another is, each with a sentence."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(work.stem_of(name), name)
        if other != name:
            yield name, f"{name} is called as {other} is: rename it if it is another avatar."


def _read(
    executor: Executor, plan: work.Plan, names: Sequence[str], refused: dict[str, str]
) -> dict[str, manifest.Entry]:
    """Entries by key of all avatars that can be used; the others go into `refused` with the reason."""
    found: dict[str, manifest.Entry] = {}
    for (_, name), result in each(executor, "reading avatars", work.read, [(plan, name) for name in names]):
        if isinstance(result, Exception):
            refused[name] = _sentence(name, result)
        else:
            found |= result
    return dict(sorted(found.items()))


def _missing(
    plan: work.Plan, key: str, fresh: manifest.Entry, entries: dict[str, manifest.Entry], faces: int
) -> list[tuple]:
    """What `work.make` is to be called with for an avatar."""
    old = entries.get(key)
    if old and old.sha256 != fresh.sha256:
        old.samples.clear()
        for path in plan.out.glob(f"*/{key}__[0-9]*"):
            path.unlink()
    missing = set(missing_shards(plan.out, key, fresh, entries, faces))
    recorded = fresh.samples
    for shard in fresh.shards:
        for path in plan.extras(shard):
            if not _is_whole(plan.out / path, recorded.get(path)):
                missing.add(shard)
            else:
                recorded.setdefault(path, manifest.hash_of(plan.out / path))
    return [(plan, fresh.source, key, fresh.sha256, shard) for shard in missing]


def _is_whole(path: Path, recorded: str | None) -> bool:
    """Is it what was recorded? Samples that a killed run left unrecorded must be readable."""
    if not path.exists():
        return False
    if recorded and manifest.hash_of(path) != recorded:
        print(f"{path} is damaged: it is made again.", file=sys.stderr)
        return False
    if not recorded and path.suffix == SUFFIX:
        try:
            samples.load(path)
        except InputError:
            return False
    return True


def _make(
    executor: Executor, plan: work.Plan, rows: list[tuple], entries: dict[str, manifest.Entry], refused: dict[str, str]
) -> None:
    """Make faces and record them, one of each avatar before the second of any."""
    rows.sort(key=lambda row: manifest.key_and_number(row[4])[::-1])
    for (_, source, key, _, shard), result in each(executor, "making faces", work.make, rows):
        if isinstance(result, Exception):
            refused.setdefault(source.removeprefix("avatar:"), _sentence(shard, result))
        else:
            entries[key].shards[shard] = result.pop(shard)
            entries[key].samples |= result


def _check(executor: Executor, plan: work.Plan, entries: dict[str, manifest.Entry]) -> dict[str, work.Verdict]:
    """A verdict on every face, by its shard."""
    rows = []
    for entry in entries.values():
        for shard, recorded in entry.shards.items():
            extras = {path: entry.samples[path] for path in plan.extras(shard) if path in entry.samples}
            rows.append((plan, shard, {shard: recorded, **extras}))
    verdicts = {}
    for (_, shard, _), result in each(executor, "checking faces", work.check, rows):
        verdicts[shard] = work.Verdict(0, [_sentence(shard, result)], {}) if isinstance(result, Exception) else result
    return dict(sorted(verdicts.items()))


def _sentence(what: str, error: Exception) -> str:
    said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return said if Path(what).name in said else f"{what}: {said}"


def _report(
    out: Path, entries: dict[str, manifest.Entry], refused: dict[str, str], verdicts: dict[str, work.Verdict]
) -> int:
    """Say how it went, on the terminal and in `REPORT`."""
    problems = [problem for verdict in verdicts.values() for problem in verdict.problems]
    count = sum(verdict.samples for verdict in verdicts.values())
    faults = {shard: dict(verdict.faults) for shard, verdict in verdicts.items() if verdict.faults}
    document = {
        "faces": len(verdicts), "samples": count, "refused": dict(sorted(refused.items())), "problems": problems,
        "avatars": {
            key: {"source": entry.source, "faces": entry.instances, "shapes": entry.shapes, "from keys": entry.real,
                  "from the deformer": entry.distilled}
            for key, entry in entries.items()
        },
        "quality": {"shapes": sum(verdict.samples for verdict in verdicts.values()) // len(samples.INTENSITIES),
                    "faulty": sum(map(len, faults.values())), "faults": faults},
    }  # fmt: skip
    atomic_write(out / REPORT, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())
    for sentence in [*(f"Left out: {reason}" for _, reason in sorted(refused.items())), *problems]:
        print(sentence, file=sys.stderr)
    quality = document["quality"]
    print(f"{out}: {count} samples in {len(verdicts)} faces of {len(entries)} avatars; {quality['faulty']} of "
          f"{quality['shapes']} shapes fail the quality check. Every one is in {REPORT}.")  # fmt: skip
    return SOME_FAILED if refused or problems else OK


def names_in(folder: Path, out: Path) -> list[str]:
    """Avatar files in a folder, by their path below it. Raises InputError when there are none."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give one of avatars ({' '.join(READABLE)}).")
    files = [file for file in sorted(folder.rglob("*")) if file.suffix.lower() in READABLE and file.is_file()]
    names = [file.relative_to(folder).as_posix() for file in files if out.resolve() not in file.resolve().parents]
    if not names:
        raise InputError(f"The folder {folder} holds no avatar file ({' '.join(READABLE)}).")
    return names


def main(arguments: list[str]) -> int:
    given = _parser().parse_args(arguments)
    if not given.licence:
        raise InputError("Under which licence may these avatars be used? Say it with --licence, such as --licence CC0.")
    if min(given.faces, given.jobs) < 1 or given.views < 0:
        raise InputError("--faces and --jobs are numbers from 1, --views is one from 0.")
    if given.views and find_spec("PIL") is None:
        raise InputError("--views needs Pillow, which is missing: pip install pillow")
    names = names_in(given.avatars, given.out)
    plan = work.Plan(given.avatars, given.out, given.licence, blenders.command(given.blender), given.distil,
                     given.same_mesh, given.views)  # fmt: skip
    with stoppable():
        return generate(plan, names, given.faces, given.jobs, given.scheduler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training generate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    add = parser.add_argument
    add("avatars", type=Path, help=f"a folder of avatars ({' '.join(READABLE)}), folders in it too")
    add("--out", type=Path, default=Path("out/generated"), metavar="FOLDER", help="the dataset (default: %(default)s)")
    add("--licence", metavar="NAME", help="under which the avatars may be used; they are refused without one")
    add(
        "--faces",
        type=int,
        default=60,
        metavar="N",
        help="faces of each avatar, the first of them itself (default: %(default)s)",
    )
    add(
        "--distil",
        action="store_true",
        help="let the shipped deformer make what an avatar has no keys for; the manifest says how much that is",
    )
    add("--same-mesh", action="store_true", help="warp faces only: every one keeps the avatar's vertices and triangles")
    add("--views", type=int, default=0, metavar="PIXELS", help="render every expression from three sides, so large")
    workers.add_options(parser)
    add("--blender", metavar="PATH", help="Blender, or a Python that has bpy (default: this one, else blender)")
    return parser
