"""How well faces are found: families left out, and things without a face.

python -m training.landmarks.evaluate            folds in out/landmarks and the shipped model; writes its card anew
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar import hints
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection import detect, hint_prior
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.inference import registry

from .. import commands
from ..data import augment, families
from ..data.labelled_face import LabelledFace
from ..data.rigs import Rig, landmarks_of
from ..learning.atomic_files import atomic_write
from . import card, extras, scenes
from .dataset import face_rigs, faceless_rigs, turn

FOLDS = Path("out/landmarks")
SHIPPED = Path("models/landmarks.onnx")
FURNITURE = 12  # piles
FOUND_WITHIN = 25  # % of the eye distance, the median error of a face that was found and not something else
SEED = 20  # of people and things that neither training nor the choice of the threshold saw
CASES = (*families.pictures(), "shipped")

Case = tuple[str, Avatar, np.ndarray]


def anywhere(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) similarity: one of the 24 axis orientations, tilted up to 20 degrees, in metres or centimetres."""
    axes = [sign * axis for axis in np.eye(3) for sign in (1, -1)]
    forward = axes[rng.integers(6)]
    up = [a for a in axes if a @ forward == 0][rng.integers(4)]
    tilt = turn(*np.radians(rng.uniform(-11, 11, 3)))
    return np.stack([np.cross(up, forward), up, forward]).T @ tilt * rng.choice([0.06, 6.0])


def faces(rigs: list[Rig], variants: int, rng: np.random.Generator) -> list[Case]:
    """Each rig as it is and `variants` people made from it, placed anywhere, with (L, 3) true landmarks."""
    out = []
    for rig in rigs:
        out.append((rig.name, rig.avatar(), landmarks_of(rig, rig.vertices)))
        for n in range(variants):
            scene, place = scenes.of_rig(rig, rng, 0.5), anywhere(rng)
            out.append((f"{rig.name} {n}", scene.avatar(place), scene.points @ place.T))
    return out


def hinted(rigs: list[Rig]) -> list[Case]:
    """Rigs as they are, with what their own shape keys and names of parts say."""
    out = []
    for rig in rigs:
        keys = [(name, rig.vertices, offset) for name, offset in rig.shapes.items() if hints.feature_of(name)]
        parts = [(name, rig.vertices[rig.part_id == n]) for n, name in enumerate(rig.part_names)]
        avatar = replace(rig.avatar(), hints=hints.collect({}, keys, parts))
        if hint_prior.guesses(avatar.hints):
            out.append((f"{rig.name} with hints", avatar, landmarks_of(rig, rig.vertices)))
    return out


def negatives(rigs: list[Rig], faceless: list[Rig], rng: np.random.Generator) -> list[tuple[str, Avatar]]:
    """Kinds of things without a face, one of each kind from each rig and the rigs `faceless`: placed anywhere."""
    out = [("furniture", scenes.Scene.of_solids(extras.furniture(rng))) for _ in range(FURNITURE)]
    for rig in rigs:
        whole = scenes.of_rig(rig, rng, 0)
        corners = whole.vertices[whole.triangles]
        if augment.body_of(LabelledFace.of(rig)) is not None:
            out.append(("bodies cut below the chin", scenes.headless(whole)))
            reach = np.quantile(whole.vertices[:, 0], 0.999) - 3
            out.append(("hands", whole.part((corners[:, :, 0] > reach).all(1))))
        front = whole.points[:, 2].min() - 0.1
        out.append(("backs of heads", whole.part((corners[:, :, 2] < front).all(1))))
        out.append(("heads without features", scenes.blank(rig, rng)))
    placed = [(kind, scene.avatar(anywhere(rng))) for kind, scene in out if len(scene.triangles)]
    return placed + [("bodies without a face", rig.avatar()) for rig in faceless]


def measure(models: Path, cases: list[Case]) -> dict[str, float]:
    """Errors in per cent of the eye distance over all landmarks of found faces, and the detection rate."""
    errors, found = [], 0
    for name, avatar, truth in cases:
        try:
            face = detect.find(avatar, models)
        except FaceNotFound as refusal:
            print(f"  {name:34} refused: {refusal}", flush=True)
            continue
        error = np.linalg.norm(face.points - truth, axis=1) / FaceSpace.of(truth).scale * 100
        right = np.median(error) < FOUND_WITHIN
        found += right
        errors += list(error) if right else []
        print(f"  {name:34} score {face.score:.2f} median {np.median(error):5.1f} 95 % {np.quantile(error, 0.95):5.1f}",
              flush=True)  # fmt: skip
    row = {"faces": len(cases), "detected": round(float(found / len(cases)), 3)}
    if errors:
        row |= {"median": round(float(np.median(errors)), 2), "p95": round(float(np.quantile(errors, 0.95)), 2)}
    return row


def false_accepts(models: Path, cases: list[tuple[str, Avatar]]) -> dict[str, str]:
    """By kind, in how many of `cases` a face is claimed."""
    claimed: dict[str, list[bool]] = {}
    for kind, avatar in cases:
        try:
            face = detect.find(avatar, models)
            print(f"  {kind:34} ACCEPTED with score {face.score:.2f}", flush=True)
            claimed.setdefault(kind, []).append(True)
        except FaceNotFound:
            claimed.setdefault(kind, []).append(False)
    return {f"false accepts, {kind}": f"{sum(wrong)} of {len(wrong)}" for kind, wrong in claimed.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=1, help="people made from each rig")
    parser.add_argument(
        "--cases", nargs="*", choices=CASES, default=CASES, help="families left out, and the shipped one"
    )
    arguments = parser.parse_args()
    rigs = face_rigs()
    figures = {}
    for case in arguments.cases:
        held = [rig for rig in rigs if rig.facts.fold == case]
        model = SHIPPED if case == "shipped" else FOLDS / f"fold_{case}.onnx"
        if not held and case != "shipped":
            print(f"{case}: there are no rigs of it")
            continue
        if not model.exists():
            print(f"{case}: no fold, run python -m training.landmarks.train --hold-out {case}")
            continue
        rng = np.random.default_rng(SEED)
        with tempfile.TemporaryDirectory() as folder:
            for file in (model, model.with_suffix(".toml")):
                shutil.copy(file, folder)
            row = measure(Path(folder), faces(held or rigs, arguments.variants if held else 0, rng))
            with_hints = measure(Path(folder), hinted(held or rigs))
            row |= {f"with hints, {name}": value for name, value in with_hints.items()}
            if not held:
                row |= false_accepts(Path(folder), negatives([rig for rig in rigs if rig.shapes], faceless_rigs(), rng))
        figures[f"{case} left out" if held else "shipped, rigs as they are"] = row
        print(case, row, flush=True)
    earlier = json.loads(card.FIGURES.read_text()) if card.FIGURES.exists() else {}
    atomic_write(card.FIGURES, json.dumps(earlier | figures, indent=1).encode())
    card.write(SHIPPED, registry.load_file(SHIPPED).data)


if __name__ == "__main__":
    sys.exit(commands.run(main))
