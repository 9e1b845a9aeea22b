"""An artist's own style: from the shapes that an avatar has to those that it lacks.

What is lacking is what the network makes, changed in two ways. Visemes get the residuals of the given visemes (the
artist's shape less the network's), by how residuals of visemes go together with known artists: best linear prediction,
as kriging does (Cressie 1993, "Statistics for Spatial Data", section 3.2), with the visemes in place of places. And
they take a share of the usual mixes of the artist's A, O and CH: some of it where the mix agrees with what they are by
then, and all where it does not but the artist's CH opens the jaw as the A does, as in mouths that were modelled for
three keys. All else is as strong as the artist's shapes are. Residuals and strength are left off where they would not
have helped the given shapes, each predicted from the others.

All offsets are (N, 3) in face space, of the same vertices.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..vocabulary import VISEMES, mirrored
from .parameters import OWN_STYLE

FILE = Path(__file__).with_name("viseme_relations.toml")
Offsets = Mapping[str, np.ndarray]
# What three visemes stand for elsewhere: weights of A, O and CH, as CATS Blender Plugin (MIT) mixes them.
MIXED_FROM = ("vrc.v_aa", "vrc.v_oh", "vrc.v_ch")
MIXES = {
    "vrc.v_ff": (0.2, 0.0, 0.4), "vrc.v_th": (0.4, 0.15, 0.0), "vrc.v_dd": (0.3, 0.0, 0.7),
    "vrc.v_kk": (0.7, 0.0, 0.4), "vrc.v_ss": (0.0, 0.0, 0.8), "vrc.v_nn": (0.2, 0.0, 0.7),
    "vrc.v_rr": (0.0, 0.3, 0.5), "vrc.v_e": (0.5, 0.0, 0.2), "vrc.v_ih": (0.0, 0.3, 0.7),
    "vrc.v_ou": (0.0, 1.0, 0.0),
}  # fmt: skip


@dataclass(frozen=True)
class Relations:
    """How the residuals of one artist's visemes go together, in the order of VISEMES, n of them; 0 of those not drawn.

    A residual is the artist's shape, at the network's strength, less the network's, over the norm of the network's.
    drawn: (n,) bool. residuals: (n, n) scalar products of residuals. with_ours: (n, n) of the network's shapes of norm
    1 (rows) with residuals. sizes: (n,) norm of the artist's shape over that of the network's.
    """

    drawn: np.ndarray
    residuals: np.ndarray
    with_ours: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True)
class Learned:
    """What given shapes tell.

    visemes, others: amplitude of what is lacking of these, 1 where the given ones of the kind did not ask for another.
    carried: whether residuals of visemes are carried over. jaw: 0 to 1, how far CH opens the jaw as A does; None where
    not all of A, O and CH are given, and nothing is mixed of them.
    """

    visemes: float = 1.0
    others: float = 1.0
    carried: bool = False
    jaw: float | None = None

    @property
    def used(self) -> bool:
        """Whether anything is made otherwise than without given shapes."""
        return self.carried or self.jaw is not None or self.visemes != 1 or self.others != 1

    def amplitude(self, name: str) -> float:
        """Of a shape that is lacking."""
        return self.visemes if name in VISEMES else self.others


@cache
def artists() -> dict[str, Relations]:
    """The relations of each known artist, by name, as viseme_relations.toml has them."""
    return parse(tomllib.loads(FILE.read_text(encoding="utf-8")))


def parse(document: Mapping[str, Mapping[str, list]]) -> dict[str, Relations]:
    """Relations by artist from the tables of a file such as viseme_relations.toml."""
    found = {}
    for artist, table in document.items():
        index = [VISEMES.index(name) for name in table["visemes"]]
        whole = Relations(
            np.isin(np.arange(len(VISEMES)), index), np.zeros((len(VISEMES),) * 2), np.zeros((len(VISEMES),) * 2),
            np.ones(len(VISEMES)),
        )  # fmt: skip
        whole.residuals[np.ix_(index, index)] = table["residuals"]
        whole.with_ours[np.ix_(index, index)] = table["with_ours"]
        whole.sizes[index] = table["sizes"]
        found[artist] = whole
    return found


def measure(given: Offsets, ours: Offsets) -> Relations:
    """The relations of one face: its artist's visemes `given` and the network's of the same names."""
    names = [name for name in VISEMES if name in given]
    amplitude = _amplitude(given, ours, names)
    residuals = {name: _residual(given, ours, name, amplitude) for name in names}
    table: dict[str, list] = {
        "visemes": names,
        "residuals": [[_dot(residuals[a], residuals[b]) for b in names] for a in names],
        "with_ours": [[_dot(ours[a], residuals[b]) / _norm(ours[a]) for b in names] for a in names],
        "sizes": [_norm(given[name]) / amplitude / _norm(ours[name]) for name in names],
    }
    return parse({"": table})[""]


def kinds(names: Sequence[str]) -> dict[str, list[str]]:
    """Names by shape, in their order: sides together, and blinks by either name."""
    out: dict[str, list[str]] = {}
    for name in names:
        out.setdefault(kind(name), []).append(name)
    return out


def kind(name: str) -> str:
    """What is left out together: a shape and its mirror image, and blinks by either name."""
    return min(name, mirrored(name)).replace("vrc.blink_left", "eyeBlinkLeft")


def learn(given: Offsets, ours: Offsets, known: Sequence[Relations]) -> Learned:
    """What the artist's shapes `given` tell, beside what the network makes under the same names.

    known: relations of other artists' visemes. Needs OWN_STYLE.fewest shapes, sides not counted.
    """
    visemes = [name for name in VISEMES if name in given and name in ours]
    carried = len(visemes) >= OWN_STYLE.fewest and _carrying_helps(given, ours, visemes, known)
    others = [name for name in given if name not in VISEMES and name in ours]
    of_visemes, of_others = (_tried_amplitude(given, ours, names) for names in (visemes, others))
    return Learned(of_visemes, of_others, carried, jaw_opening(given))


def complete(
    given: Offsets,
    ours: Offsets,
    learned: Learned,
    known: Sequence[Relations],
    drawn: Collection[str] = VISEMES,
) -> dict[str, np.ndarray]:
    """What is lacking, in the artist's style: those of `ours` that are not `given`.

    drawn: the visemes that residuals are carried to; others are as strong as the artist's shapes are.
    """
    visemes = [name for name in VISEMES if name in given and name in ours]
    made = {}
    for name, offset in ours.items():
        if name in given:
            continue
        made[name] = offset * learned.amplitude(name)
        if name in VISEMES and name in drawn and learned.carried:
            made[name] = learned.visemes * carry_over(given, ours, visemes, name, known)
        if name in MIXES and name in drawn and learned.jaw is not None:
            made[name] = _mixed(given, made[name], name, learned.jaw)
    return made


def carry_over(
    given: Offsets, ours: Offsets, visemes: Sequence[str], wanted: str, known: Sequence[Relations]
) -> np.ndarray:
    """(N, 3) of the viseme `wanted`, as strong as the network makes it, with residuals of the given `visemes`."""
    amplitude = _amplitude(given, ours, visemes)
    share, weights = _weights(visemes, wanted, known)
    carried = np.zeros_like(ours[wanted])
    for name, weight in zip(visemes, weights, strict=True):
        carried += weight * _residual(given, ours, name, amplitude)
    return (1 + share) * ours[wanted] + _norm(ours[wanted]) * carried


def jaw_opening(given: Offsets) -> float | None:
    """0 to 1: how far the artist's CH opens the jaw as the A does; None where A, O or CH is not given."""
    if not set(MIXED_FROM) <= set(given):
        return None
    return _ramp(cosine(given["vrc.v_ch"], given["vrc.v_aa"]), OWN_STYLE.jaw_opening_ch)


