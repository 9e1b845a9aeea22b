"""Train the deformer on augmented instances; `--hold-out FAMILY` leaves a family out for evaluation.

A run that was stopped goes on with the same command. On several GPUs: torchrun --nproc-per-node 4 -m training train.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from .. import config as configs
from ..config import TrainConfig
from ..data import manifest
from ..data.sampler import Pool
from ..learning import distributed
from ..learning.atomic_files import check_name
from . import fixed_topology, weights
from .artist_sheets import ArtistSheets
from .model import Deformer
from .task import OffsetTask, finish, fit


def train(config: TrainConfig, folder: Path, out: Path, hold_out: str | None = None) -> Path:
    """Train to the end, or on from the last checkpoint; gives the file of the averaged weights.

    Raises InputError when there is nothing to train on, when the checkpoint is damaged or of another configuration, and
    when the disk is full.
    """
    with distributed.team() as team:
        trained_on = manifest.trained_on(folder, hold_out)
        pool = Pool(folder, hold_out)
        config.model.artists = pool.artists
        task = OffsetTask(config, pool, lambda: Deformer(config.model))
        result = fit(task, team, out, ArtistSheets(pool).draw)
        if team.rank == 0:
            about = {"hold_out": hold_out, "trained_on": trained_on}
            weights.save(out, result.network, config, pool.amplitudes(), about)
            finish(out, config, result)
    return out


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hold-out", metavar="FAMILY", help="leave this family out")
    parser.add_argument("--dataset", type=Path, default=Path("out/dataset"))
    parser.add_argument("--out", type=Path, help=f"weights file (default: out/train/{weights.FILE})")
    add = parser.add_argument
    add(
        "--arch", choices=("free", "fixed"), default="free", help="the deformer, or a network for one avatar's vertices"
    )
    add("--avatar", metavar="SOURCE", default="anny", help="fixed: whose, as of `prepare` (%(default)s)")
    add("--licence", help="fixed: under which the avatar may be used")
    add("--faces", type=int, default=40, help="fixed: people on its mesh to learn from (%(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    configs.add_options(parser)
    given = parser.parse_args(arguments)
    if given.out:
        check_name(given.out, ".safetensors")
    torch.set_num_threads(given.threads)
    if given.arch == "fixed":
        out = given.out or Path("out/train/fixed.safetensors")
        fixed_topology.train(
            configs.from_options(given), fixed_topology.avatar_of(given.avatar, given.licence), given.faces, out
        )
        return
    folder = f"out/train/without_{given.hold_out}" if given.hold_out else "out/train"
    train(configs.from_options(given), given.dataset, given.out or Path(folder) / weights.FILE, given.hold_out)
