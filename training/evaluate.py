"""Leave one family out: how good are the shapes on rigs that the network never saw?

For each family a deformer is trained on the others with the recipe of the shipped model (or taken from an earlier run),
and the whole core pipeline makes every shape that the left-out rigs have truth for. Two baselines run beside it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np

from blendshape_addon.core import landmarks as core_landmarks
from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face_space import FaceSpace
from blendshape_addon.core.vocabulary import ARKIT, CONDITIONS, EMOTIONS, MOUTH_UNITS, VISEMES

from . import labels
from .baselines import template_transfer
from .dataset import landmarks_of
from .export import export
from .metrics import compare, top1
from .rigs import Rig, load_all
from .sheets import CELL, face_picture, part_colours, save_sheet
from .train import TrainConfig, train

SHOWN_UNITS = (
    "eyeBlinkLeft", "jawOpen", "jawLeft", "mouthClose", "mouthFunnel", "mouthPucker", "mouthSmileLeft",
    "mouthRollLower", "browInnerUp", "cheekPuff",
)  # fmt: skip
FINDERS = Path("out/landmarks")  # face finders of the folds, made by `python -m training.landmarks.train`
SETS = {"mouth+jaw": MOUTH_UNITS, "all units": ARKIT, "visemes": VISEMES, "emotions": EMOTIONS}


def labelled_face(rig: Rig) -> core_landmarks.Face:
    """The rig's labels as if a detector had found them."""
    points = landmarks_of(rig, rig.vertices)
    space = FaceSpace.of(points)
    return core_landmarks.Face(points, np.ones(len(points)), 1.0, space.rotation, space.scale)


def predict(
    rig: Rig, models: Path, face: core_landmarks.Face | None
) -> tuple[dict[str, np.ndarray], pipeline.Generated]:
    """Shapes {name: (V, 3)} that the pipeline makes for the bare rig, in face space of its labels."""
    avatar = rig.avatar()
    made = pipeline.generate(avatar, CONDITIONS, models=models, provider="cpu", face=face)
    space = FaceSpace.of(landmarks_of(rig, rig.vertices))
    dense = {}
    for shape in made.shapes:
        full = np.zeros((len(avatar.vertices), 3))
        full[shape.indices] = shape.deltas @ space.rotation.T / space.scale
        dense[shape.name] = full
    return dense, made


