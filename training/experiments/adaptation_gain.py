"""What an avatar's own shapes buy: each rig by the deformer that never saw its family and the relations of the other
artists, on shapes that were not given, as they come without given shapes and as they come with them.

python -m training.experiments.adaptation_gain
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.inference import registry
from blendshape_addon.core.style import own_style
from blendshape_addon.core.style.own_style import Relations
from blendshape_addon.core.vocabulary import VOWELS

from .. import commands
from ..adaptation import few_shot, relations
from ..adaptation.few_shot import Face
from ..adaptation.onnx_patch import Base
from ..adaptation.parameters import FEW_SHOT
from ..adaptation.relations import Drawn
from ..data.metrics import compare
from ..data.rigs import labelled
from ..evaluation.report.table import Table

GIVEN = (5, 10, 20)
LEFT = 3  # shapes that must remain to be judged by
# Visemes that are given: what fixed mixes take, and seven.
THREE = own_style.MIXED_FROM
SEVEN = ("vrc.v_aa", "vrc.v_e", "vrc.v_ih", "vrc.v_oh", "vrc.v_ou", "vrc.v_ch", "vrc.v_ff")
Offsets = Mapping[str, np.ndarray]


def draw(names: Sequence[str], count: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """About `count` random names, both sides of a shape or neither, and the others."""
    groups = list(own_style.kinds(names).values())
    rng.shuffle(groups)
    given: list[str] = []
    for group in groups:
        given += group if len(given) < count else []
    return given, [name for name in names if name not in given]


def completed(face: Drawn, given: Sequence[str], known: Sequence[Relations]) -> dict[str, np.ndarray]:
    """The shapes of a face that were not given, in the style of those that were."""
    own = {name: face.truth[name] for name in given}
    return own_style.complete(own, face.ours, own_style.learn(own, face.ours, known, face.inside), known)


def medians(made: Offsets, truth: Offsets, names: Sequence[str]) -> tuple[float, float]:
    """Median rel and cos of shapes, see metrics.compare."""
    found = [compare(made[name], truth[name]) for name in names]
    return float(np.median([row["rel"] for row in found])), float(np.median([row["cos"] for row in found]))


def viseme_rows(faces: Sequence[Drawn], known: Mapping[str, Relations], chosen: Sequence[str]) -> list[tuple[str, ...]]:
    """A row for each face: median cos of the visemes beside those `chosen`, which the artist drew, without and with
    them, and with those of THREE alone; and of those that are usually mixed of A, O and CH: with them, and as that
    mix."""
    rows = []
    for face in faces:
        given = [name for name in chosen if name in face.truth]
        rest = [name for name in face.visemes if name not in given]
        if not set(THREE) <= set(given) or len(rest) < LEFT:
            continue
        others = _others(known, face)
        made, of_three = (completed(face, names, others) for names in (given, THREE))
        mixed = [name for name in rest if name in own_style.MIXES]
        usual = {name: own_style.mix(face.truth, name) for name in mixed}
        before, after, three = (medians(one, face.truth, rest)[1] for one in (face.ours, made, of_three))
        ours, mix = (medians(one, face.truth, mixed)[1] for one in (made, usual))
        rows.append((
            face.rig.name, str(len(given)), f"{before:.2f} → {after:.2f}", f"{three:.2f}", f"{ours:.2f}", f"{mix:.2f}",
        ))  # fmt: skip
    return rows


def vowel_rows(faces: Sequence[Drawn], known: Mapping[str, Relations]) -> list[tuple[str, ...]]:
    """A row for each face with five vowels, three of them given in every way: mean rel and cos of the other two,
    without and with them."""
    rows = []
    for face in faces:
        if not set(VOWELS) <= set(face.truth):
            continue
        results = []
        for given in combinations(VOWELS, 3):
            rest = [name for name in VOWELS if name not in given]
            made = completed(face, given, _others(known, face))
            results.append([*medians(face.ours, face.truth, rest), *medians(made, face.truth, rest)])
        rel, cos, rel_own, cos_own = np.mean(results, axis=0)
        rows.append((face.rig.name, f"{rel:.2f} → {rel_own:.2f}", f"{cos:.2f} → {cos_own:.2f}"))
    return rows


def draw_rows(faces: Sequence[Drawn], known: Mapping[str, Relations], work: Path, draws: int) -> list[tuple[str, ...]]:
    """A row for each face and each of GIVEN, of random shapes of any kind: median rel and cos of the others without
    given shapes, with them, and of the network that `training adapt` teaches."""
    rows = []
    for face in faces:
        base = Base.of(registry.load("deformer", work / f"without_{face.rig.facts.fold}"))
        taught = Face.of(face.rig, base)
        for count in GIVEN:
            results = []
            for seed in range(draws):
                given, rest = draw(list(face.truth), count, np.random.default_rng(seed))
                if len(rest) < LEFT or len(own_style.kinds(given)) < FEW_SHOT.fewest:
                    continue
                adapter = few_shot.learn(base, [taught], [given]).adapter
                trained = dict(zip(rest, taught.made(adapter, rest), strict=True))
                made = completed(face, given, _others(known, face))
                results.append([
                    *medians(face.ours, face.truth, rest), *medians(made, face.truth, rest),
                    *medians(trained, taught.truth, rest),
                ])  # fmt: skip
            if results:
                rel, cos, rel_own, cos_own, rel_trained, cos_trained = np.mean(results, axis=0)
                rows.append((
                    face.rig.name, str(count), f"{rel:.2f} → {rel_own:.2f}", f"{cos:.2f} → {cos_own:.2f}",
                    f"{rel_trained:.2f}", f"{cos_trained:.2f}",
                ))  # fmt: skip
                print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    return rows


def _others(known: Mapping[str, Relations], face: Drawn) -> list[Relations]:
    return [found for artist, found in known.items() if artist != face.rig.facts.artist]


def tables(work: Path, draws: int, names: Sequence[str]) -> Iterator[Table]:
    """The tables, one after the other, of the folds that lie in `work`; the last of the rigs `names`, of all where
    none is named. Raises ModelError when there is no fold."""
    faces = relations.drawn(labelled(), work)
    if not faces:
        raise ModelError(f"There are no folds in {work}: `python -m training evaluate` trains them.")
    known = relations.by_artist(faces)
    note = "The network alone, nothing refined, labelled landmarks; the rig's artist had no part in what is used."
    drawing = [face for face in faces if len(face.visemes) >= LEFT]
    rows = [row for chosen in (THREE, SEVEN) for row in viseme_rows(drawing, known, chosen)]
    head = ("rig", "given visemes", "median cos, not given", "A, O, CH given", "of those mixed", "usual mix")
    yield Table("Visemes from a few of the artist's", head, rows, note)
    head = ("rig", "mean rel, not given", "mean cos, not given")
    yield Table("Two vowels from the other three", head, vowel_rows(faces, known), note)
    head = ("rig", "given", "median rel, not given", "median cos, not given", "rel, adapt", "cos, adapt")
    note += f" Means over {draws} draws of shapes, both sides of a shape given or neither."
    faces = [face for face in faces if not names or face.rig.name in names]
    yield Table("Shapes of any kind", head, draw_rows(faces, known, work, draws), note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("out/train"), help="where the folds are (%(default)s)")
    parser.add_argument("--draws", type=int, default=3, help="random choices of the given shapes (%(default)s)")
    parser.add_argument("--rigs", nargs="+", default=[], help="of the last table (default: all)")
    given = parser.parse_args()
    for table in tables(given.work, given.draws, given.rigs):
        print(table.text(), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(commands.run(main))
