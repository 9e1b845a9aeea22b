"""The rigs of the shared data as avatars, with their labelled landmarks, where that data is.

FACES are those with labels that the tests read: one of each kind.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.vocabulary import LANDMARKS

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("VRC_BLENDSHAPE_DATA", REPOSITORY.parent / "shared" / "data"))
LABELS = REPOSITORY / "training" / "data" / "labels"
RIGS = sorted(p.parent for p in DATA.glob("*/*/rig.npz"))
LABELLED = [p for p in RIGS if (LABELS / f"{p.name}.json").exists()]
_OF_EACH_KIND = (
    "base_hm08", "proxy741", "generic_neutral", "Female_Adult_01", "rocketbox_Female_Adult_03", "Asian_F_1",
    "vitruvian", "generic_head", "male", "seed_san", "godette", "vita", "boy", "raccoon",
)  # fmt: skip
FACES = [p for p in LABELLED if p.name in _OF_EACH_KIND]
# A rig without labels may have a face that nobody labelled; one without expressions, too, has none.
FACELESS = [p for p in RIGS if p not in LABELLED and not json.loads((p / "meta.json").read_text())["shapes"]]


def avatar_of(folder: Path, place: np.ndarray | None = None) -> Avatar:
    data = np.load(folder / "rig.npz")
    vertices = data["vertices"].astype(float) @ (np.eye(3) if place is None else place).T
    names = tuple(str(n) for n in data["part_names"])
    return Avatar(vertices, data["triangles"].astype(np.int32), data["part_id"].astype(np.int32), names)


def truth_of(folder: Path, place: np.ndarray) -> np.ndarray:
    table = json.loads((LABELS / f"{folder.name}.json").read_text())
    rows = np.array([table[n] for n in LANDMARKS])
    vertices = np.load(folder / "rig.npz")["vertices"].astype(float) @ place.T
    return (vertices[rows[:, :3].astype(int)] * rows[:, 3:, None]).sum(1)
