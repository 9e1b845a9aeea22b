"""The targets of the product, each with what was measured and a verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..data.families import is_toon
from .inter_artist_baseline import BEST
from .mouth_openings import FIGURES
from .robustness import mean_change

CHANGE = 0.08  # of rel by mesh


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

    def medians(members: list[str], group: str, figure: str) -> dict[str, float | None]:
        return {f: families[f].get("deformer", {}).get(group, {}).get(figure) for f in members}

    def baseline(figure: str) -> dict[str, float]:
        table = figures.get("inter_artist_baseline", {}).get("units", {})
        return {family: rows[BEST][figure] for family, rows in table.items() if figure in rows[BEST]}

    out = []
    for figure, higher, limits in (("cos", True, (0.90, 0.95, 0.85, 0.92)), ("rel", False, (0.45, 0.35, 0.55, 0.42))):
        mouth, units = medians(real, "mouth+jaw", figure), medians(real, "all units", figure)
        out.append(
            Target(f"{figure}, mouth and jaw units", *limits[:2], mouth, higher, baseline(f"{figure} mouth+jaw"))
        )
        out.append(Target(f"{figure}, all ARKit units", *limits[2:], units, higher, baseline(f"{figure} all")))
    out.append(Target("Q95 on moving vertices, mm", 4.0, 2.9, medians(real, "all units", "q95")))
    tops = {f: families[f]["viseme top-1"] for f in real if families[f].get("viseme top-1") is not None}
    out.append(Target("real visemes, top-1", 0.75, 0.90, tops, True, baseline("top-1")))
    anime = [family for family in families if is_toon(family)]
    out.append(Target("vowels of anime rigs, cos", 0.75, 0.85, medians(anime, "visemes", "cos"), True))
    out.append(
        Target("stray, mm", 0.05, 0.01, medians(real, "all units", "stray") | medians(anime, "visemes", "stray"))
    )
    gaps = figures["lip gaps"]
    out.append(Target("lip gap at PP, mm", 0.3, 0.3, {rig: row["pp"] for rig, row in gaps.items()}))
    opens = {rig: row["aa"] / row["aa of truth"] for rig, row in gaps.items() if row.get("aa of truth")}
    out.append(Target("aa opens, share of truth", 0.6, 0.6, opens, True))
    off = {
        f"{vowel}, {preset}, {what}": max(ratio, 1 / ratio) if ratio and ratio > 0 else None
        for preset, vowels in figures.get("mouths", {}).items()
        for vowel, row in vowels.items()
        for what, ratio in zip(FIGURES, row["ratio"], strict=True)
    }
    out.append(Target("mouths of vowels, factor off the median artist", 1.4, 1.2, off))
    table = figures.get("robustness", {})
    cases = dict.fromkeys(name for rows in table.values() for name in rows)
    for what, key in (("all units", "all"), ("mouth and jaw", "mouth")):
        changes = {name: mean_change(table, name, key) for name in cases}
        out.append(Target(f"change of rel by mesh, {what}", CHANGE, 0.03, changes))
    for figure, limits in (("median", (3.0, 2.0)), ("p95", (8.0, 5.0))):
        cases = {case: row.get(figure) for case, row in figures["landmarks"].items() if "left out" in case}
        out.append(Target(f"landmarks, {figure}, % of eye distance", *limits, cases))
    wrong = {rig: row["right"] for rig, row in figures["acceptance"].items()}
    out.append(Target("rigs passed or refused as they should", 1.0, 1.0, wrong, True))
    return out
