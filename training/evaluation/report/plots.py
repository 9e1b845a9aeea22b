"""The plots of an evaluation, each a PNG beside its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from blendshape_addon.core.vocabulary import CONDITIONS

from ...data.families import fold_title
from ..inter_artist_baseline import BEST
from ..regions import REGIONS
from ..robustness import mean_change
from ..run import SETS
from ..targets import CHANGE

OURS, TEMPLATE, BASELINE = "#1f6feb", "#9aa4b2", "#d9730d"
MARKS = {
    "deformer": {"color": OURS, "marker": "o", "s": 34},
    "template": {"color": TEMPLATE, "marker": "s", "s": 20},
    "inter-artist baseline": {"color": BASELINE, "marker": "|", "s": 90, "linewidths": 2},
}
STYLE = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#e5e8ec", "legend.frameon": False, "axes.titlesize": 11, "axes.titleweight": "bold",
}  # fmt: skip
FAR = 2.0  # rel: what is worse is drawn at the edge


def overview(results: Mapping) -> Figure | None:
    """cos and rel of each family and set of shapes, beside the template and the inter-artist baseline."""
    baseline = results.get("inter_artist_baseline", {}).get("units", {})
    rows = []
    for family, one in results["families"].items():
        best = baseline.get(family, {}).get(BEST, {})
        for group in SETS:
            made = {method: one[method][group] for method in MARKS if group in one.get(method, {})}
            if made:
                made["inter-artist baseline"] = {
                    key: best.get(f"{key} {group.replace(' units', '')}") for key in ("cos", "rel")
                }
                rows.append((f"{fold_title(family)}, {group}", made))
    if not rows:
        return None
    figure, axes = _figure(10, 1.2 + 0.34 * len(rows), 2)
    for axis, key in zip(axes, ("cos", "rel"), strict=True):
        values = {method: [made.get(method, {}).get(key) for _, made in rows] for method in MARKS}
        _dots(axis, [label for label, _ in rows], values, key)
    _legend(figure, axes[0])
    return figure


def shapes(figures: Mapping, baseline: Mapping[str, float]) -> Figure | None:
    """cos and rel of every shape of one family, mean of its rigs. baseline: cos by unit."""
    names = [n for n in CONDITIONS if any(n in one["deformer"] for one in figures["shapes"].values())]
    if not names:
        return None

    def mean(method: str, name: str, key: str) -> float | None:
        values = [one[method][name][key] for one in figures["shapes"].values() if name in one.get(method, {})]
        return float(np.mean(values)) if values else None

    names.sort(key=lambda name: -mean("deformer", name, "cos"))
    figure, axes = _figure(10, 1.2 + 0.19 * len(names), 2)
    for axis, key in zip(axes, ("cos", "rel"), strict=True):
        values = {method: [mean(method, name, key) for name in names] for method in ("deformer", "template")}
        best = [baseline.get(name) for name in names]
        values["inter-artist baseline"] = (
            best if key == "cos" else [None if c is None else (1 - max(c, 0) ** 2) ** 0.5 for c in best]
        )
        _dots(axis, names, values, key)
        axis.tick_params(axis="y", labelsize=7.5)
    _legend(figure, axes[0])
    return figure


def regions(results: Mapping) -> Figure | None:
    """Shares of error and of motion by region, two bars per rig."""
    rigs = {rig: parts for one in results["families"].values() for rig, parts in one["regions"].items() if parts}
    if not rigs:
        return None
    figure, (axis,) = _figure(9, 1.3 + 0.62 * len(rigs), 1)
    colours, shown = mpl.colormaps["tab10"], set()
    for row, parts in enumerate(rigs.values()):
        for shift, key in ((-0.2, "share of error"), (0.2, "share of motion")):
            shares = np.array([parts.get(region, {}).get(key) or 0.0 for region in REGIONS])
            shown |= set(np.flatnonzero(shares > 0.005 * shares.sum()))
            ends = np.cumsum(shares / max(shares.sum(), 1e-12))
            for n, (end, share) in enumerate(zip(ends, np.diff(ends, prepend=0), strict=True)):
                axis.barh(row + shift, share, 0.34, end - share, color=colours(n), alpha=1 if shift < 0 else 0.45)
            axis.text(1.01, row + shift, key.removeprefix("share of "), va="center", fontsize=8)
    axis.set_yticks(range(len(rigs)), list(rigs))
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    axis.xaxis.set_major_formatter("{x:.0%}")
    handles = [mpl.patches.Patch(color=colours(n), label=region) for n, region in enumerate(REGIONS) if n in shown]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(shown), fontsize=8)
    return figure


def robustness(results: Mapping) -> Figure | None:
    """Mean change of rel by augmentation, with the rigs as dots."""
    table = results.get("robustness", {})
    names = list(dict.fromkeys(name for rows in table.values() for name in rows))
    if not names:
        return None
    figure, (axis,) = _figure(9, 1.2 + 0.32 * len(names), 1)
    places = np.arange(len(names))
    for shift, key, colour, label in (
        (-0.19, "all", OURS, "landmarks labelled"), (0.19, "found", BASELINE, "face found by the tool"),
    ):  # fmt: skip
        means = [mean_change(table, name, key) for name in names]
        axis.barh(places + shift, [m or 0 for m in means], 0.36, color=colour, label=label)
    for rows in table.values():
        there = [n for n, name in enumerate(names) if name in rows]
        axis.scatter([rows[names[n]]["all"] for n in there], np.array(there) - 0.19, s=9, color="black", zorder=3)
    axis.axvspan(-CHANGE, CHANGE, color="#e8f3ea", zorder=0)
    axis.set_yticks(places, names)
    axis.invert_yaxis()
    axis.set_xlabel("change of the median rel; below 0 is better than the untouched face")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def landmarks(results: Mapping) -> Figure | None:
    """Share of landmarks that are nearer than an error, by family left out."""
    curves = {
        family: np.sort([e for errors in one["landmark errors"].values() for e in errors]) * 100
        for family, one in results["families"].items()
        if one["landmark errors"]
    }
    if not curves:
        return None
    figure, (axis,) = _figure(8, 4.2, 1)
    for n, (family, errors) in enumerate(curves.items()):
        axis.step(errors, np.arange(1, len(errors) + 1) / len(errors), color=mpl.colormaps["tab10"](n), lw=2,
                  label=f"{fold_title(family)}: median {np.median(errors):.1f} %", where="post")  # fmt: skip
    axis.set_xscale("log")
    axis.set_xlim(0.5, 60)
    axis.set_ylim(0, 1)
    axis.set_xticks([0.5, 1, 2, 3, 5, 8, 15, 30, 60], ["0.5", "1", "2", "3", "5", "8", "15", "30", "60"])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter("{x:.0%}")
    axis.set_xlabel("error, % of the eye distance")
    axis.set_ylabel("share of landmarks")
    axis.legend(loc="lower right")
    return figure


def training(results: Mapping) -> Figure | None:
    """The loss of each training whose curve was kept."""
    curves = results.get("curves", {})
    if not curves:
        return None
    figure, (axis,) = _figure(8, 3.8, 1)
    for n, (name, points) in enumerate(curves.items()):
        steps, loss = np.array(points).T
        smooth = np.convolve(np.pad(loss, 4, "edge"), np.ones(9) / 9, "valid")
        axis.plot(steps, loss, color=mpl.colormaps["tab10"](n), alpha=0.2, lw=1)
        axis.plot(steps, smooth, color=mpl.colormaps["tab10"](n), lw=1.8, label=name)
    axis.set_xlabel("step")
    axis.set_ylabel("reconstruction, rel")
    axis.legend()
    return figure


def draw(results: Mapping, folder: Path) -> dict[str, str]:
    """Write every plot that there are figures for; file name by plot name, those of shapes by `shapes FAMILY`."""
    baseline = results.get("inter_artist_baseline", {}).get("shapes", {})
    plots: dict[str, Callable[[], Figure | None]] = {
        plot.__name__: partial(plot, results) for plot in (overview, regions, robustness, landmarks, training)
    }
    for family, figures in results["families"].items():
        plots[f"shapes {family}"] = partial(shapes, figures, baseline.get(family, {}))
    written = {}
    with mpl.rc_context(STYLE):
        for name, plot in plots.items():
            if figure := plot():
                written[name] = f"plot_{name.replace(' ', '_')}.png"
                figure.savefig(folder / written[name], dpi=150)
    return written


def _figure(width: float, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    figure = Figure((width, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, sharey=True, squeeze=False)[0])


def _dots(axis: Axes, labels: list[str], values: Mapping[str, list[float | None]], key: str) -> None:
    """One row per label with a mark per method; better is to the right in both figures, for rel runs backwards."""
    far = FAR if key == "rel" else None
    for method, row in values.items():
        there = [n for n, v in enumerate(row) if v is not None]
        if not there:
            continue
        x = np.array([row[n] for n in there], float)
        x = np.minimum(x, far) if far else x
        axis.scatter(x, there, label=method, zorder=3 if method == "deformer" else 2, clip_on=False, **MARKS[method])
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.set_title(key)
    if key == "rel":
        axis.axvline(1, color="#666", lw=1, ls="--")
        axis.set_xlim(FAR, 0)
        axis.set_xlabel("better → (dashes: doing nothing)")
    else:
        axis.set_xlim(min(0, *(v for row in values.values() for v in row if v is not None)), 1)
        axis.set_xlabel("better →")


def _legend(figure: Figure, axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
