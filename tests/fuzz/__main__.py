"""`python -m tests.fuzz`: run cases and print the tally."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from . import cases, workers
from .cases import ENDS, Case, Outcome
from .faults import FAULTS
from .object_faults import OBJECT_FAULTS

# Keys and bones of Blender's own are faults of objects.
BLENDER_KINDS = (*OBJECT_FAULTS, *(kind for kind in FAULTS if not kind.endswith("anywhere")))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    add = parser.add_argument
    add("--cases", type=int, default=1000, help="how many (default: %(default)s)")
    add("--seed", type=int, default=0, help="another seed, other cases (default: %(default)s)")
    add("--jobs", type=int, default=1, help="processes (default: %(default)s)")
    add("--limit", type=float, default=120, help="seconds after which a case hangs (default: %(default)s)")
    add("--vertices", type=int, default=0, help="subdivide each subject to so many first, such as 1000000")
    add("--blender", action="store_true", help="through real Blender (its module bpy) instead of the core alone")
    add(
        "--scenes",
        action="store_true",
        help="creators' scenes and files through real Blender instead of damaged meshes",
    )
    add("--case", help="run this one again, as a failure prints it")
    add("--log", type=Path, help="file of cases and what became of them: with the same one a run goes on")
    options = parser.parse_args()
    runner = cases.run_in_blender if options.blender else partial(cases.run, least=options.vertices)
    strategy = cases.cases(BLENDER_KINDS if options.blender else tuple(FAULTS))
    if options.scenes:
        runner, strategy = cases.run_scene, cases.scenes()
    draw = partial(cases.draw, options.cases, options.seed, strategy)
    log = Log(None, lambda: [_read(options.case)]) if options.case else Log(options.log, draw)
    tally = Tally()
    for case, outcome in log.known.items():
        tally.add(case, outcome)
    before, began = len(log.known), time.perf_counter()
    try:
        for case, outcome in workers.run_all(runner, log.left, options.jobs, options.limit):
            tally.add(case, outcome)
            log.add(case, outcome)
    except KeyboardInterrupt:
        print("Stopped: what was done until then.", file=sys.stderr)
    seconds = time.perf_counter() - began
    print(tally)
    done = tally.ends.total()
    run = done - before
    print(f"\n{done} cases, {run} of them now in {seconds:.0f} s: {run / seconds:.2f} a second, --jobs {options.jobs}")
    return int(tally.ends["failed"] > 0)


class Log:
    """The cases of a run, left to do and known, in a file of JSON lines, so that it goes on from there after a stop.

    What failed is left to do: it may have been mended meanwhile.
    """

    def __init__(self, path: Path | None, draw: Callable[[], list[Case]]) -> None:
        self._path, self.known, self.left = path, {}, []
        if path and path.exists():
            for case, *ended in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
                if not ended:
                    self.left.append(_read(case))
                elif ended[0] != "failed":
                    self.known[_read(case)] = Outcome(*ended)
            self.left = [case for case in self.left if case not in self.known]
        else:
            self.left = draw()
            self._write([repr(case)] for case in self.left)

    def add(self, case: Case, outcome: Outcome) -> None:
        self._write([[repr(case), outcome.end, outcome.words]])

    def _write(self, lines: Iterable[list[str]]) -> None:
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines)


def _read(case: str) -> Case:
    return eval(case, {"Case": Case})


class Tally:
    """Counts of what became of cases, by fault, by sentence and by what the check found."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        self.by_fault: dict[str, Counter[str]] = {}
        self.words: dict[str, Counter[str]] = {end: Counter() for end in ENDS}

    def add(self, case: Case, outcome: Outcome) -> None:
        self.ends[outcome.end] += 1
        for fault in case.faults:
            self.by_fault.setdefault(fault, Counter())[outcome.end] += 1
        for words in outcome.words.split("; ") if outcome.end == "in part" else [outcome.words]:
            self.words[outcome.end][_alike(words)] += 1
        if outcome.end == "failed":
            print(f"FAILED {outcome.words}\n  {case!r}", flush=True)
        if self.ends.total() % 50 == 0:
            print(f"{self.ends.total()} cases: {dict(self.ends)}", file=sys.stderr, flush=True)

    def __str__(self) -> str:
        rows = [("all", self.ends), *sorted(self.by_fault.items())]
        lines = ["| fault | passed | in part | refused | failed |", "|---|---|---|---|---|"]
        lines += [f"| {name} | {' | '.join(str(ends[end]) for end in ENDS)} |" for name, ends in rows]
        for end, title in (("refused", "Refused"), ("in part", "Left out"), ("failed", "Failed")):
            lines += [f"\n{title}:", *(f"{count:6d}  {words}" for words, count in self.words[end].most_common())]
        return "\n".join(lines)


def _alike(words: str) -> str:
    """`words` without what differs from case to case: numbers, names and what follows the first sentence."""
    return re.sub(r"“[^”]*”", "“…”", re.sub(r"\d[\d.]*%?", "#", re.split(r"(?<=\.) ", words)[0]))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
