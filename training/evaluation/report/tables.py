"""The tables of an evaluation, each from its results alone."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...data.families import fold_title
from .. import front_pairs, mouth_openings, viseme_reading
from ..inter_artist_baseline import BEST
from ..robustness import mean_change
from ..run import METHODS, SETS
from ..targets import Target, all_pairs, targets
from .table import NOTHING, Table, number

COLUMNS = ("rel", "cos", "cos seen", "amplitude", "upper amplitude", "mm", "q95")


def family(name: str, figures: Mapping) -> Table:
    """Medians of one family that was left out, by set of shapes and method."""
    top = figures["viseme top-1"]
    rows = [
        (group, method, *(number(row.get(k)) for k in COLUMNS), number(row["stray"], ".3f"))
        for group in SETS
        for method in METHODS
        if (row := figures.get(method, {}).get(group))
    ]
    note = f"{figures['landmarks'].capitalize()} landmarks." + (f" Viseme top-1 {top:.0%}." if top is not None else "")
    note += "".join(f" {rig}: {why}" for rig, why in figures["lost"].items())
    return Table(f"{fold_title(name)} left out", ("shapes", "method", *COLUMNS, "stray"), rows, note)


def regions(families: Mapping) -> Table:
    """Where on each rig the error is."""
    rows = [
        (rig, region, number(row["share of error"], ".0%"), number(row["share of motion"], ".0%"), number(row["rel"]))
        for figures in families.values()
        for rig, parts in figures["regions"].items()
        for region, row in parts.items()
    ]
    note = "Medians over the units: share of the squared error, share of the true motion, and rel inside the region."
    return Table("Where the error is", ("rig", "region", "of the error", "of the motion", "rel"), rows, note)


def lips(gaps: Mapping) -> Table:
    """How far the lips are apart at PP and aa."""
    rows = [(rig, *(number(row.get(k), ".1f") for k in ("pp", "aa", "aa of truth"))) for rig, row in gaps.items()]
    return Table("Gap between the lips, mm", ("rig", "PP", "aa", "aa of truth"), rows)


def baseline_units(table: Mapping) -> Table:
    """One artist's units on another's face."""
    keys = ("cos mouth+jaw", "cos all", "cos skin", "rel mouth+jaw", "rel all")
    rows = [
        (target, source, *(number(row[k]) for k in keys), number(row["amplitude"]),
         f"{row['amplitude 10 %']:.2f} to {row['amplitude 90 %']:.2f}")
        for target, sources in table["units"].items()
        for source, row in sources.items()
    ]  # fmt: skip
    note = "cos of mouth and jaw units, of all, and of all on the skin alone; rel as if each amplitude were known."
    return Table(
        "Inter-artist baseline: one artist's units on another's face, no network",
        ("onto", "from", "cos mouth", "cos all", "cos skin", "rel mouth", "rel all", "amplitude", "10 % to 90 %"),
        rows,
        note,
    )


def baseline_visemes(table: Mapping) -> Table:
    """One artist's recipes over another's units."""
    rows = [
        (target, source, number(row["cos"]), number(row["top-1"], ".0%"))
        for target, sources in table["visemes"].items()
        for source, row in sources.items()
    ]
    title = "Inter-artist baseline of visemes: one artist's recipes over the other's own true units"
    return Table(title, ("onto", "recipes of", "cos", "top-1"), rows)


def robustness(table: Mapping) -> Table:
    """Change of rel by augmentation: by rig, and the means of all units, of mouth and of all with the face found."""
    rows = []
    for name in dict.fromkeys(n for rows in table.values() for n in rows):
        cells = [number(row[name]["all"], "+.2f") if name in row else NOTHING for row in table.values()]
        means = [mean_change(table, name, key) for key in ("all", "mouth", "found")]
        lost = "face lost" if means[2] is not None and math.isnan(means[2]) else number(means[2], "+.2f")
        rows.append((name, *cells, *(number(m, "+.2f") for m in means[:2]), lost))
    note = (
        "Change of the median rel of all units against the untouched rig, with labelled landmarks; then the means over "
        "the rigs of that, of mouth and jaw alone, and of all with the face found."
    )
    return Table("Robustness", ("change", *table, "mean", "mouth", "found"), rows, note)


def acceptance(rows: Mapping) -> Table:
    """The shipped models on every rig."""
    cells = [(rig, "ok" if row["right"] else "NOT", row["said"]) for rig, row in rows.items()]
    kinds = ["good" if row["right"] else "bad" for row in rows.values()]
    return Table("The shipped models on every rig, no click", ("rig", "", "what happened"), cells, "", kinds)


def faces(families: Mapping) -> Table:
    """Of each family that was left out: faces found, and how far their landmarks are off."""
    cells = [
        (fold_title(name), str(len(row["rigs"])), str(len(row["rigs"]) - len(row["lost"])),
         *(number(row["errors"].get(k), ".1f") for k in ("median", "p95", "brows")))
        for name, row in families.items()
        if "errors" in row
    ]  # fmt: skip
    note = "In % of the eye distance, median and 95th percentile of all landmarks but the brows, and the brows' median."
    return Table("Faces found without help", ("family", "rigs", "found", "landmarks", "95 %", "brows"), cells, note)


def reading(rows: Mapping) -> Table:
    """Visemes named by the lip motion that other artists give them."""
    keys = ("top-1", "top-3")
    cells = [
        (artist, str(row["rigs"]), str(row["visemes"]),
         *(number(row[side][k], ".0%") if row[side] else NOTHING for side in ("theirs", "ours") for k in keys))
        for artist, row in rows.items()
    ]  # fmt: skip
    means = [viseme_reading.overall(rows, side).get(k) for side in ("theirs", "ours") for k in keys]
    if cells:
        cells.append(("mean of artists", "", "", *(number(value, ".0%") for value in means)))
    note = (
        "Sixteen landmarks of mouth and chin; each viseme is named after the nearest, by cosine, of the other artists' "
        "mean motions, among those that the artist drew."
    )
    head = ("artist", "rigs", "visemes", "artist's, top-1", "top-3", "ours, top-1", "top-3")
    return Table("Visemes read by other artists' lip motion", head, cells, note)


def pairs(families: Mapping) -> Table:
    """The two visemes that look most alike from the front, ours and the artist's."""

    def shown(row: Mapping | None) -> tuple[str, str]:
        return (number(row["apart"], ".3f"), " ".join(name[6:] for name in row["pair"])) if row else (NOTHING, NOTHING)

    cells = [
        (rig, *shown(row["ours"]), *shown(row["theirs"]))
        for figures in families.values()
        for rig, row in figures.get("front pairs", {}).items()
    ]
    limit = front_pairs.limit(*all_pairs(families))
    note = "In widths of the mouth, mean over the skin around it." + (
        f" Of the median artist {limit:.3f}." if limit is not None else ""
    )
    return Table("Visemes that look most alike from the front", ("rig", "ours", "", "artist's", ""), cells, note)


