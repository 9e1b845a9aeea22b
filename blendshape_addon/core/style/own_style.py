"""An artist's own style: from the shapes that an avatar has to those that it lacks.

What is lacking is what the network makes, changed in three ways. Visemes get the residuals of the given visemes (the
artist's shape less the network's), by how residuals of visemes go together with known artists: best linear prediction,
as kriging does (Cressie 1993, "Statistics for Spatial Data", section 3.2), with the visemes in place of places.

They take a share of the usual mixes of the artist's A, O and CH: some of it where the mix agrees with what they are by
then, more the less the network's shapes are like the given ones, and all where it does not agree but the artist's CH
opens the jaw as the A does, as in mouths that were modelled for three keys.

And they are drawn to the given visemes: towards the combination of these and of the network's shape that known
artists' cosines ask for, and into the space that the given ones span.

Skin and the insides of the mouth take the last two apart: teeth follow an artist's jaw where lips do not, and
teeth of many vertices would outvote the lips. All else is as strong as the artist's shapes are. Residuals, what draws
to the given visemes, and strength are left off where they would not have helped the given shapes, each predicted from
the others.

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
    1 (rows) with residuals. sizes: (n,) norm of the artist's shape over that of the network's. cosines: (n, n) of the
    artist's shapes with each other. likeness: (n,) cosine of the artist's shape with the network's.
    """

    drawn: np.ndarray
    residuals: np.ndarray
    with_ours: np.ndarray
    sizes: np.ndarray
    cosines: np.ndarray
    likeness: np.ndarray


@dataclass(frozen=True)
class Region:
    """Vertices that are completed together, and what they take of the usual mixes of A, O and CH.

    where: (N,) bool. agreeing, disagreeing: share of the mix where it agrees with what a viseme is without it, and
    where it does not; both 0 where not all of A, O and CH are given.
    """

    where: np.ndarray
    agreeing: float = 0.0
    disagreeing: float = 0.0


@dataclass(frozen=True)
class Learned:
    """What given shapes tell.

    visemes, others: amplitude of what is lacking of these, 1 where the given ones of the kind did not ask for another.
    carried: whether residuals of visemes are carried over, and what is lacking is drawn to the given ones. regions: of
    the face.
    """

    visemes: float = 1.0
    others: float = 1.0
    carried: bool = False
    regions: tuple[Region, ...] = ()

    @property
    def used(self) -> bool:
        """Whether anything is made otherwise than without given shapes."""
        return self.carried or self.mixes or self.visemes != 1 or self.others != 1

    @property
    def mixes(self) -> bool:
        """Whether A, O and CH are mixed."""
        return any(region.agreeing or region.disagreeing for region in self.regions)

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
        n = len(VISEMES)
        whole = Relations(
            np.isin(np.arange(n), index), np.zeros((n, n)), np.zeros((n, n)), np.ones(n), np.zeros((n, n)), np.zeros(n)
        )
        for name in ("residuals", "with_ours", "cosines"):
            getattr(whole, name)[np.ix_(index, index)] = table[name]
        for name in ("sizes", "likeness"):
            getattr(whole, name)[index] = table[name]
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
        "cosines": [[cosine(given[a], given[b]) for b in names] for a in names],
        "likeness": [cosine(ours[name], given[name]) for name in names],
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


def learn(given: Offsets, ours: Offsets, known: Sequence[Relations], inside: np.ndarray | None = None) -> Learned:
    """What the artist's shapes `given` tell, beside what the network makes under the same names.

    known: relations of other artists' visemes. inside: (N,) bool, vertices of teeth, tongue and what holds them. Needs
    OWN_STYLE.fewest shapes, sides not counted.
    """
    visemes = [name for name in VISEMES if name in given and name in ours]
    regions = _regions(given, ours, visemes, inside)
    carried = len(visemes) >= OWN_STYLE.fewest and _carrying_helps(given, ours, visemes, known, regions)
    others = [name for name in given if name not in VISEMES and name in ours]
    of_visemes, of_others = (_tried_amplitude(given, ours, names) for names in (visemes, others))
    return Learned(of_visemes, of_others, carried, regions)


