"""index.html of an evaluation: figures first, then faces to look at, then how it was measured."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path

from ...data.families import evaluated, fold_title
from ..targets import targets
from . import plots, tables
from .table import Table

CAPTIONS = {
    "overview": "Medians of each family that was left out. Blue is the network, grey a template transfer from the "
    "nearest other family, orange the inter-artist baseline: what another artist's own shapes would get. "
    "A rel above 2 is drawn at the edge.",
    "landmarks": "How far the landmarks are off that the tool found on rigs whose family it never saw.",
    "regions": "Where the error lies (strong colours) and where the true motion is (pale), by region of the face.",
    "robustness": "The same faces on other meshes and with other proportions. The green band is the target; black dots "
    "are single rigs with labelled landmarks.",
    "training": "Loss while training, with each family left out and with all.",
}
METHOD = """
<p>For every family of rigs a network was trained on the others alone, and so was the face finder. The whole pipeline
then ran on the left-out rigs as on any avatar: it found the face, made the shapes, refined and checked
them. Each shape is
compared with the artist's own, vertex by vertex:</p>
<dl>
<dt>rel</dt><dd>length of the error over the length of the true motion; doing nothing scores 1, less is better</dd>
<dt>cos</dt><dd>how well the direction of the motion fits, whatever its size; 1 is perfect</dd>
<dt>mm, q95</dt><dd>mean and 95th percentile error where the truth moves more than 0.5 mm, with the eyes 63 mm
apart</dd>
<dt>stray</dt><dd>mean motion in mm where the truth stands still</dd>
<dt>template</dt><dd>a thin-plate transfer of the nearest other family's shapes, with the same landmarks</dd>
<dt>baseline</dt><dd>the shapes of whichever other artist fits best, carried over with no network: artists differ by as
much</dd>
</dl>
"""
STYLE = """
:root { color-scheme: light; --line: #dfe3e8; --good: #1a7f37; --bad: #b42318; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1c2430; background: #fff; margin: 0 auto; max-width: 68rem;
  padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; margin: .5rem 0; } h2 { margin: 2.8rem 0 .6rem; border-top: 1px solid var(--line);
  padding-top: 1.4rem; } h3 { margin: 1.8rem 0 .4rem; }