def score(rig: Rig, shapes: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Figures by shape name, over the vertices whose truth means something."""
    space = FaceSpace.of(landmarks_of(rig, rig.vertices))
    seen = ~np.isin(rig.part_id, rig.hidden_parts)
    rotation = space.rotation.T / space.scale
    return {
        name: compare(shapes[name][seen], (truth @ rotation)[seen])
        for name, truth in rig.shapes.items()
        if name in rig.real and name in shapes
    }


def viseme_top1(rig: Rig, shapes: dict[str, np.ndarray]) -> float:
    """Share of the rig's real visemes that are nearest to their own truth."""
    space = FaceSpace.of(landmarks_of(rig, rig.vertices))
    truth = {n: t @ space.rotation.T / space.scale for n, t in rig.shapes.items() if n in VISEMES and n in rig.real}
    return top1({n: shapes[n] for n in truth if n in shapes}, truth)


def medians(scores: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Median of each figure over the shapes of each set, rigs pooled."""
    out = {}
    for name, members in SETS.items():
        rows = [values for one in scores for shape, values in one.items() if shape in members]
        if rows:
            out[name] = {k: float(np.nanmedian([row[k] for row in rows])) for k in rows[0]}
    return out


def fold_models(family: str, work: Path, config: TrainConfig) -> Path:
    """Folder with the models of the fold that never saw `family`; trained now if it is not there."""
    folder = work / f"without_{family}"
    weights = folder / "deformer.pt"
    if not weights.exists():
        train(config, work.parent / "dataset", weights, hold_out=family)
    export(weights, folder / "deformer.onnx", {})
    for suffix in (".onnx", ".toml"):
        finder = FINDERS / f"fold_{family}{suffix}"
        if finder.exists():
            shutil.copyfile(finder, folder / finder.name)
    return folder


def truth_sheet(rig: Rig, shapes: dict[str, np.ndarray], path: Path) -> None:
    """Predicted over true, shape by shape."""
    space = FaceSpace.of(landmarks_of(rig, rig.vertices))
    rest = space.to_face(rig.vertices)
    colours = part_colours(rig.part_id, rig.part_names)
    shown = ~np.isin(rig.part_id, rig.hidden_parts)
    triangles = rig.triangles[shown[rig.triangles].all(1)]
    rows: list[list[tuple[str, np.ndarray]]] = []
    names = [n for n in (*VISEMES, *EMOTIONS, *SHOWN_UNITS) if n in shapes]
    for start in range(0, len(names), 10):
        block = names[start : start + 10]
        rows.append([(n, face_picture(rest + shapes[n], triangles, colours)) for n in block])
        blank = ("", np.full((CELL, CELL, 3), 255, np.uint8))
        truth = []
        for n in block:
            if n in rig.shapes:
                moved = rest + rig.shapes[n] @ space.rotation.T / space.scale
                truth.append(("truth", face_picture(moved, triangles, colours)))
            else:
                truth.append(blank)
        rows.append(truth)
    save_sheet(path, rows)


def evaluate(work: Path, config: TrainConfig, families: list[str], detect: bool) -> dict:
    """All folds; prints a table and gives it as nested dicts family -> method -> set -> figures."""
    rigs = [r for r in load_all() if r.name in labels.names()]
    table: dict = defaultdict(dict)
    for family in families:
        held = [r for r in rigs if r.family == family]
        others = [r for r in rigs if r.family != family and len(r.shapes) > 40]
        models = fold_models(family, work, config)
        found = detect and (models / f"fold_{family}.onnx").exists()
        table[family]["landmarks"] = "detected" if found else "labelled"
        scores: dict[str, list] = defaultdict(list)
        tops = []
        for rig in held:
            try:
                shapes, made = predict(rig, models, None if found else labelled_face(rig))
            except FaceNotFound as error:
                print(f"{family}/{rig.name}: {error}")
                continue
            truth_sheet(rig, shapes, work.parent / "evaluate" / f"{family}_{rig.name}.png")
            (work.parent / "evaluate" / f"{family}_{rig.name}.json").write_text(
                json.dumps(score(rig, shapes), indent=1)
            )
            scores["deformer"].append(score(rig, shapes))
            scores["do nothing"].append(score(rig, {n: np.zeros_like(s) for n, s in shapes.items()}))
            scores["template"].append(score(rig, template_transfer(rig, made.face.points, others)))
            tops.append(viseme_top1(rig, shapes))
        for method, rows in scores.items():
            table[family][method] = medians(rows)
        table[family]["viseme top-1"] = float(np.nanmean(tops)) if np.isfinite(tops).any() else None
        show(family, table[family])
    return table


def show(family: str, figures: dict) -> None:
    """Print one family's figures."""
    top = figures["viseme top-1"]
    print(f"\n{family} left out, {figures['landmarks']} landmarks" + (f", viseme top-1 {top:.0%}" if top else ""))
    print(f"  {'set':10} {'method':10} {'rel':>6} {'cos':>6} {'mm':>6} {'q95':>6} {'stray':>7}")
    for name in SETS:
        for method in ("deformer", "template", "do nothing"):
            row = figures.get(method, {}).get(name)
            if row:
                values = "{rel:6.2f} {cos:6.2f} {mm:6.2f} {q95:6.2f} {stray:7.3f}".format(**row)
                print(f"  {name:10} {method:10} {values}")


def for_card(table: dict) -> dict[str, float]:
    """The figures of the deformer alone, flat, as a model card keeps them."""
    flat = {}
    for family, methods in table.items():
        for name, row in methods.get("deformer", {}).items():
            flat |= {f"{family} left out, {name}: {k}": round(v, 3) for k, v in row.items()}
    return flat


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training evaluate", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("out/train"))
    parser.add_argument("--families", nargs="+", default=["ict", "makehuman", "rocketbox", "vrm"])
    parser.add_argument("--steps", type=int, default=TrainConfig.steps)
    parser.add_argument("--labels", action="store_true", help="use labelled landmarks instead of detected ones")
    given = parser.parse_args(arguments)
    table = evaluate(given.work, TrainConfig(steps=given.steps), given.families, not given.labels)
    (given.work.parent / "evaluate" / "figures.json").write_text(json.dumps(table, indent=1))
    (given.work.parent / "evaluate" / "card.json").write_text(json.dumps(for_card(table), indent=1))
