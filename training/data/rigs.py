"""Face rigs with shapes: where training and evaluation take their truth from.

A rig folder holds `rig.npz` (vertices, triangles, part_id, part_names, shape_names, shape_offsets; metres, y up, face
to +z) and `meta.json` (family, licence; visemes, emotions and units_arkit as weighted sums of shapes, the last of use
where no shape has the unit's name; n_real_visemes, emotions_real: an artist made these, of the visemes those in
real_visemes, or all without that list; hide_parts and mask_parts, numbers and names of parts whose truth means nothing;
and any of `families.Facts`).
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import ARKIT, CONDITIONS, EMOTIONS, VISEMES

from . import families, labels

_VISEME_KEYS = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
_OTHER_NAMES = {"eyeBlinkLeft": ("blink_L", "blink_left"), "eyeBlinkRight": ("blink_R", "blink_right")}


def data_folder() -> Path:
    """The folder of rigs: $VRC_BLENDSHAPE_DATA, or `../shared/data` beside the repository."""
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("VRC_BLENDSHAPE_DATA", default))


@dataclass
class Rig:
    """A face with shapes, from any source.

    vertices (V, 3), triangles (T, 3), shapes {condition: (V, 3) float32}; real: what an artist made as such, distilled:
    what a model did. digest: SHA-256 of what was read. marks: (L, 3) vertices and (L, 3) weights of its landmarks, as
    in `labels`; None: they are in `labels` under its name. people: gives (V, 3) neutrals of random persons; None: as
    `identities` reads the basis beside its folder, if there is one. hidden_parts: parts whose truth means nothing.
    facts: None: those of `families.toml`.
    """

    name: str
    family: str
    folder: Path
    vertices: np.ndarray
    triangles: np.ndarray
    part_id: np.ndarray
    part_names: tuple[str, ...]
    shapes: dict[str, np.ndarray]
    real: frozenset[str]
    hidden_parts: tuple[int, ...]
    licence: str
    digest: str = ""
    marks: tuple[np.ndarray, np.ndarray] | None = None
    people: Callable[[np.random.Generator], np.ndarray] | None = None
    distilled: frozenset[str] = frozenset()
    facts: families.Facts | None = None

    def __post_init__(self) -> None:
        self.facts = self.facts or families.of(self.family, self.name)

    def avatar(self, vertices: np.ndarray | None = None) -> Avatar:
        """The rig as the core sees an avatar: its parts are objects; `vertices` replaces the neutral."""
        used = self.vertices if vertices is None else vertices
        return Avatar(used.astype(float), self.triangles, self.part_id.astype(np.int32), self.part_names)


def load(folder: Path) -> Rig:
    """Read one rig folder. Raises InputError when a file is missing or damaged."""
    try:
        return _read(folder)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{folder} is no rig folder that can be read: {error}.") from error


def _read(folder: Path) -> Rig:
    data = np.load(folder / "rig.npz", allow_pickle=False)
    meta = json.loads((folder / "meta.json").read_text())
    offsets = {}
    if "shape_names" in data:
        offsets = {
            str(n): o.astype(np.float32) for n, o in zip(data["shape_names"], data["shape_offsets"], strict=True)
        }
    if any(offset.shape != data["vertices"].shape for offset in offsets.values()):
        raise ValueError("its shapes have other vertices than the face")
    if data["triangles"].max(initial=-1) >= len(data["vertices"]) or len(data["part_id"]) != len(data["vertices"]):
        raise ValueError("its triangles or parts are of other vertices than it has")

    def mixed(weights: Mapping[str, float]) -> np.ndarray:
        return np.sum([w * offsets[n] for n, w in weights.items() if n in offsets], axis=0)

    shapes = {}
    for name in ARKIT:
        found = next((n for n in (name, *_OTHER_NAMES.get(name, ())) if n in offsets), None)
        if found:
            shapes[name] = offsets[found]
        elif weights := meta.get("units_arkit", {}).get(name):
            shapes[name] = mixed(weights)
    for side in ("Left", "Right"):
        if f"eyeBlink{side}" in shapes:
            shapes[f"vrc.blink_{side.lower()}"] = shapes[f"eyeBlink{side}"]
    for key, name in (*zip(_VISEME_KEYS, VISEMES, strict=True), *((e, e) for e in EMOTIONS)):
        table = meta["visemes" if name in VISEMES else "emotions"]
        if table.get(key):
            shapes[name] = mixed(table[key])
    real = set(ARKIT) | ({f"vrc.blink_{s}" for s in ("left", "right")})
    if meta["n_real_visemes"]:
        named = dict(zip(_VISEME_KEYS, VISEMES, strict=True))
        real |= {named[key] for key in meta.get("real_visemes", _VISEME_KEYS)}
    if meta.get("emotions_real"):
        real |= set(EMOTIONS)
    part_names = tuple(str(n) for n in data["part_names"])
    hidden = {*meta.get("hide_parts", ()), *(part_names.index(part) for part in meta.get("mask_parts", ()))}
    return Rig(
        name=meta["name"], family=meta["family"], folder=folder,
        vertices=data["vertices"].astype(float), triangles=data["triangles"].astype(np.int32),
        part_id=data["part_id"].astype(np.int32), part_names=part_names,
        shapes={k: v for k, v in shapes.items() if k in CONDITIONS and np.abs(v).max() > 0},
        real=frozenset(real), hidden_parts=tuple(sorted(hidden)), licence=meta["licence"],
        facts=families.of(meta["family"], meta["name"], meta),
    )  # fmt: skip


def folders(root: Path | None = None) -> list[Path]:
    """Every rig folder below `root`, FAMILY/NAME, in a fixed order; the name of a folder is its rig's.

    Raises InputError with the folder looked in when there is none.
    """
    root = root or data_folder()
    found = [path.parent for path in sorted(root.glob("*/*/rig.npz"))]
    if not found:
        raise InputError(f"No rigs below {root}: set VRC_BLENDSHAPE_DATA to a folder of rig folders.")
    return found


def every_rig(root: Path | None = None) -> list[Rig]:
    """Every rig below `root`, those without expressions or without a face too. Raises InputError as `folders` does."""
    return [load(folder) for folder in folders(root)]


def labelled(root: Path | None = None) -> list[Rig]:
    """The rigs below `root` that networks learn shapes from: with expressions, and labels on a modelled face.

    Raises InputError as `folders` and `load` do.
    """
    return [rig for rig in map(load, learned(root)) if rig.shapes and not rig.facts.flat]


def learned(root: Path | None = None) -> list[Path]:
    """The rig folders below `root` that have labels, which networks learn from.

    Raises InputError as `folders` and `load` do.
    """
    names = labels.names()
    return [folder for folder in folders(root) if folder.name in names]


def facts_of(folder: Path) -> families.Facts:
    """What is known of the rig in a folder. Raises InputError when its meta.json is missing or damaged."""
    try:
        meta = json.loads((folder / "meta.json").read_text())
        return families.of(meta["family"], meta["name"], meta)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder} is no rig folder that can be read: {error}.") from error


def landmarks_of(rig: Rig, vertices: np.ndarray) -> np.ndarray:
    """(L, 3) labelled landmarks of `rig` on the given (V, 3) vertices."""
    index, weight = rig.marks or labels.load(rig.name)
    return np.einsum("lk,lkc->lc", weight, vertices[index])
