"""The animator's file, and moving a portrait by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from blendshape_addon.core.errors import InputError

from ...learning import checkpoint
from . import conditions, settings
from .dataset import grey
from .model import Animator, Trained

NAME = "animator.pt"
OLD_NAME = "pass_through.pt"  # what the file was called before
_AT_ONCE = 16  # frames


def find(path: Path) -> Path:
    """The file of an animator: `path`, or in a folder animator.pt, or pass_through.pt where that is not there. Raises
    InputError where there is none."""
    folder = path if path.is_dir() else path.parent
    tried = [folder / NAME, folder / OLD_NAME] if path.is_dir() or path.name == NAME else [path]
    for file in tried:
        if file.is_file():
            return file
    raise InputError(
        f"There is no animator at {path}: train one with python -m training motion train-animator, or give its file."
    )


def load(path: Path) -> tuple[Animator, settings.Settings]:
    """The animator of a training's file, with averaged weights, and the settings it was trained with.

    The file holds arrays and text, no code (safetensors, whatever its name). Raises InputError for a file that is
    damaged or of something else.
    """
    file = find(path)
    groups, notes = checkpoint.load(file)
    other = InputError(f"{file} holds no animator of this version: train one with train-animator.")
    try:
        told = settings.of_tables(notes["settings"]["tables"])
        if notes["settings"]["conditions"] != conditions.SIZE:
            raise other
        trained = Trained(told.model, told.losses.alignment_descriptor > 0)
        trained.load_state_dict(groups["average"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise other from error
    return trained.animator.eval(), told


@torch.no_grad()
def moved(
    animator: Animator, portrait: np.ndarray, own: np.ndarray, drivers: np.ndarray | None, deltas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(F, S, S, 3) uint8 frames of a portrait that moves, and (F,) the mean size of what was painted over the warped
    portrait, 0 to 1.

    portrait: (S, S, 3) uint8; own: (K,) its row of `conditions`; drivers: (F, S, S, 3) uint8, or None to go by the
    descriptors alone; deltas: (F, K). Raises InputError for pictures of another size than the animator's.
    """
    size = animator.size
    for picture in [portrait] if drivers is None else [portrait, drivers[0]]:
        if picture.shape != (size, size, 3):
            raise InputError(f"The animator makes pictures of {size} x {size} pixels and got {picture.shape}.")
    frames, painted = [], []
    source = _channels_first(portrait[None])
    for first in range(0, len(deltas), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        motion = deltas[some].astype(np.float32)
        told = torch.from_numpy(np.stack([np.broadcast_to(own, motion.shape).astype(np.float32), motion], 1))
        seen = torch.zeros(len(told), 1, size, size)
        if drivers is not None:
            seen = torch.from_numpy(grey(drivers[some]))[:, None]
        made = animator(source.expand(len(told), -1, -1, -1), seen, told)
        frames.append((made.picture.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy())
        painted.append(made.correction.abs().mean((1, 2, 3)).numpy())
    return np.concatenate(frames), np.concatenate(painted)


def _channels_first(pictures: np.ndarray) -> Tensor:
    return torch.from_numpy(pictures.astype(np.float32) / 255).permute(0, 3, 1, 2)
