"""Leave one family out: how good are the shapes on rigs that the network never saw?

For each family a deformer is trained on the others with the recipe of the shipped model (or taken from an earlier run),
and the core pipeline makes every shape that the left-out rigs have truth for. Beside it run a template transfer and
doing nothing; then come the floor that artists set, the robustness table, the shipped models on every rig there is, and
every bar with its verdict. Contact sheets and all figures land in out/evaluate.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face_space import FaceSpace
from blendshape_addon.core.vocabulary import VISEMES

from . import acceptance, augment, bars, floor, labels, regions, robustness, trial
from .baselines import template_transfer
from .config import TrainConfig
from .heads import Head
from .landmarks import card as landmark_card
from .metrics import top1
from .rigs import Rig, every_rig, landmarks_of
from .sheets import shape_sheet

FAMILIES = ("ict", "makehuman", "rocketbox", "vrm")
OUT = Path("out/evaluate")


def judge(family: str, held: list[tuple[Rig, Head]], templates: list[Head], models: Path, detect: bool) -> dict:
    """Figures of one family by its own fold: medians by method and set, top-1, lip gaps and regions by rig."""
    scores: dict[str, list[trial.Scores]] = defaultdict(list)
    found: dict = {"landmarks": "detected" if detect else "labelled", "lip gaps": {}, "regions": {}, "shapes": {}}
    tops = []
    for rig, head in held:
        try:
            made = trial.run(head, models, None if detect else trial.labelled_face(head))
        except FaceNotFound as error:
            print(f"{family}/{rig.name}: {error}")
            if rig.name in labels.names():  # a face that is not found is a face on which nothing moves
                truth = dict(zip(head.names, head.offsets, strict=True))
                nothing = trial.score(head, {n: np.zeros_like(t) for n, t in truth.items()}, rig.real)
                for method in ("deformer", "template", "do nothing"):
                    scores[method].append(nothing)
                tops.append(0.0 if any(n in VISEMES and n in rig.real for n in truth) else math.nan)
            continue
        truth = dict(zip(head.names, head.offsets, strict=True))
        shape_sheet(OUT / f"{family}_{rig.name}.png", head, made.shapes, truth)
        if rig.name not in labels.names():
            continue  # a mouth on a card: a picture, but no truth to be measured by
        own = trial.score(head, made.shapes, rig.real)
        found["shapes"][rig.name] = own
        scores["deformer"].append(own)
        scores["template"].append(
            trial.score(head, template_transfer(head, made.made.face.points, templates), rig.real)
        )
        scores["do nothing"].append(trial.score(head, {n: np.zeros_like(t) for n, t in truth.items()}, rig.real))
        tops.append(top1(made.shapes, {n: t for n, t in truth.items() if n in VISEMES and n in rig.real}))
        found["regions"][rig.name] = regions.table(head, made.shapes, rig.real)
        gaps = {s: trial.lip_gap(head, made.shapes[f"vrc.v_{s}"]) for s in ("pp", "aa")}
        if "vrc.v_aa" in truth:
            gaps["aa of truth"] = trial.lip_gap(head, truth["vrc.v_aa"])
        found["lip gaps"][rig.name] = gaps
    found |= {method: trial.medians(rows) for method, rows in scores.items()}
    found["viseme top-1"] = float(np.nanmean(tops)) if np.isfinite(tops).any() else None
    return found


def show(family: str, figures: dict) -> None:
    """Print one family's figures."""
    top = figures["viseme top-1"]
    print(
        f"\n{family} left out, {figures['landmarks']} landmarks"
        + (f", viseme top-1 {top:.0%}" if top is not None else "")
    )
    print(f"  {'set':10} {'method':10} {'rel':>6} {'cos':>6} {'mm':>6} {'q95':>6} {'stray':>7}")
    for name in trial.SETS:
        for method in ("deformer", "template", "do nothing"):
            row = figures.get(method, {}).get(name)
            if row:
                values = "{rel:6.2f} {cos:6.2f} {mm:6.2f} {q95:6.2f} {stray:7.3f}".format(**row)
                print(f"  {name:10} {method:10} {values}")
    for rig, gaps in figures["lip gaps"].items():
        print(f"  {rig}: lips " + ", ".join(f"{what} {gap:.1f} mm" for what, gap in gaps.items()))
    for rig, rows in figures["regions"].items():
        regions.show(rig, rows)


