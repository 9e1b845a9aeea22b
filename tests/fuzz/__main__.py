"""`python -m tests.fuzz`: run cases and print the tally."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
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
    add("--case", help="run this one again, as a failure prints it")
    add("--log", type=Path, help="file of what became of each case, to go on from after a stop")
    options = parser.parse_args()
    runner = cases.run_in_blender if options.blender else partial(cases.run, least=options.vertices)
    strategy = cases.cases(BLENDER_KINDS if options.blender else tuple(FAULTS))
    chosen = [_read(options.case)] if options.case else cases.draw(options.cases, options.seed, strategy)
    tally, log = Tally(), Log(options.log)
    for case in chosen:
        if case in log.known:
            tally.add(case, log.known[case])
    left = [case for case in chosen if case not in log.known]
    before, began = tally.ends.total(), time.perf_counter()
    try:
        for case, outcome in workers.run_all(runner, left, options.jobs, options.limit):
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
    """What became of cases in earlier runs of the same command, a line of JSON each."""

    def __init__(self, path: Path | None) -> None:
        self._path, self.known = path, {}
        for line in path.read_text(encoding="utf-8").splitlines() if path and path.exists() else ():
            case, end, words = json.loads(line)
            self.known[_read(case)] = Outcome(end, words)

    def add(self, case: Case, outcome: Outcome) -> None:
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([repr(case), outcome.end, outcome.words]) + "\n")


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