def complete(
    given: Offsets,
    ours: Offsets,
    learned: Learned,
    known: Sequence[Relations],
    drawn: Collection[str] = VISEMES,
) -> dict[str, np.ndarray]:
    """What is lacking, in the artist's style: those of `ours` that are not `given`.

    drawn: the visemes that take residuals, mixes and what draws to the given visemes; others are as strong as the
    artist's shapes are.
    """
    visemes = [name for name in VISEMES if name in given and name in ours]
    spans = [_Span.of(region.where, given, ours, visemes) for region in learned.regions] if learned.carried else []
    made = {}
    for name, offset in ours.items():
        if name in given:
            continue
        made[name] = offset * learned.amplitude(name)
        if name not in VISEMES or name not in drawn:
            continue
        size = _norm(made[name])
        if learned.carried:
            made[name] = learned.visemes * carry_over(given, ours, visemes, name, known)
        if learned.mixes and name in MIXES:
            made[name] = _mixed(given, made[name], name, learned.regions)
        for span in spans:
            made[name][span.where] = span.drawn_to(made[name], ours[name], name, known, learned.mixes)
        # A prediction from things that are little alike is faint, and a mix of the artist's widest shapes is large: how
        # strong a shape is, the network and the given ones know better.
        made[name] *= size / max(_norm(made[name]), 1e-30)
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


def _regions(given: Offsets, ours: Offsets, visemes: Sequence[str], inside: np.ndarray | None) -> tuple[Region, ...]:
    """Skin, and the insides of the mouth where there are any."""
    if not visemes:
        return ()
    none = np.zeros(len(given[visemes[0]]), bool)
    inner = none if inside is None else inside
    regions = []
    for where in (~inner, inner):
        if not where.any():
            continue
        if not set(MIXED_FROM) <= set(visemes):
            regions.append(Region(where))
            continue
        likeness = np.mean([cosine(ours[name][where], given[name][where]) for name in visemes])
        unlike = 1 - _ramp(float(likeness), OWN_STYLE.likeness)
        # How far CH opens the jaw as A does; lips follow it as far as the network's are unlike the artist's.
        jaw = _ramp(cosine(given["vrc.v_ch"][where], given["vrc.v_aa"][where]), OWN_STYLE.jaw_opening_ch)
        low, high = OWN_STYLE.agreed_shares
        regions.append(
            Region(where, low * jaw, jaw)
            if where is inner
            else Region(where, low + unlike * (high - low), jaw * unlike)
        )
    return tuple(regions)


def _mixed(given: Offsets, own: np.ndarray, name: str, regions: Sequence[Region]) -> np.ndarray:
    """Between a shape and the usual mix, in each region by direction and by size."""
    out, other = own.copy(), mix(given, name)
    for region in regions:
        a, b = own[region.where], other[region.where]
        sizes = _norm(a), _norm(b)
        if min(sizes) == 0:
            continue
        agreed = _ramp(cosine(a, b), OWN_STYLE.agreement)
        share = agreed * region.agreeing + (1 - agreed) * region.disagreeing
        blend = (1 - share) * a / sizes[0] + share * b / sizes[1]
        out[region.where] = blend * ((1 - share) * sizes[0] + share * sizes[1])
    return out


@dataclass(frozen=True)
class _Span:
    """The n given visemes at the M vertices of a region. where: (N,) bool. names: theirs. given, ours: (n, 3M) of norm
    1 or 0, the artist's and the network's. cosines: (n, n) of the artist's."""

    where: np.ndarray
    names: tuple[str, ...]
    given: np.ndarray
    ours: np.ndarray
    cosines: np.ndarray

    @staticmethod
    def of(where: np.ndarray, given: Offsets, ours: Offsets, visemes: Sequence[str]) -> _Span:
        rows = [np.stack([_unit(shapes[name][where].ravel()) for name in visemes]) for shapes in (given, ours)]
        return _Span(where, tuple(visemes), rows[0], rows[1], rows[0] @ rows[0].T)

    def without(self, name: str) -> _Span:
        """What is left where one viseme is not given."""
        left = [i for i, other in enumerate(self.names) if other != name]
        names = tuple(self.names[i] for i in left)
        return _Span(self.where, names, self.given[left], self.ours[left], self.cosines[np.ix_(left, left)])

    def drawn_to(
        self, made: np.ndarray, ours: np.ndarray, name: str, known: Sequence[Relations], mixes: bool
    ) -> np.ndarray:
        """(M, 3) of (N, 3) `made`, as large, drawn to the given visemes. ours: (N, 3), the network's. mixes: A, O and
        CH are mixed, which draws to them already."""
        own, network = made[self.where].ravel(), _unit(ours[self.where].ravel())
        size = _norm(own)
        if size == 0:
            return made[self.where]
        like = self.given @ network
        square = np.block([[self.cosines, like[:, None]], [like[None], np.array([[_dot(network, network)]])]])
        expected = _expected(self.names, self.ours @ network, name, known)
        found = np.linalg.solve(square + OWN_STYLE.cosine_ridge * np.eye(len(square)), expected)
        weight = min(OWN_STYLE.weight_per_given * len(self.names), OWN_STYLE.most_weight)
        kept = OWN_STYLE.kept_of_mixes if mixes else OWN_STYLE.kept
        moved = own / size + weight * _unit(found[:-1] @ self.given + found[-1] * network)
        ridge = OWN_STYLE.span_ridge * np.eye(len(self.names))
        within = np.linalg.solve(self.cosines + ridge, self.given @ moved) @ self.given
        return size * _unit(kept * moved + (1 - kept) * within).reshape(-1, 3)