def blinks(families: Mapping) -> Table:
    """How much of an eye a blink leaves open."""
    cells = [
        (rig, number(row["ours"], ".1%"), number(row["theirs"], ".1%"))
        for figures in families.values()
        for rig, row in figures.get("blinks", {}).items()
        if row["theirs"] is not None
    ]
    for name, figures in families.items():
        row = figures.get("random blinks")
        if row and row["open"]:
            text = f"{len(row['open'])} random faces of {fold_title(name)}, worst; {row['lost']} not found"
            cells.append((text, number(max(row["open"]), ".1%"), NOTHING))
    note = "Share of what is seen of the eye at rest, from the front, that is still seen; of two eyes the greater."
    return Table("Eye that a blink leaves open", ("rig", "ours", "artist's"), cells, note)


def pieces_told(families: Mapping) -> Table:
    """What the product takes loose pieces for."""
    counts: dict[tuple[str, str, str], int] = {}
    for figures in families.values():
        for rig, rows in figures.get("pieces", {}).items():
            for row in rows:
                key = rig, row["truth"], row["part"]
                counts[key] = counts.get(key, 0) + 1
    cells = [(*key, str(count)) for key, count in counts.items()]
    note = "What a piece is, its artist's own jaw and blink say; with labelled landmarks."
    return Table("Loose pieces in mouth and eyes", ("rig", "it is", "taken for", "pieces"), cells, note)


