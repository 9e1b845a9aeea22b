"""How the visemes of known artists go together, as `core.style.own_style` uses them: measured, and written as a file.

python -m training.adaptation.relations      writes blendshape_addon/core/style/viseme_relations.toml

The network's shapes of an artist's face are those of the deformer that never saw the artist's family, as on any avatar
that is new to it.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.inference import deformer, registry
from blendshape_addon.core.inference.registry import Model
from blendshape_addon.core.inference.session import open_session
from blendshape_addon.core.refinement import style_offsets
from blendshape_addon.core.style import own_shapes, own_style
from blendshape_addon.core.style.own_style import Relations
from blendshape_addon.core.vocabulary import CONDITIONS, VISEMES

from .. import commands
from ..data.rigs import Rig, labelled
from ..learning.atomic_files import atomic_write
from .drawn_face import DrawnFace
from .parameters import RELATIONS

_HEAD = """\
# How an artist's visemes go together, see own_style.Relations: one table per artist who drew ten
# visemes or more; several rigs of an artist are averaged. Written by `python -m training.adaptation.relations`.
"""


@dataclass(frozen=True)
class Drawn:
    """A face that an artist drew shapes for: (N, 3) face-space offsets of random vertices by name. truth: the artist's;
    ours: the network's, of all CONDITIONS, by the recipes of the style that suits the face. inside: (N,) bool, of teeth
    and tongue."""

    rig: Rig
    truth: dict[str, np.ndarray]
    ours: dict[str, np.ndarray]
    inside: np.ndarray

    @staticmethod
    def of(rig: Rig, model: Model) -> Drawn:
        """A rig with its own shapes on its labelled landmarks, and what a deformer makes of it."""
        drawn = DrawnFace.of(rig, RELATIONS.vertices)
        found, style = drawn.features, drawn.style
        weights = deformer.style_weights(model, style.network_style)
        made = deformer.offsets(open_session(model, "cpu"), found, style.weights(CONDITIONS), weights)
        style_offsets.keep_near_mouth(found, made, CONDITIONS, style.reach)
        inside = own_shapes.inside_mouth(found.part[drawn.pick])
        return Drawn(rig, drawn.truth, dict(zip(CONDITIONS, made[:, drawn.pick].astype(float), strict=True)), inside)

    @property
    def visemes(self) -> dict[str, np.ndarray]:
        """The artist's visemes."""
        return {name: offsets for name, offsets in self.truth.items() if name in VISEMES}


def drawn(rigs: Iterable[Rig], work: Path) -> list[Drawn]:
    """Every rig whose fold's deformer lies in `work`, by that deformer; the others are named on stderr."""
    models: dict[str, Model | None] = {}
    found = []
    for rig in rigs:
        fold = rig.facts.fold
        if fold not in models:
            try:
                models[fold] = registry.load("deformer", work / f"without_{fold}")
            except ModelError as error:
                models[fold] = None
                print(f"{fold} is left out: {error}", file=sys.stderr)
        if models[fold]:
            found.append(Drawn.of(rig, models[fold]))
    return found


def by_artist(faces: Sequence[Drawn]) -> dict[str, Relations]:
    """Relations of each artist with RELATIONS.fewest visemes, the mean of the artist's rigs."""
    measured: dict[str, list[Relations]] = defaultdict(list)
    for face in faces:
        if len(face.visemes) >= RELATIONS.fewest:
            measured[face.rig.facts.artist].append(own_style.measure(face.visemes, face.ours))
    return {artist: _mean(found) for artist, found in sorted(measured.items())}


def _mean(found: Sequence[Relations]) -> Relations:
    names = [one.name for one in dataclasses.fields(Relations) if one.name != "drawn"]
    return Relations(found[0].drawn, *(np.mean([getattr(one, name) for one in found], axis=0) for name in names))


def text(found: Mapping[str, Relations]) -> str:
    """TOML that `own_style.parse` reads back."""
    lines = [_HEAD]
    for artist, one in found.items():
        index = np.flatnonzero(one.drawn)
        lines += [f"[{artist}]", f"visemes = {[VISEMES[i] for i in index]}".replace("'", '"')]
        lines += [f"{name} = {_row(getattr(one, name)[index])}" for name in ("sizes", "likeness")]
        for name in ("residuals", "with_ours", "cosines"):
            table = getattr(one, name)[np.ix_(index, index)]
            lines += [f"{name} = [", *(f"    {_row(row)}," for row in table), "]"]
        lines.append("")
    return "\n".join(lines)


def _row(values: np.ndarray) -> str:
    return f"[{', '.join(f'{value:.3f}' for value in values)}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("out/train"), help="where the folds are (%(default)s)")
    parser.add_argument("--output", type=Path, default=own_style.FILE, help="the file to write (%(default)s)")
    given = parser.parse_args()
    found = by_artist(drawn((rig for rig in labelled() if RELATIONS.fewest <= _visemes(rig)), given.work))
    if not found:
        raise ModelError(f"There are no folds in {given.work}: `python -m training evaluate` trains them.")
    atomic_write(given.output, text(found).encode())
    print(f"{given.output}: {', '.join(found)}")


def _visemes(rig: Rig) -> int:
    return sum(name in VISEMES and name in rig.real for name in rig.shapes)


if __name__ == "__main__":
    sys.exit(commands.run(main))
