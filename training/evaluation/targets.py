"""The targets of the product, each with what was measured and a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..data.families import is_toon
from . import front_pairs, pieces, viseme_reading
from .inter_artist_baseline import BEST
from .mouth_openings import FIGURES
from .robustness import mean_change

CHANGE = 0.08  # of rel by mesh
ARTISTS = 2  # of a style, whose median says how far its mouths open; one artist's mouths are a matter of taste


@dataclass(frozen=True)
class Target:
    """values: what was measured, by family, rig or case; all of them have to reach `required`. goal: what is
    aimed at beyond it. higher: more is better.

    baseline: what the nearest other artist's own shapes would get, where that is known.
    """

    what: str
    required: float
    goal: float
    values: Mapping[str, float | None]
    higher: bool = False
    baseline: Mapping[str, float] = field(default_factory=dict)

    def reaches(self, limit: float) -> bool:
        """Every value is known and on the right side of `limit`."""
        known = [v for v in self.values.values() if v is not None and math.isfinite(v)]
        return len(known) == len(self.values) > 0 and all(v >= limit if self.higher else v <= limit for v in known)

    @property
    def verdict(self) -> str:
        """`goal`, `met`, `NOT MET` or `not measured`."""
        if not self.values:
            return "not measured"
        return "goal" if self.reaches(self.goal) else "met" if self.reaches(self.required) else "NOT MET"


def targets(figures: Mapping) -> list[Target]:
    """Every target, from the figures that `evaluate` gathers; families that were not run are left out."""
    families = figures["families"]
    real = [family for family in families if not is_toon(family)]
    toons = [family for family in families if is_toon(family)]
    anime = [family for family in toons if "random blinks" in families[family]]
    animals = [family for family in toons if family not in anime]

    def medians(members: list[str], group: str, figure: str, method: str = "deformer") -> dict[str, float | None]:
        rows = {f: families[f].get(method, {}).get(group, {}) for f in members}
        return {f: row.get(figure) for f, row in rows.items() if row}

    def baseline(figure: str) -> dict[str, float]:
        table = figures.get("inter_artist_baseline", {}).get("units", {})
        return {artist: rows[BEST][figure] for artist, rows in table.items() if figure in rows[BEST]}

    out = [
        Target("vowels of anime rigs, cos", 0.72, 0.82, medians(anime, "visemes", "cos"), True),
        Target("vowels of anime rigs, cos of what is seen", 0.78, 0.88, medians(anime, "visemes", "cos seen"), True),
        Target("emotions of anime rigs, cos", 0.55, 0.75, medians(anime, "emotions", "cos"), True),
        Target("emotions of anime rigs, upper face, factor off the artist's amplitude", 1 / 0.7, 1.2,
               {f: off_by(ratio) for f, ratio in medians(anime, "emotions", "upper amplitude").items()}),
    ]  # fmt: skip
    reading = figures.get("reading", {})
    ours, theirs = (viseme_reading.overall(reading, side) for side in ("ours", "theirs"))
    for key, limits in (("top-1", (0.65, 0.80)), ("top-3", (0.88, 0.97))):
        values = {"mean of artists": ours.get(key)} if reading else {}
        beside = {"mean of artists": theirs[key]} if key in theirs else {}
        out.append(Target(f"visemes read by other artists' lip motion, {key}", *limits, values, True, beside))
    speaking = [f for f in real if f in baseline("cos visemes")]
    cos = medians(speaking, "visemes", "cos")
    out.append(Target("visemes of people, cos", 0.68, 0.75, cos, True, baseline("cos visemes")))
    out.append(above("visemes of people, cos over the inter-artist figure", cos, baseline("cos visemes")))
    off = {
        f"{vowel}, {preset}, {what}": off_by(ratio)
        for preset, vowels in figures.get("mouths", {}).items()
        for vowel, row in vowels.items()
        if row["artists"] >= ARTISTS
        for what, ratio in zip(FIGURES, row["ratio"], strict=True)
    }
    out.append(Target("mouths of vowels, factor off the median artist", 1.4, 1.2, off))
    held = front_pairs.holds(*all_pairs(families))
    share = {"share of rigs": sum(held.values()) / len(held)} if held else {}
    out.append(Target("no two visemes nearer than artists' nearest, from the front", 0.9, 1.0, share, True))
    for figure, higher, limits in (("cos", True, (0.90, 0.95, 0.88, 0.93)), ("rel", False, (0.45, 0.35, 0.52, 0.40))):
        mouth, units = medians(real, "mouth+jaw", figure), medians(real, "all units", figure)
        out.append(
            Target(f"{figure}, mouth and jaw units", *limits[:2], mouth, higher, baseline(f"{figure} mouth+jaw"))
        )
        out.append(Target(f"{figure}, all ARKit units", *limits[2:], units, higher, baseline(f"{figure} all")))
    out.append(
        above(
            "cos, all ARKit units over the inter-artist figure", medians(real, "all units", "cos"), baseline("cos all")
        )
    )
    found = {f: 1 - len(families[f]["lost"]) / len(families[f]["rigs"]) for f in animals}
    out.append(Target("animals found, share", 6 / 7, 1.0, found, True))
    units = {f: families[f]["units of those found"].get("all units", {}).get("cos") for f in animals}
    out.append(Target("cos, all units of animals found", 0.70, 0.80, units, True))
    for what, figure, limits in (
        ("landmarks but for brows, median", "median", (3.0, 2.0)), ("landmarks but for brows, p95", "p95", (9.0, 5.0)),
        ("brows, median", "brows", (6.0, 5.0)),
    ):  # fmt: skip
        errors = {f: row["errors"].get(figure) for f, row in families.items() if row.get("errors")}
        out.append(Target(f"{what}, % of eye distance", *limits, errors))
    rows = [row for figures in families.values() for own in figures.get("pieces", {}).values() for row in own]
    right, count = pieces.told(rows)
    share = {f"{right} of {count} pieces": right / count} if count else {}
    out.append(Target("pieces in mouth and eyes told rightly", 0.97, 1.0, share, True))
    worst = {f: max(families[f]["random blinks"]["open"], default=None) for f in anime}
    out.append(Target("eye that a blink leaves open, worst of random anime faces", 0.08, 0.02, worst))
    out.append(Target("Q95 on moving vertices, mm", 4.0, 2.9, medians(real, "all units", "q95")))
    out.append(
        Target("stray, mm", 0.05, 0.01, medians(real, "all units", "stray") | medians(anime, "visemes", "stray"))
    )
    gaps = figures["lip gaps"]
    out.append(Target("lip gap at PP, mm", 0.3, 0.3, {rig: row["pp"] for rig, row in gaps.items()}))
    opens = {rig: row["aa"] / row["aa of truth"] for rig, row in gaps.items() if row.get("aa of truth")}
    out.append(Target("aa opens, share of truth", 0.6, 0.6, opens, True))
    table = figures.get("robustness", {})
    cases = dict.fromkeys(name for rows in table.values() for name in rows)
    for what, key in (("all units", "all"), ("mouth and jaw", "mouth")):
        changes = {name: mean_change(table, name, key) for name in cases}
        out.append(Target(f"change of rel by mesh, {what}", CHANGE, 0.03, changes))
    wrong = {rig: row["right"] for rig, row in figures["acceptance"].items()}
    out.append(Target("rigs passed or refused as they should", 1.0, 1.0, wrong, True))
    return out


def off_by(ratio: float | None) -> float | None:
    """The factor, at least 1, by which a ratio is off 1 on either side; None for one that is not known or none."""
    return max(ratio, 1 / ratio) if ratio and ratio > 0 else None


def above(what: str, ours: Mapping[str, float | None], theirs: Mapping[str, float]) -> Target:
    """The target that no value lies below the inter-artist figure of the same family."""
    over = {name: None if value is None else value - theirs[name] for name, value in ours.items() if name in theirs}
    return Target(what, 0.0, 0.05, over, True)


def all_pairs(families: Mapping) -> tuple[dict[str, Mapping], dict[str, str]]:
    """Of all families by rig: what `front_pairs.measure` gives, and whose shapes the rig has."""
    rows: dict[str, Mapping] = {}
    artists: dict[str, str] = {}
    for figures in families.values():
        rows |= figures.get("front pairs", {})
        artists |= figures.get("artists", {})
    return rows, artists
