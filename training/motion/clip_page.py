"""One page of the figures of a clip, with nothing outside the file: pictures inside, curves as SVG, no script."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .clip_figures import READERS

STYLE = """
:root { color-scheme: light; } body { font: 16px/1.5 system-ui, sans-serif; color: #1c2430; background: #fff;
  margin: 0 auto; max-width: 62rem; padding: 1.5rem; }
h1 { font-size: 1.7rem; } h2 { border-top: 1px solid #dfe3e8; padding-top: 1rem; }
table { border-collapse: collapse; font-size: .9rem; } td, th { padding: .2rem .7rem; border-bottom: 1px solid #dfe3e8;
  text-align: right; font-variant-numeric: tabular-nums; } td:first-child, th:first-child { text-align: left; }
img { max-width: 100%; } .curves { display: flex; flex-wrap: wrap; gap: .8rem; } figure { margin: 0; }
figcaption, .note { color: #57606a; font-size: .85rem; } svg { background: #f6f8fa; }
"""
_WIDTH, _HEIGHT = 290, 70  # of a curve, pixels


@dataclass(frozen=True)
class Page:
    """What a page shows. title: the clip's name; facts: lines about it; movie: bytes of a .webp; tables: by heading,
    rows of cells, the first one the head; curves: by unit, (F,) values read and, where known, true."""

    title: str
    facts: Sequence[str]
    movie: bytes
    tables: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    curves: Mapping[str, tuple[np.ndarray, np.ndarray | None]] = field(default_factory=dict)


def write(page: Page) -> str:
    """The page as HTML."""
    parts = [
        f"<h1>{html.escape(page.title)}</h1>",
        *(f"<p>{html.escape(fact)}</p>" for fact in page.facts),
        f'<img alt="the clip with landmarks and bars of units" src="data:image/webp;base64,'
        f'{base64.b64encode(page.movie).decode()}">',
        '<p class="note">Bars: blue is what is keyed, the orange line below what is true, where it is known. A red '
        "frame is one without a face.</p>",
    ]
    for heading, rows in page.tables.items():
        parts += [f"<h2>{html.escape(heading)}</h2>", _table(rows)]
    if page.curves:
        parts += ["<h2>Units over time</h2>", '<div class="curves">']
        parts += [_curve(name, *values) for name, values in page.curves.items()]
        parts.append("</div>")
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(page.title)}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def unit_rows(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[list[str]]:
    """MAE and R² of units by reader, as rows of cells."""
    head = ["unit", *(f"{reader}: {name}" for reader in READERS for name in ("MAE", "R²"))]
    cells = [
        [unit, *(text for one in READERS for text in (f"{readers[one]['MAE']:.3f}", f"{readers[one]['R2']:.2f}"))]
        for unit, readers in rows.items()
    ]
    return [head, *cells]


def figure_rows(values: Mapping[str, float]) -> list[list[str]]:
    """Figures by name, as rows of cells."""
    return [["figure", "value"], *([name, f"{value:.3g}"] for name, value in values.items())]


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = ["".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
             for tag, row in (("th", head), *(("td", row) for row in body))]  # fmt: skip
    return "<table>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def _curve(name: str, read: np.ndarray, true: np.ndarray | None) -> str:
    lines = [_line(read, "#1558c0")] if true is None else [_line(true, "#c87814"), _line(read, "#1558c0")]
    return (
        f'<figure><svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{html.escape(name)}">{"".join(lines)}'
        f"</svg><figcaption>{html.escape(name)}</figcaption></figure>"
    )


def _line(values: np.ndarray, colour: str) -> str:
    across = np.linspace(2, _WIDTH - 2, len(values))
    down = _HEIGHT - 2 - np.clip(values, 0, 1) * (_HEIGHT - 4)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'
