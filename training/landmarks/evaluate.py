"""How well faces are found: families left out, and things without a face.

python -m training.landmarks.evaluate            folds in out/landmarks and the shipped model; writes its card anew
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from blendshape_addon.core import landmarks
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face_space import FaceSpace
from blendshape_addon.core.mesh import Avatar

from .. import labels
from ..rigs import Rig, data_folder, load
from . import card, extras, scenes
from .dataset import face_rigs, family_of, turn

FOLDS = Path("out/landmarks")
SHIPPED = Path("models/landmarks.onnx")
FURNITURE = 12  # piles
CASES = ("makehuman", "ict", "rocketbox", "vrm", "shipped")


def anywhere(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) similarity: one of the 24 axis orientations, tilted up to 20 degrees, in metres or centimetres."""
    axes = [sign * axis for axis in np.eye(3) for sign in (1, -1)]
    forward = axes[rng.integers(6)]
    up = [a for a in axes if a @ forward == 0][rng.integers(4)]
    tilt = turn(*np.radians(rng.uniform(-11, 11, 3)))
    return np.stack([np.cross(up, forward), up, forward]).T @ tilt * rng.choice([0.06, 6.0])


def faces(rigs: list[Rig], variants: int, rng: np.random.Generator) -> list[tuple[str, Avatar, np.ndarray]]:
    """(name, avatar, (L, 3) true landmarks): each rig as it is and `variants` people made from it, placed anywhere."""
    out = []
    for rig in rigs:
        index, weight = labels.load(rig.name)
        out.append((rig.name, rig.avatar(), (rig.vertices[index] * weight[:, :, None]).sum(1)))
        for n in range(variants):
            scene, place = scenes.of_rig(rig, rng, 0.5), anywhere(rng)
            out.append((f"{rig.name} {n}", scene.avatar(place), scene.points @ place.T))
    return out


def strangers(rigs: list[Rig], rng: np.random.Generator) -> list[tuple[str, Avatar]]:
    """Things without a face: bodies cut below the chin, hands, backs of heads, blank heads, furniture."""
    out = []
    for rig in rigs:
        whole = scenes.of_rig(rig, rng, 0)
        corners = whole.vertices[whole.triangles]
        if rig.family != "ict":
            out.append((f"{rig.name} headless", scenes.headless(whole)))
            reach = np.quantile(whole.vertices[:, 0], 0.999) - 3
            out.append((f"{rig.name} hand", whole.part((corners[:, :, 0] > reach).all(1))))
        front = whole.points[:, 2].min() - 0.1
        out.append((f"{rig.name} back of a head", whole.part((corners[:, :, 2] < front).all(1))))
        out.append((f"{rig.name} without features", scenes.blank(rig, rng)))
    out += [(f"furniture {n}", scenes.Scene.of_solids(extras.furniture(rng))) for n in range(FURNITURE)]
    placed = [(name, scene.avatar(anywhere(rng))) for name, scene in out if len(scene.triangles)]
    known = labels.all_names()
    plain = [p.parent for p in sorted(data_folder().glob("plain/*/rig.npz")) if p.parent.name not in known]
    return placed + [(folder.name, load(folder).avatar()) for folder in plain]


def measure(models: Path, cases: list[tuple[str, Avatar, np.ndarray]]) -> dict[str, float]:
    """Errors in per cent of the eye distance over all landmarks of found faces, detection rate and seconds a face."""
    errors, found, seconds = [], 0, []
    for name, avatar, truth in cases:
        start = time.perf_counter()
        try:
            face = landmarks.find(avatar, models)
        except FaceNotFound as refusal:
            print(f"  {name:34} refused: {refusal}", flush=True)
            continue
        finally:
            seconds.append(time.perf_counter() - start)
        size = FaceSpace.of(truth).scale
        error = np.linalg.norm(face.points - truth, axis=1) / size * 100
        right = np.median(error) < 25  # found elsewhere is not found
        found += right
        errors += list(error) if right else []
        print(f"  {name:34} score {face.score:.2f} median {np.median(error):5.1f} 95 % {np.quantile(error, 0.95):5.1f}",
              flush=True)  # fmt: skip
    if not errors:
        return {"detected": 0.0, "seconds": round(float(np.median(seconds)), 2)}
    return {
        "median": round(float(np.median(errors)), 2), "p95": round(float(np.quantile(errors, 0.95)), 2),
        "detected": round(float(found / len(cases)), 3), "seconds": round(float(np.median(seconds)), 2),
    }  # fmt: skip


def false_accepts(models: Path, cases: list[tuple[str, Avatar]]) -> float:
    """Share of `cases` in which a face is claimed."""
    wrong = 0
    for name, avatar in cases:
        try:
            face = landmarks.find(avatar, models)
        except FaceNotFound:
            continue
        wrong += 1
        print(f"  {name:34} ACCEPTED with score {face.score:.2f}", flush=True)
    return round(wrong / len(cases), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", type=int, default=3, help="people made from each rig")
    parser.add_argument(
        "--cases", nargs="*", choices=CASES, default=CASES, help="families left out, and the shipped one"
    )
    arguments = parser.parse_args()
    rigs = face_rigs()
    figures = {}
    for case in arguments.cases:
        held = [rig for rig in rigs if family_of(rig) == case]
        model = FOLDS / f"fold_{case}.onnx" if held else SHIPPED
        if not model.exists():
            print(f"{case}: no fold, run python -m training.landmarks.train --hold-out {case}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            for file in (model, model.with_suffix(".toml")):
                shutil.copy(file, folder)
            rng = np.random.default_rng(7)
            row = measure(Path(folder), faces(held or rigs, arguments.variants if held else 0, rng))
            row["false_accepts"] = false_accepts(Path(folder), strangers(held or rigs, rng))
        figures[f"{case} left out" if held else "shipped, rigs as they are"] = row
        print(case, row, flush=True)
    earlier = json.loads(card.FIGURES.read_text()) if card.FIGURES.exists() else {}
    card.FIGURES.write_text(json.dumps(earlier | figures, indent=1))
    card.write(SHIPPED)


if __name__ == "__main__":
    main()
