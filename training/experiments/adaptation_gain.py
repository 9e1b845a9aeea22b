"""What adapting buys: each rig by the deformer that never saw its family, before and after it learned some of the rig's
own shapes, on shapes that were not given; and what the other rigs lose.

python -m training.experiments.adaptation_gain
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.inference import registry

from .. import commands
from ..adaptation import few_shot
from ..adaptation.few_shot import Face
from ..adaptation.onnx_patch import Base, StyleAdapter, likeness
from ..data.rigs import Rig, labelled
from ..deformer import weights
from ..evaluation import folds
from ..evaluation.report.table import Table

GIVEN = (5, 10, 20)
LEFT = 3  # shapes that must remain to be judged by


def draw(names: Sequence[str], count: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """About `count` random names, both sides of a shape or neither, and the others."""
    groups = list(few_shot.kinds(names).values())
    rng.shuffle(groups)
    given: list[str] = []
    for group in groups:
        given += group if len(given) < count else []
    return given, [name for name in names if name not in given]


def loss(face: Face, taught: Face, base: Base, learned: StyleAdapter) -> tuple[float, float]:
    """By what part the median rel of a face grows in the style that was learned from another: as the model does, which
    looks whether it knows the face, and if it did not look."""
    before = np.median(face.errors(few_shot.neutral(base), list(face.truth)))
    there = np.median(face.errors(learned, list(face.truth))) / before - 1
    return (there if likeness(face.landmarks, [taught.landmarks]) > 0 else 0.0), there


def measure(rigs: Sequence[Rig], family: str, base: Base, draws: int) -> list[tuple[str, ...]]:
    """Rows of the table for the rigs of a fold."""
    faces = {rig.name: Face.of(rig, base) for rig in rigs}
    rows = []
    for own in (rig for rig in rigs if rig.facts.fold == family):
        face = faces[own.name]
        for count in GIVEN:
            results, losses, took = [], [], []
            for seed in range(draws):
                given, rest = draw(list(face.truth), count, np.random.default_rng(seed))
                if len(rest) < LEFT:
                    continue
                began = time.process_time()
                learned = few_shot.learn(base, [face], [given]).adapter
                took.append(time.process_time() - began)
                errors = [face.errors(one, rest) for one in (few_shot.neutral(base), learned)]
                results.append([f(e) for f in (np.median, np.mean) for e in errors])
                losses += [loss(faces[r.name], face, base, learned) for r in rigs if r.facts.fold != family]
            if results:
                median, median_after, mean, mean_after = np.mean(results, axis=0)
                looked, anyway = np.mean(losses, axis=0)
                rows.append((
                    own.name, str(count), f"{median:.2f} → {median_after:.2f}", f"{mean:.2f} → {mean_after:.2f}",
                    f"{looked:.0%}", f"{anyway:+.0%}", f"{np.mean(took):.0f}",
                ))  # fmt: skip
                print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    return rows


def table(work: Path, draws: int) -> Table:
    """The table, of the folds that lie in `work`. Raises ModelError when there is none."""
    rigs = labelled()
    rows = []
    for family in sorted({rig.facts.fold for rig in rigs}):
        folder = work / f"without_{family}"
        if (folder / weights.FILE).exists():
            folds.models_of(family, work)
        try:
            base = Base.of(registry.load("deformer", folder))
        except ModelError as error:
            print(f"{family} is left out of the table: {error}", file=sys.stderr)
            continue
        rows += measure(rigs, family, base, draws)
    if not rows:
        raise ModelError(f"There are no folds in {work}: `python -m training evaluate` trains them.")
    note = (
        f"The network alone, nothing refined, labelled landmarks; means over {draws} draws of shapes, both sides of a "
        "shape given or neither. Others: growth of their median rel, with the model as it is written, and if the style "
        "were used on every face (--style)."
    )
    head = ("rig", "given", "median rel, not given", "mean rel, not given", "others", "in this style", "CPU s")
    return Table("Adapting to a rig that was left out", head, rows, note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("out/train"), help="where the folds are (%(default)s)")
    parser.add_argument("--draws", type=int, default=3, help="random choices of the given shapes (%(default)s)")
    given = parser.parse_args()
    print(table(given.work, given.draws).text())


if __name__ == "__main__":
    sys.exit(commands.run(main))