def of_all_families(results: Mapping) -> list[Table]:
    """What follows the tables of single families."""
    families = results["families"]
    return [
        faces(families), reading(results.get("reading", {})), mouths(results.get("mouths", {})), pairs(families),
        blinks(families), pieces_told(families), regions(families), lips(results["lip gaps"]),
        acceptance(results["acceptance"]), robustness(results.get("robustness", {})),
    ]  # fmt: skip


def mouths(summary: Mapping) -> Table:
    """How far the vowels open the mouth and how wide it is, as artists draw them and as they are made."""
    cells = [
        (preset.capitalize(), vowel, str(row["artists"]), what,
         *(number(row[which][n]) for which in ("theirs", "least", "most", "ours", "ratio")))
        for preset, vowels in summary.items()
        for vowel, row in vowels.items()
        for n, what in enumerate(mouth_openings.FIGURES)
    ]  # fmt: skip
    head = ("style", "vowel", "artists", "", "artists, median", "least", "most", "ours", "ratio")
    note = "In widths of the mouth at rest, at its middle; of an artist with several faces, their median."
    return Table("How far vowels open the mouth", head, cells, note)


def verdicts(results: Mapping) -> Table:
    """Every target; of many values only those that miss it are named."""
    rows = targets(results)
    kinds = {"goal": "good", "met": "good", "NOT MET": "bad", "not measured": ""}
    cells = [
        (row.what, ("≥ " if row.higher else "≤ ") + number(row.required), number(row.goal), row.verdict, _values(row))
        for row in rows
    ]
    return Table(
        "Targets", ("what", "required", "goal", "verdict", "measured"), cells, "", [kinds[row.verdict] for row in rows]
    )


def _values(row: Target) -> str:
    shown = row.values
    if len(shown) > 5:
        shown = {
            k: v
            for k, v in shown.items()
            if not Target("", row.required, row.goal, {k: v}, row.higher).reaches(row.required)
        }
    text = ", ".join(
        f"{k} {number(v)}" + (f" (baseline {number(row.baseline[k])})" if k in row.baseline else "")
        for k, v in shown.items()
    )
    if len(shown) == len(row.values):
        return text
    return f"{len(row.values) - len(shown)} of {len(row.values)}" + (f"; not {text}" if text else "")


def glance(results: Mapping) -> Table:
    """One line per family: what a reader asks first."""
    rows = []
    for name, figures in results["families"].items():
        best = results.get("inter_artist_baseline", {}).get("units", {}).get(name, {}).get(BEST, {})
        for group, key in (("mouth+jaw",) * 2, ("all units", "all"), ("visemes",) * 2, ("emotions", "")):
            ours, template = (figures.get(method, {}).get(group) for method in ("deformer", "template"))
            if ours:
                other = [number(template[k]) if template else NOTHING for k in ("rel", "cos")]
                baseline = [number(best.get(f"{k} {key}")) for k in ("rel", "cos")]
                pairs = zip((ours["rel"], ours["cos"]), other, baseline, strict=True)
                rows.append(
                    (
                        fold_title(name),
                        group,
                        *(c for v, t, f in pairs for c in (number(v), t, f)),
                        number(ours["mm"], ".1f"),
                    )
                )
    head = (
        "left out",
        "shapes",
        "rel",
        "rel, template",
        "rel, baseline",
        "cos",
        "cos, template",
        "cos, baseline",
        "mm",
    )
    note = (
        "rel: the error's length over the true motion's, 0 is perfect and 1 is doing nothing. cos: how well the "
        "direction fits, 1 is perfect. mm: mean error where the face truly moves, on an adult's face."
    )
    return Table("At a glance", head, rows, note)
