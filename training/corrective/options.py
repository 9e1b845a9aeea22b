"""Options that the verbs share, under the names that they have had since the design was written."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from blendshape_addon.core.errors import InputError

from .networks import MODEL_TYPES

DEFAULT_TYPE = "gated"


def add(parser: argparse.ArgumentParser, name: str, short: str | None = None, **how: object) -> None:
    """An option, spelled with underscores or hyphens."""
    names = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}", *([short] if short else ())))
    parser.add_argument(*names, dest=name, **how)


def add_meshes(parser: argparse.ArgumentParser, target: bool) -> None:
    """Where the frames are. target: whether the target has to be given."""
    kinds = "folder of OBJ files in natural order, or .npz of frames"
    add(parser, "source_files_dir", "-src", type=Path, required=True, help=f"skinned meshes: {kinds}")
    add(parser, "target_files_dir", "-tar", type=Path, required=target, help=f"what they should be: {kinds}")
    add(
        parser,
        "joint_files_dir",
        type=Path,
        help="joints: folder of text files, a line “x y z” each, or .npy (F, J, 3)",
    )


def add_training(parser: argparse.ArgumentParser, model_type: str | None) -> None:
    """How a model is built and trained. model_type: that of the seed's modules, None where it is to be chosen."""
    shown = "(default: %(default)s)"
    add(parser, "model_type", choices=MODEL_TYPES, default=model_type or DEFAULT_TYPE, help=shown)
    add(parser, "space", choices=("local", "absolute"), default="local", help=f"{shown}; absolute is for networks")
    numbers = {
        "latent_size": (32, "of the encoder"),
        "num_embeddings": (12, "of the codebook, 0 for none"),
        "num_experts": (6, "of the decoder"),
        "num_epochs": (2, "in all, with those of a loaded model"),
        "num_frames": (60, "to learn from, the first ones"),
        "num_condition_frames": (1, "that are looked at together, the present one last"),
        "epoch_save_interval": (1, "epochs between two files"),
        "mini_batch_size": (32729, "pairs of a frame and a vertex per step"),
        "seed": (0, ""),
    }
    for name, (default, what) in numbers.items():
        least = 0 if name in ("num_embeddings", "seed") else 1
        add(parser, name, type=whole(name, least), default=default, help=f"{what} {shown}".strip())
    add(parser, "load_saved_model", type=Path, help="EPOCH.pt to go on from")
    add(parser, "device", default="cuda:0", help=f"{shown}; the CPU where there is none")
    add(parser, "model_saved_path", type=Path, default=Path("saved_model"), help=f"folder {shown}")
    add(parser, "out", type=Path, help="MODEL.onnx to write as well, with its card")


def whole(name: str, least: int) -> object:
    """A reader of whole numbers from `least` on. It raises InputError."""

    def read(text: str) -> int:
        if not text.lstrip("-").isdigit() or int(text) < least:
            raise InputError(f"--{name} is {text}: it must be a whole number from {least} on.")
        return int(text)

    return read


def yes(text: str) -> bool:
    """True or False as people write it. Raises InputError."""
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise InputError(f"“{text}” is neither true nor false: write one of them.")
    return known[text.lower()]


def device(name: str) -> torch.device:
    """The device of this name; the CPU, and a sentence that says so, where this machine has none. Raises InputError."""
    try:
        wanted = torch.device(name)
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        if not name.startswith("cuda"):
            raise InputError(f"There is no device “{name}”: use cpu or cuda:0.") from error
        print(f"This machine has no {name} that PyTorch can use: the CPU is used.")
        return torch.device("cpu")
    return wanted
