"""The models of a fold: a deformer and a face finder that never saw one family."""

from __future__ import annotations

from pathlib import Path

from ..config import TrainConfig
from ..deformer import weights
from ..deformer.export import export
from ..deformer.train import train
from ..learning.atomic_files import atomic_write

FINDERS = Path("out/landmarks")  # made by `python -m training.landmarks.train`


def models_of(family: str, work: Path, config: TrainConfig) -> Path:
    """Folder with the models of the fold that never saw `family`; a deformer that is not there is trained now."""
    folder = work / f"without_{family}"
    trained = folder / weights.FILE
    if not trained.exists():
        print(f"No deformer without {family} in {folder}: it is trained now, {config.steps} steps; "
              f"on two cores that takes about {config.steps / 70:.0f} minutes.", flush=True)  # fmt: skip
        train(config, work.parent / "dataset", trained, hold_out=family)
    export(trained, folder / "deformer.onnx", {}, work.parent / "dataset")
    for suffix in (".onnx", ".toml"):
        finder = FINDERS / f"fold_{family}{suffix}"
        if finder.exists():
            atomic_write(folder / finder.name, finder.read_bytes())
    return folder