nav a { margin-right: 1.1rem; } a { color: #1558c0; }
.lead { font-size: 1.1rem; } .note, figcaption { color: #57606a; font-size: .9rem; }
table { border-collapse: collapse; font-size: .9rem; margin: .6rem 0; display: block; overflow-x: auto; }
th, td { padding: .22rem .7rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid #9aa4b2; } .figure { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
tr.good td:nth-child(4), tr.good td:nth-child(2) { color: var(--good); }
tr.bad td:nth-child(4), tr.bad td:nth-child(2) { color: var(--bad); font-weight: 600; }
table.verdicts td:nth-child(2) { color: inherit; font-weight: inherit; }
figure { margin: 1rem 0 1.8rem; } img { max-width: 100%; height: auto; }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; }
code, pre { background: #f3f5f7; border-radius: 4px; padding: .1rem .3rem; } pre { padding: .8rem; overflow-x: auto; }
dt { font-weight: 600; float: left; clear: left; width: 5.5rem; } dd { margin: 0 0 .4rem 5.5rem; }
"""


def write(results: Mapping, folder: Path) -> None:
    """Draw the plots and index.html of `results` into the folder where the sheets are."""
    drawn = plots.draw(results, folder)
    parts = [
        f"<h1>How good the shapes are on faces never seen</h1>\n{_lead(results)}",
        '<nav><a href="#figures">Figures</a><a href="#faces">Faces</a><a href="#tables">All tables</a>'
        '<a href="#method">How it was measured</a></nav>',
        '<h2 id="figures">Figures</h2>',
        *(_figure(drawn[name], CAPTIONS[name]) for name in ("overview",) if name in drawn),
        tables.glance(results).html(),
        "<h3>Targets and verdicts</h3>",
        tables.verdicts(results).html().replace("<table>", '<table class="verdicts">', 1),
        *(_figure(drawn[name], CAPTIONS[name]) for name in CAPTIONS if name in drawn and name != "overview"),
        "<h3>Shape by shape</h3>",
        *(_folded(fold_title(family), _figure(drawn[f"shapes {family}"], _of_shapes(figures)))
          for family, figures in results["families"].items() if f"shapes {family}" in drawn),
        '<h2 id="faces">Faces to look at</h2>',
        "<p>Every second row is the artist's own. Click for full size.</p>",
        *(_sheet(**sheet) for sheet in results["sheets"]),
        '<h2 id="tables">All tables</h2>',
        *(_folded(table.title, table.html()) for table in everything(results)),
        '<h2 id="method">How it was measured</h2>',
        METHOD,
        _origin(results["origin"]),
    ]  # fmt: skip
    title = "Evaluation of the blendshape generator"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join(parts)
    text = (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )
    (folder / "index.html").write_text(text, encoding="utf-8")


def everything(results: Mapping) -> list[Table]:
    """Every table that there are figures for, in the order they are read."""
    families = results["families"]
    out = [tables.family(name, figures) for name, figures in families.items()]
    if "inter_artist_baseline" in results:
        baseline = results["inter_artist_baseline"]
        out += [tables.baseline_units(baseline), tables.baseline_visemes(baseline)]
    out += tables.of_all_families(results)
    return [table for table in out if table.rows]


def _lead(results: Mapping) -> str:
    """The summary of the page, with its figures."""
    rows = [row for row in targets(results) if row.verdict != "not measured"]
    met = sum(row.verdict != "NOT MET" for row in rows)
    beaten, pairs = _beaten(results["families"])
    names = ", ".join(fold_title(family) for family in results["families"])
    right = sum(row["right"] for row in results["acceptance"].values())
    summary = (
        f"Each family of rigs was left out of training in turn ({names}), and the tool was run on it as on any "
        f"avatar. It comes nearer to the artist's shapes than a template transfer in {beaten} of {pairs} pairs of "
        f"a family and a kind of shapes; {met} of {len(rows)} targets are met. The shipped models did the right thing "
        f"on {right:.0f} of {len(results['acceptance'])} rigs without a click."
    )
    missing = [fold_title(family) for family in evaluated() if family not in results["families"]]
    gone = f"<p>Not measured this time: {', '.join(missing)}.</p>" if missing else ""
    return f'<p class="lead">{html.escape(summary)}</p>{gone}'


def _beaten(families: Mapping) -> tuple[int, int]:
    """In how many pairs of family and set the network's rel is below the template's, and of how many."""
    pairs = [
        (row["rel"], one["template"][group]["rel"])
        for one in families.values()
        for group, row in one.get("deformer", {}).items()
        if group in one.get("template", {})
    ]
    return sum(ours < other for ours, other in pairs), len(pairs)


def _of_shapes(figures: Mapping) -> str:
    return f"Every shape of {' and '.join(figures['shapes'])}, the best direction first; marks as above."


def _figure(file: str, caption: str) -> str:
    text = html.escape(caption)
    return (
        f'<figure><img src="{html.escape(file)}" alt="{text}" loading="lazy"><figcaption>{text}</figcaption></figure>'
    )


def _sheet(file: str, title: str, note: str) -> str:
    link = html.escape(file)
    return (
        f'<figure><h3>{html.escape(title)}</h3><a href="{link}"><img src="{link}" alt="{html.escape(title)}" '
        f'loading="lazy"></a><figcaption>{html.escape(note)}</figcaption></figure>'
    )


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{html.escape(title)}</summary>\n{content}\n</details>"


def _origin(origin: Mapping) -> str:
    hashes = "".join(
        f"<li>{html.escape(name)}: <code>{html.escape(digest)}</code></li>" for name, digest in origin["models"].items()
    )
    versions = ", ".join(f"{name} {version}" for name, version in origin["versions"].items())
    return (
        f"<h3>Again</h3><p>It took {origin['minutes']:.0f} minutes. The same command with the same models gives the "
        f'same figures; <code>--page-only</code> draws this page anew from <a href="results.json">results.json</a>.</p>'
        f"<pre>{html.escape(origin['command'])}</pre>"
        f'<p>Models (SHA-256):</p><ul>{hashes}</ul><p class="note">{html.escape(versions)}</p>'
    )