def mix(given: Offsets, name: str) -> np.ndarray:
    """(N, 3) of a viseme of MIXES as the usual mix of the given A, O and CH."""
    a, o, ch = (weight * given[part] for weight, part in zip(MIXES[name], MIXED_FROM, strict=True))
    return a + o + ch


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two motions as vectors, in [-1, 1]; 0 where one moves nothing."""
    size = _norm(a) * _norm(b)
    return _dot(a, b) / size if size > 0 else 0.0


def _ramp(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first of `ends`, 1 from the second on, 3t² - 2t³ between."""
    t = float(np.clip((value - ends[0]) / (ends[1] - ends[0]), 0, 1))
    return t * t * (3 - 2 * t)


def _mixed(given: Offsets, own: np.ndarray, name: str, jaw: float) -> np.ndarray:
    """Between a shape and the usual mix, by direction and by size. jaw: see Learned."""
    other = mix(given, name)
    agreed = _ramp(cosine(own, other), OWN_STYLE.agreement)
    share = agreed * OWN_STYLE.agreed_share + (1 - agreed) * jaw
    sizes = _norm(own), _norm(other)
    if min(sizes) == 0:
        return own
    blend = (1 - share) * own / sizes[0] + share * other / sizes[1]
    return blend * ((1 - share) * sizes[0] + share * sizes[1])


