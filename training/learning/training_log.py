"""What can be watched while a training runs: TensorBoard with the losses by term, and contact sheets."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from .atomic_files import atomic_write

EVERY = 20  # steps between two points of a curve
Draw = Callable[[nn.Module], Iterator[tuple[str, np.ndarray]]]  # a network to names and (H, W, 3) uint8 pictures


class TrainingLogger:
    """Curves and sheets below `folder`; of a resumed run, what an earlier one wrote after step `first` is dropped.

    draw: what makes the contact sheets of a network; None: there are none.
    """

    def __init__(self, folder: Path, first: int, draw: Draw | None = None) -> None:
        self.folder = folder
        self.writer = SummaryWriter(str(folder), purge_step=first)
        self.draw = draw

    def numbers(self, step: int, values: dict[str, float]) -> None:
        """A point on each curve, every few steps."""
        if step % EVERY == 0:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)

    def sheets(self, step: int, network: nn.Module) -> None:
        """Every contact sheet of the network, as NAME_STEP.png and in TensorBoard."""
        for name, picture in self.draw(network) if self.draw else ():
            data = io.BytesIO()
            Image.fromarray(picture).save(data, "PNG")
            atomic_write(self.folder / f"{name}_{step:06d}.png", data.getvalue())
            self.writer.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        """Write out what is still held back."""
        self.writer.close()


def read_curve(folder: Path, term: str, points: int = 200) -> list[tuple[int, float]]:
    """Step and a term of the loss of a training whose curves are in `folder`, some `points` of them; [] if none."""
    if not folder.is_dir():
        return []
    events = EventAccumulator(str(folder)).Reload()
    if f"loss/{term}" not in events.Tags()["scalars"]:
        return []
    rows = [(event.step, event.value) for event in events.Scalars(f"loss/{term}")]
    return rows[:: max(1, len(rows) // points)]
