"""Leave one family out: how good are the shapes on rigs that the network never saw?

For each family a deformer is trained on the others with the recipe of the shipped model (or taken from an earlier run),
and the core pipeline makes every shape that the left-out rigs have truth for, on the face that it finds. Beside it run
a template transfer and doing nothing; then come visemes read off the lips, mouths, blinks, the baseline of how far
artists differ, the robustness table, the shipped models on every rig there is, and every target with its verdict. All
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
from blendshape_addon.core.vocabulary import LANDMARKS, VISEMES

from ..config import TrainConfig
from ..data import augment, families, labels
from ..data.contact_sheets import shape_sheet
from ..data.labelled_face import LabelledFace
from ..data.metrics import top1
from ..data.rigs import Rig, every_rig, landmarks_of
from ..landmarks import card as landmark_card
from ..landmarks.evaluate import FOUND_WITHIN
from ..learning import parallel
from ..learning.training_log import read_curve
from . import (
    acceptance,
    blinks,
    folds,
    front_pairs,
    inter_artist_baseline,
    mouth_openings,
    pieces,
    regions,
    robustness,
    run,
    viseme_reading,
)
from .baselines import template_transfer
from .mouth_landmarks import Speaker
from .report import page, tables
from .report.results import FILE, atomic_folder, origin, plain, read
from .visible import visible

BROWS = np.array([name.startswith("brow") for name in LANDMARKS])
RANDOM_FACES = 100  # anime faces that nobody drew, on which blinks are measured
Held = list[tuple[Rig, LabelledFace]]


def evaluate_family(
    family: str, held: Held, templates: list[LabelledFace], models: Path | None, detect: bool, out: Path | None
) -> tuple[dict, list[Speaker]]:
    """Figures of one family by models that never saw it: medians by method and set, every shape, top-1, landmarks, lip
    gaps, blinks, nearest pairs of visemes, pieces and regions by rig; and the rigs' mouths.

    templates: what is carried over for the method `template`; none is in its place. out: where a contact sheet of each
    rig lands; None for none.
    """
    scores: dict[str, list[run.Scores]] = defaultdict(list)
    found: dict = {"landmarks": "detected" if detect else "labelled", "lost": {}, "rigs": [rig.name for rig, _ in held]}
    by_rig = ("lip gaps", "regions", "shapes", "landmark errors", "blinks", "front pairs", "artists", "pieces")
    found |= {what: {} for what in by_rig}
    tops, speakers = [], []
    for rig, head in held:
        truth = dict(zip(head.names, head.offsets, strict=True))
        measured = not rig.facts.flat  # a mouth on a card: a picture, but no truth to be measured by
        seen = visible(head.vertices, head.triangles[~head.hidden[head.triangles].any(1)])
        nothing = run.score(head, {n: np.zeros_like(t) for n, t in truth.items()}, rig.real, seen)
        try:
            made = run.run(head, models, None if detect else run.labelled_face(head))
            errors = np.linalg.norm(made.made.face.points - head.marks, axis=1)
            lost = "found in another place" if np.median(errors) * 100 >= FOUND_WITHIN else ""
        except FaceNotFound as error:
            lost = str(error)
        if lost:
            found["lost"][rig.name] = lost
            if measured:  # a face that is not found is a face on which nothing moves
                for method in run.METHODS:
                    scores[method].append(nothing)
                tops.append(0.0 if any(n in VISEMES and n in rig.real for n in truth) else math.nan)
                speakers.append(Speaker.of(rig, head, {}, ""))
            print(f"  {rig.name}: {lost}", flush=True)
            continue
        if out:
            shape_sheet(out / f"{family}_{rig.name}.png", head, made.shapes, truth)
        if not measured:
            continue
        found["pieces"][rig.name] = pieces.measure(head)
        own = {"deformer": run.score(head, made.shapes, rig.real, seen), "do nothing": nothing}
        if templates:
            carried = template_transfer(head, made.made.face.points, templates)
            own["template"] = run.score(head, carried, rig.real, seen)
        for method, values in own.items():
            scores[method].append(values)
        found["shapes"][rig.name], found["artists"][rig.name] = own, rig.facts.artist
        if detect:
            found["landmark errors"][rig.name] = errors
        tops.append(top1(made.shapes, {n: t for n, t in truth.items() if n in VISEMES and n in rig.real}))
        found["regions"][rig.name] = regions.table(head, made.shapes, rig.real)
        gaps = {s: run.lip_gap(head, made.shapes[f"vrc.v_{s}"]) for s in ("pp", "aa")}
        if "vrc.v_aa" in truth:
            gaps["aa of truth"] = run.lip_gap(head, truth["vrc.v_aa"])
        found["lip gaps"][rig.name] = gaps
        found["blinks"][rig.name] = {
            "ours": blinks.left_open(head, made.shapes), "theirs": blinks.left_open(head, truth)
        }  # fmt: skip
        found["front pairs"][rig.name] = front_pairs.measure(head, made.shapes, rig.real)
        speakers.append(Speaker.of(rig, head, made.shapes, made.made.report["style"]["preset"]))
        print(f"  {rig.name}: measured", flush=True)
    found |= {method: run.medians(rows) for method, rows in scores.items()}
    found["units of those found"] = run.medians([own["deformer"] for own in found["shapes"].values()])
    found["viseme top-1"] = float(np.nanmean(tops)) if np.isfinite(tops).any() else None
    found["errors"] = landmark_figures(list(found["landmark errors"].values()))
    return found, speakers


def landmark_figures(errors: list[np.ndarray]) -> dict[str, float]:
    """median and p95 of the landmarks but for the brows, and the brows' median, in % of the eye distance; none of no
    face. errors: (L,) of each face, in eye distances."""
    if not errors:
        return {}
    percent = 100 * np.array(errors)
    median, most = np.quantile(percent[:, ~BROWS], (0.5, 0.95))
    return {"median": float(median), "p95": float(most), "brows": float(np.median(percent[:, BROWS]))}


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
    work: Path,
    config: TrainConfig,
    held_out: Sequence[str],
    jobs: int,
    detect: bool,
    quick: bool,
    models: Path | None,
    out: Path,
) -> dict:
    """Everything, each table printed as soon as it is known; sheets land in `out`. Folds of `held_out` without rigs are
    passed over.

    models: what is measured in place of the folds, which may have seen the rigs. quick: the figures of the rigs alone,
    with no template, baseline, robustness, sheets nor the shipped models. Raises InputError when there are no rigs, or
    no dataset for a fold that is still to be trained.
    """
    everyone = every_rig()
    learned = [r for r in everyone if r.shapes and r.name in labels.names()]
    faces = [(r, LabelledFace.of(r)) for r in learned]
    rigs = [(r, h) for r, h in faces if not r.facts.flat]
    anime = [r.name for r, _ in rigs if r.facts.toon and len(r.real & r.shapes.keys() & set(VISEMES)) >= 4]
    held_out = [family for family in held_out if any(r.facts.fold == family for r in learned)]
    if not held_out:
        raise InputError("There are no labelled rigs of these families: set VRC_BLENDSHAPE_DATA to their folder.")
    body = next((body for r, h in rigs if (body := augment.body_of(h))), None)
    results: dict = {"families": {}, "lip gaps": {}, "landmarks": {}, "robustness": {}, "curves": {}, "acceptance": {}}
    if not quick:
        baseline = results["inter_artist_baseline"] = plain(inter_artist_baseline.measure(rigs))
        print_tables(tables.baseline_units(baseline), tables.baseline_visemes(baseline))
    if not models:
        folds.train_missing(held_out, work, config, jobs)
    speakers: list[Speaker] = []
    for family in held_out:
        held = [(r, h) for r, h in faces if r.facts.fold == family]
        folder = models or folds.models_of(family, work)
        found = detect and (models is not None or (folder / f"fold_{family}.onnx").exists())
        others = [] if quick else [h for r, h in rigs if r.facts.fold != family and len(r.shapes) > 40]
        figures, mouths = evaluate_family(family, held, others, folder, found, None if quick else out)
        speakers += mouths
        if own := [h for r, h in held if r.name in anime]:
            figures["random blinks"] = blinks.measure(own, round(RANDOM_FACES * len(own) / len(anime)), folder)
        results["families"][family] = plain(figures)
        print_tables(tables.family(family, results["families"][family]))
        results["lip gaps"] |= results["families"][family]["lip gaps"]
        if not quick:
            for rig, head in first_of_each_artist(held):
                untouched = run.run(head, folder, run.labelled_face(head))
                results["robustness"][rig.name] = plain(robustness.measure(rig, untouched, folder, body, found))
        results["curves"] |= _curve(f"without {family}", folder)
    results["reading"] = plain(viseme_reading.read(speakers))
    results["mouths"] = plain(mouth_openings.summary(speakers))
    results["curves"] |= _curve("all families", work)
    if not quick:
        results["acceptance"], gaps = plain(evaluate_shipped(everyone, out))
        results["lip gaps"] |= gaps
    if landmark_card.FIGURES.exists():
        results["landmarks"] = json.loads(landmark_card.FIGURES.read_text())
    results["sheets"] = [
        {"file": file.name, "title": file.stem.replace("_", " ", 1),
         "note": "The shipped models; this rig has no shapes of its own to compare with." if file.name[:6] == "plain_"
         else "Made by networks that never saw this family, over the artist's own."}
        for file in sorted(out.glob("*.png"), key=lambda file: (file.name[:6] == "plain_", file.name))
    ]  # fmt: skip
    return results


def first_of_each_artist(held: Held) -> Held:
    """The first rig of each artist that has a modelled face."""
    return list({rig.facts.artist: (rig, head) for rig, head in reversed(held) if not rig.facts.flat}.values())


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
    add("--models", type=Path, metavar="FOLDER", help="measure these models on every family in place of the folds")
    add("--quick", action="store_true", help="no template, baseline, robustness, sheets nor the shipped models")
    add("--out", type=Path, default=Path("out/evaluate"), help="what is written (default: %(default)s)")
    add("--page-only", action="store_true", help="measure nothing: draw plots and page anew from results.json in --out")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    with atomic_folder(given.out) as folder:
        if given.page_only:
            results = read(given.out / FILE)
        else:
            results = evaluate(
                given.work, TrainConfig(steps=given.steps), given.families, given.jobs, not given.labels, given.quick,
                given.models, folder,
            )  # fmt: skip
            command = " ".join(["python -m training evaluate", *arguments])
            results["origin"] = origin(command, (time.monotonic() - began) / 60)
            (folder / FILE).write_text(json.dumps(results, indent=1, allow_nan=False), encoding="utf-8")
            print_tables(*tables.of_all_families(results))
        page.write(results, folder)
    print_tables(tables.verdicts(results))
    print(f"\n{given.out / 'index.html'}")