def accept(rigs: list[Rig]) -> tuple[dict, dict]:
    """What the shipped models do with every rig, and the lip gaps of those without truth; pictures of these too."""
    print("\nThe shipped models on every rig, no click")
    rows, gaps = {}, {}
    for rig in rigs:
        rows[rig.name], made = acceptance.attempt(rig)
        print(f"  {'ok ' if rows[rig.name]['right'] else 'NOT'} {rig.family}/{rig.name}: {rows[rig.name]['said']}")
        if made and not rig.shapes and rig.name in labels.all_names():
            gaps[rig.name] = {"pp": rows[rig.name]["pp"], "aa": rows[rig.name]["aa"]}
            head, space = Head.of(rig), FaceSpace.of(landmarks_of(rig, rig.vertices))
            shapes = {}
            for shape in made.shapes:
                shapes[shape.name] = np.zeros_like(head.vertices)
                shapes[shape.name][shape.indices] = shape.deltas @ space.rotation.T / space.scale
            shape_sheet(OUT / f"plain_{rig.name}.png", head, shapes, {})
    return rows, gaps


def evaluate(work: Path, config: TrainConfig, families: list[str], detect: bool, quick: bool) -> dict:
    """Everything, printed as it comes and given as nested dicts."""
    everyone = every_rig()
    faces = [(r, Head.of(r)) for r in everyone if r.shapes and r.name in labels.all_names()]
    rigs = [(r, h) for r, h in faces if r.name in labels.names()]
    body = next((body for r, h in rigs if (body := augment.body_of(h))), None)
    figures: dict = {"families": {}, "lip gaps": {}, "landmarks": {}}
    if not quick:
        figures["floor"] = floor.measure(rigs)
        floor.show(figures["floor"])
    table = {}
    for family in families:
        models = trial.fold_models(family, work, config)
        found = detect and (models / f"fold_{family}.onnx").exists()
        held = [(r, h) for r, h in faces if r.family == family]
        others = [h for r, h in rigs if r.family != family and len(r.shapes) > 40]
        figures["families"][family] = judge(family, held, others, models, found)
        show(family, figures["families"][family])
        figures["lip gaps"] |= figures["families"][family]["lip gaps"]
        if not quick:
            for rig, head in held:
                if rig.name in labels.names():
                    plain = trial.run(head, models, trial.labelled_face(head))
                    table[rig.name] = robustness.measure(rig, plain, models, body, found)
    figures["acceptance"], gaps = accept(everyone)
    figures["lip gaps"] |= gaps
    if not quick:
        figures["robustness"] = table
        robustness.show(table)
    if landmark_card.FIGURES.exists():
        figures["landmarks"] = json.loads(landmark_card.FIGURES.read_text())
    (OUT / "figures.json").write_text(json.dumps(figures, indent=1))
    bars.show(bars.bars(figures))
    return figures


def for_card(families: dict) -> dict[str, float]:
    """The figures of the deformer alone, flat, as a model card keeps them."""
    flat = {}
    for family, methods in families.items():
        for name, row in methods.get("deformer", {}).items():
            flat |= {f"{family} left out, {name}: {k}": round(v, 3) for k, v in row.items()}
        if methods["viseme top-1"] is not None:
            flat[f"{family} left out, visemes: top-1"] = round(methods["viseme top-1"], 3)
    return flat


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training evaluate", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("out/train"))
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--steps", type=int, default=TrainConfig.steps)
    parser.add_argument("--labels", action="store_true", help="use labelled landmarks instead of detected ones")
    parser.add_argument("--sheets", action="store_true", help="sheets and main figures only: no floor, no robustness")
    given = parser.parse_args(arguments)
    OUT.mkdir(parents=True, exist_ok=True)
    figures = evaluate(given.work, TrainConfig(steps=given.steps), given.families, not given.labels, given.sheets)
    (OUT / "card.json").write_text(json.dumps(for_card(figures["families"]), indent=1))