def _weights(visemes: Sequence[str], wanted: str, known: Sequence[Relations]) -> tuple[float, np.ndarray]:
    """How much stronger the network's viseme is made, and the weights of the residuals of `visemes`, those that predict
    `wanted` best for the artists who drew it: of each the error over the size of that shape counts."""
    target, index = VISEMES.index(wanted), [VISEMES.index(name) for name in visemes]
    square, cross = np.zeros((1 + len(index),) * 2), np.zeros(1 + len(index))
    total = 0.0
    for artist in known:
        if not artist.drawn[target]:
            continue
        weight = 1 / max(float(artist.sizes[target]), OWN_STYLE.least_size) ** 2
        total += weight
        square[0, 0] += weight
        square[0, 1:] += weight * artist.with_ours[target, index]
        square[1:, 1:] += weight * artist.residuals[np.ix_(index, index)]
        cross[0] += weight * artist.with_ours[target, target]
        cross[1:] += weight * artist.residuals[index, target]
    if not total:
        return 0.0, np.zeros(len(index))
    square[1:, 0] = square[0, 1:]
    ridge = OWN_STYLE.residual_ridge * np.diag(square)
    ridge[0] = OWN_STYLE.own_ridge * total
    ridge = np.maximum(ridge, OWN_STYLE.least_ridge * total)
    found = np.linalg.solve(square + np.diag(ridge), cross)
    return float(found[0]), found[1:]


def _carrying_helps(given: Offsets, ours: Offsets, visemes: Sequence[str], known: Sequence[Relations]) -> bool:
    """Whether the given visemes, each predicted from the others, come out nearer their direction than the network's."""
    gains = []
    for name in visemes:
        others = [other for other in visemes if other != name]
        made = carry_over(given, ours, others, name, known)
        gains.append(cosine(made, given[name]) - cosine(ours[name], given[name]))
    return float(np.mean(gains)) > OWN_STYLE.min_gain


def _tried_amplitude(given: Offsets, ours: Offsets, names: Sequence[str]) -> float:
    """How much stronger the artist's shapes `names` are than the network's, as far as it helps those that are left out
    in turn."""
    names = [name for name in names if _norm(ours[name]) > 0]
    if len(kinds(names)) < OWN_STYLE.fewest:
        return 1.0
    ways = []
    for name in names:
        others = [other for other in names if kind(other) != kind(name)]
        found = _amplitude(given, ours, others, OWN_STYLE.amplitude_ridge)
        tried = 1 + np.array(OWN_STYLE.steps) * (found - 1)
        ways.append([_norm(given[name] - size * ours[name]) / _norm(given[name]) for size in tried])
    step = OWN_STYLE.steps[int(np.mean(ways, axis=0).argmin())]
    return float(1 + step * (_amplitude(given, ours, names, OWN_STYLE.amplitude_ridge) - 1))


def _amplitude(given: Offsets, ours: Offsets, names: Sequence[str], ridge: float = 0.0) -> float:
    """The factor of the network's shapes that comes nearest the given ones, each as important as its size.

    ridge: shapes of mean size for which the factor is 1, beside the given ones.
    """
    square = sum(_dot(ours[name], ours[name]) for name in names)
    held = ridge * square / max(len(names), 1)
    found = (sum(_dot(given[name], ours[name]) for name in names) + held) / max(square + held, 1e-30)
    low, high = OWN_STYLE.amplitudes
    return float(np.clip(found, low, high))


def _residual(given: Offsets, ours: Offsets, name: str, amplitude: float) -> np.ndarray:
    return (given[name] / amplitude - ours[name]) / max(_norm(ours[name]), 1e-30)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.vdot(a, b))


def _norm(a: np.ndarray) -> float:
    return float(np.linalg.norm(a))
