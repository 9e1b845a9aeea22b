"""The models of a fold: a deformer and a face finder that never saw one family.

python -m training.evaluation.folds --jobs 2      trains every deformer that is not there yet, two at a time
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import commands
from ..config import TrainConfig
from ..data.families import evaluated
from ..deformer import weights
from ..deformer.export import export
from ..deformer.train import train
from ..learning import parallel
from ..learning.atomic_files import atomic_write

FINDERS = Path("out/landmarks")  # made by `python -m training.landmarks.train`
STEPS_PER_MINUTE = 50  # of the deformer's training on one core


def train_missing(families: Sequence[str], work: Path, config: TrainConfig, jobs: int = parallel.JOBS) -> None:
    """Train the deformers of those folds that have none below `work`, `jobs` at a time.

    Raises InputError as `train` does.
    """
    missing = [family for family in families if not _weights(family, work).exists()]
    if missing:
        minutes = config.steps / STEPS_PER_MINUTE * -(-len(missing) // jobs)
        print(f"No deformer without {' or '.join(missing)} below {work}: they are trained now, {config.steps} steps "
              f"each, {jobs} at a time; that takes about {minutes:.0f} minutes.", flush=True)  # fmt: skip
    rows = [(config, work.parent / "dataset", _weights(family, work), family) for family in missing]
    parallel.each(train, rows, jobs)


def models_of(family: str, work: Path) -> Path:
    """Folder with the models of the fold that never saw `family`: its deformer, which is trained, and its face finder
    if there is one."""
    trained = _weights(family, work)
    folder = trained.parent
    export(trained, folder / "deformer.onnx", {}, work.parent / "dataset")
    for suffix in (".onnx", ".toml"):
        finder = FINDERS / f"fold_{family}{suffix}"
        if finder.exists():
            atomic_write(folder / finder.name, finder.read_bytes())
    return folder


def _weights(family: str, work: Path) -> Path:
    return work / f"without_{family}" / weights.FILE


def main() -> None:
    """Train deformers that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--work", type=Path, default=Path("out/train"), help="where the folds are (default: %(default)s)")
    add("--families", nargs="+", choices=evaluated(), default=list(evaluated()))
    add("--steps", type=int, default=TrainConfig.steps, help="(default: %(default)s)")
    add("--jobs", type=int, default=parallel.JOBS, help="folds at a time (default: %(default)s)")
    given = parser.parse_args()
    train_missing(given.families, given.work, TrainConfig(steps=given.steps), given.jobs)


if __name__ == "__main__":
    sys.exit(commands.run(main))
