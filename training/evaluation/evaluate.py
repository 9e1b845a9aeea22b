"""Leave one family out: how good are the shapes on rigs that the network never saw?

For each family a deformer is trained on the others with the recipe of the shipped model (or taken from an earlier run),
and the core pipeline makes every shape that the left-out rigs have truth for. Beside it run a template transfer and
doing nothing; then come the baseline of how far artists differ, the robustness table, the shipped models on every rig
there is, the same beside the artists' shapes on rigs that they never saw, and every target with its verdict. All
figures (results.json), contact sheets, plots and a page to read them on (index.html) land in one folder, and only when
all are whole.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import FaceNotFound, InputError
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.vocabulary import VISEMES

from ..config import TrainConfig
from ..data import augment, families, labels
from ..data.contact_sheets import shape_sheet
from ..data.labelled_face import LabelledFace
from ..data.metrics import top1
from ..data.rigs import Rig, every_rig, landmarks_of
from ..landmarks import card as landmark_card
from ..learning import parallel
from ..learning.training_log import read_curve
from . import acceptance, folds, inter_artist_baseline, mouth_openings, regions, robustness, run, unseen
from .baselines import template_transfer
from .report import page, tables
from .report.results import FILE, atomic_folder, origin, plain, read


def evaluate_family(
    family: str,
    held: list[tuple[Rig, LabelledFace]],
    templates: list[LabelledFace],
    models: Path | None,
    detect: bool,
    out: Path,
) -> dict:
    """Figures of one family by its own fold: medians by method and set, every shape, top-1, landmarks, lip gaps and
    regions by rig. A contact sheet of each rig lands in `out`."""
    scores: dict[str, list[run.Scores]] = defaultdict(list)
    found: dict = {"landmarks": "detected" if detect else "labelled", "lost": {}}
    found |= {what: {} for what in ("lip gaps", "regions", "shapes", "landmark errors")}
    tops = []
    for rig, head in held:
        truth = dict(zip(head.names, head.offsets, strict=True))
        nothing = run.score(head, {n: np.zeros_like(t) for n, t in truth.items()}, rig.real)
        measured = not rig.facts.flat  # a mouth on a card: a picture, but no truth to be measured by
        try:
            made = run.run(head, models, None if detect else run.labelled_face(head))
        except FaceNotFound as error:
            found["lost"][rig.name] = str(error)
            if measured:  # a face that is not found is a face on which nothing moves
                for method in run.METHODS:
                    scores[method].append(nothing)
                tops.append(0.0 if any(n in VISEMES and n in rig.real for n in truth) else math.nan)
            continue
        shape_sheet(out / f"{family}_{rig.name}.png", head, made.shapes, truth)
        if not measured:
            continue
        points = made.made.face.points
        own = {"deformer": run.score(head, made.shapes, rig.real), "do nothing": nothing}
        if templates:
            own["template"] = run.score(head, template_transfer(head, points, templates), rig.real)
        for method, values in own.items():
            scores[method].append(values)
        found["shapes"][rig.name] = own
        if detect:
            found["landmark errors"][rig.name] = np.linalg.norm(points - head.marks, axis=1).tolist()
        tops.append(top1(made.shapes, {n: t for n, t in truth.items() if n in VISEMES and n in rig.real}))
        found["regions"][rig.name] = regions.table(head, made.shapes, rig.real)
        gaps = {s: run.lip_gap(head, made.shapes[f"vrc.v_{s}"]) for s in ("pp", "aa")}
        if "vrc.v_aa" in truth:
            gaps["aa of truth"] = run.lip_gap(head, truth["vrc.v_aa"])
        found["lip gaps"][rig.name] = gaps
    found |= {method: run.medians(rows) for method, rows in scores.items()}
    found["viseme top-1"] = float(np.nanmean(tops)) if np.isfinite(tops).any() else None
    return found


def evaluate_shipped(rigs: list[Rig], out: Path) -> tuple[dict, dict]:
    """What the shipped models do with every rig, and the lip gaps of those without truth; pictures of these too."""
    rows, gaps = {}, {}
    for rig in rigs:
        rows[rig.name], made = acceptance.attempt(rig)
        if made and not rig.shapes and rig.name in labels.names():
            gaps[rig.name] = {"pp": rows[rig.name]["pp"], "aa": rows[rig.name]["aa"]}
            head, space = LabelledFace.of(rig), FaceSpace.of(landmarks_of(rig, rig.vertices))
            shapes = {}
            for shape in made.shapes:
                shapes[shape.name] = np.zeros_like(head.vertices)
                shapes[shape.name][shape.indices] = shape.deltas @ space.rotation.T / space.scale
            shape_sheet(out / f"plain_{rig.name}.png", head, shapes, {})
    return rows, gaps


def evaluate(
    work: Path, config: TrainConfig, held_out: Sequence[str], jobs: int, detect: bool, quick: bool, out: Path
) -> dict:
    """Everything, each table printed as soon as it is known; sheets land in `out`. Folds of `held_out` without rigs are
    passed over.

    Raises InputError when there are no rigs, or no dataset for a fold that is still to be trained.
    """
    everyone = every_rig()
    learned = [r for r in everyone if r.shapes and r.name in labels.names()]
    faces = [(r, LabelledFace.of(r)) for r in learned]
    rigs = [(r, h) for r, h in faces if not r.facts.flat]
    body = next((body for r, h in rigs if (body := augment.body_of(h))), None)
    results: dict = {"families": {}, "lip gaps": {}, "landmarks": {}, "robustness": {}, "curves": {}}
    if not quick:
        baseline = results["inter_artist_baseline"] = plain(inter_artist_baseline.measure(rigs))
        print_tables(tables.baseline_units(baseline), tables.baseline_visemes(baseline))
    held_out = [family for family in held_out if any(r.facts.fold == family for r in learned)]
    folds.train_missing(held_out, work, config, jobs)
    for family in held_out:
        held = [(r, h) for r, h in faces if r.facts.fold == family]
        models = folds.models_of(family, work)
        found = detect and (models / f"fold_{family}.onnx").exists()
        others = [h for r, h in rigs if r.facts.fold != family and len(r.shapes) > 40]
        results["families"][family] = plain(evaluate_family(family, held, others, models, found, out))
        print_tables(tables.family(family, results["families"][family]))
        results["lip gaps"] |= results["families"][family]["lip gaps"]
        if not quick:
            for rig, head in held:
                if not rig.facts.flat:
                    untouched = run.run(head, models, run.labelled_face(head))
                    results["robustness"][rig.name] = plain(robustness.measure(rig, untouched, models, body, found))
        results["curves"] |= _curve(f"without {family}", models)
    if not results["families"]:
        raise InputError(
            f"There are no labelled rigs of {' or '.join(held_out)}: set VRC_BLENDSHAPE_DATA to their folder."
        )
    results["curves"] |= _curve("all families", work)
    results["acceptance"], gaps = plain(evaluate_shipped(everyone, out))
    results["lip gaps"] |= gaps
    if not quick:
        results["unseen"] = plain(unseen.measure(unseen.unseen_rigs()))
        results["mouths"] = plain(mouth_openings.summary(mouth_openings.measured(everyone)))
    if landmark_card.FIGURES.exists():
        results["landmarks"] = json.loads(landmark_card.FIGURES.read_text())
    results["sheets"] = [
        {"file": file.name, "title": file.stem.replace("_", " ", 1),
         "note": "The shipped models; this rig has no shapes of its own to compare with." if file.name[:6] == "plain_"
         else "Made by networks that never saw this family, over the artist's own."}
        for file in sorted(out.glob("*.png"), key=lambda file: (file.name[:6] == "plain_", file.name))
    ]  # fmt: skip
    return results


def _curve(name: str, folder: Path) -> dict[str, list]:
    points = read_curve(folder / "deformer", "reconstruction")
    return {name: points} if points else {}


def print_tables(*shown: tables.Table) -> None:
    """Print the tables that have rows."""
    for table in shown:
        if table.rows:
            print(table.text(), flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training evaluate", description=__doc__)
    add = parser.add_argument
    add("--work", type=Path, default=Path("out/train"), help="where the folds are (default: %(default)s)")
    add("--families", nargs="+", choices=families.evaluated(), default=list(families.evaluated()))
    add("--steps", type=int, default=TrainConfig.steps)
    add("--jobs", type=int, default=parallel.JOBS, help="folds trained at a time (default: %(default)s)")
    add("--labels", action="store_true", help="use labelled landmarks instead of detected ones")
    add("--sheets", action="store_true", help="no baseline, robustness or unseen rigs")
    add("--out", type=Path, default=Path("out/evaluate"), help="what is written (default: %(default)s)")
    add("--page-only", action="store_true", help="measure nothing: draw plots and page anew from results.json in --out")
    add("--unseen", action="store_true", help="print only what the shipped models do on rigs that they never saw")
    add(
        "--mouths",
        action="store_true",
        help="print only how far vowels open the mouth, artists' and the shipped models'",
    )
    given = parser.parse_args(arguments)
    if given.unseen:
        rows = plain(unseen.measure(unseen.unseen_rigs()))
        print_tables(tables.unseen_faces(rows), tables.unseen_shapes(rows))
        return
    if given.mouths:
        print_tables(tables.mouths(plain(mouth_openings.summary(mouth_openings.measured(every_rig())))))
        return
    began = time.monotonic()
    with atomic_folder(given.out) as folder:
        if given.page_only:
            results = read(given.out / FILE)
        else:
            config = TrainConfig(steps=given.steps)
            results = evaluate(given.work, config, given.families, given.jobs, not given.labels, given.sheets, folder)
            command = " ".join(["python -m training evaluate", *arguments])
            results["origin"] = origin(command, (time.monotonic() - began) / 60)
            (folder / FILE).write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
            print_tables(tables.regions(results["families"]), tables.lips(results["lip gaps"]))
            print_tables(tables.acceptance(results["acceptance"]), tables.robustness(results["robustness"]))
            if not given.sheets:
                print_tables(tables.unseen_faces(results["unseen"]), tables.unseen_shapes(results["unseen"]))
                print_tables(tables.mouths(results["mouths"]))
        page.write(results, folder)
    print_tables(tables.verdicts(results))
    print(f"\n{given.out / 'index.html'}")