def _expected(names: Sequence[str], alike: np.ndarray, wanted: str, known: Sequence[Relations]) -> np.ndarray:
    """(n + 1,) cosines that a viseme `wanted` is expected to have with the artist's visemes `names` and, last, with the
    network's `wanted`: means of known artists', and in place of some more artists what the network's shapes have.

    alike: (n,) cosines of the network's `wanted` with the network's `names`.
    """
    target, index = VISEMES.index(wanted), [VISEMES.index(name) for name in names]
    count = np.full(len(index) + 1, OWN_STYLE.network_as_artists)
    total = count * OWN_STYLE.network_cosines * np.append(alike, 1.0)
    for artist in known:
        if artist.drawn[target]:
            total += np.append(artist.cosines[target, index], artist.likeness[target])
            count += np.append(artist.drawn[index], True)
    return total / count


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


def _carrying_helps(
    given: Offsets, ours: Offsets, visemes: Sequence[str], known: Sequence[Relations], regions: Sequence[Region]
) -> bool:
    """Whether the given visemes, each predicted from the others, come out nearer their direction than the network's."""
    gains = []
    mixes = Learned(regions=tuple(regions)).mixes
    spans = [_Span.of(region.where, given, ours, visemes) for region in regions]
    for name in visemes:
        others = [other for other in visemes if other != name]
        made = carry_over(given, ours, others, name, known)
        for span in spans:
            made[span.where] = span.without(name).drawn_to(made, ours[name], name, known, mixes)
        gains.append(cosine(made, given[name]) - cosine(ours[name], given[name]))
    return float(np.mean(gains)) > OWN_STYLE.min_gain


def _tried_amplitude(given: Offsets, ours: Offsets, names: Sequence[str]) -> float:
    """How much stronger the artist's shapes `names` are than the network's, as far as it surely helps those that are
    left out in turn: by the mean of what it changes and so many standard errors."""
    groups = list(kinds([name for name in names if _norm(ours[name]) > 0]).values())
    known = [name for group in groups for name in group]
    if len(groups) < OWN_STYLE.fewest:
        return 1.0
    errors = []
    for group in groups:
        others = [name for name in known if name not in group]
        found = _amplitude(given, ours, others, OWN_STYLE.amplitude_ridge)
        tried = 1 + np.array(OWN_STYLE.steps) * (found - 1)
        rows = [[_norm(given[n] - size * ours[n]) / _norm(given[n]) for size in tried] for n in group]
        errors.append(np.mean(rows, axis=0))
    changes = np.array(errors) - np.array(errors)[:, :1]
    spread = changes.std(0, ddof=1) / np.sqrt(len(changes))
    step = OWN_STYLE.steps[int((changes.mean(0) + OWN_STYLE.standard_errors * spread).argmin())]
    return float(1 + step * (_amplitude(given, ours, known, OWN_STYLE.amplitude_ridge) - 1))


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


def _unit(a: np.ndarray) -> np.ndarray:
    """Of norm 1; 0 if it is 0."""
    size = _norm(a)
    return a / size if size > 0 else np.zeros_like(a)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.vdot(a, b))


def _norm(a: np.ndarray) -> float:
    return float(np.linalg.norm(a))
