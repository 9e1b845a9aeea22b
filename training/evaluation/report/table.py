"""A table that can be printed and put on a page."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = "–"


def number(value: float | None, form: str = ".2f") -> str:
    """A figure as text; a dash for one that is not known."""
    return NOTHING if value is None or not math.isfinite(value) else format(value, form)


@dataclass(frozen=True)
class Table:
    """rows of texts below `head`; note: how to read it. classes: of a row, by its number, for the page's colours."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    classes: Sequence[str] = ()

    def text(self) -> str:
        """As lines of columns, figures to the right."""
        rows = [self.head, *self.rows]
        widths = [max(len(row[c]) for row in rows) for c in range(len(self.head))]
        right = [self._is_figures(c) for c in range(len(self.head))]
        lines = [
            "  "
            + "  ".join(v.rjust(w) if r else v.ljust(w) for v, w, r in zip(row, widths, right, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([f"\n{self.title}", *lines, *([f"  {self.note}"] if self.note else [])])

    def html(self) -> str:
        """As an HTML table with its note."""

        def cells(row: Sequence[str], tag: str) -> str:
            kinds = [' class="figure"' if self._is_figures(c) else "" for c in range(len(self.head))]
            return "".join(f"<{tag}{k}>{html.escape(v)}</{tag}>" for k, v in zip(kinds, row, strict=True))

        classes = self.classes or [""] * len(self.rows)
        body = "\n".join(
            f'<tr class="{kind}">{cells(row, "td")}</tr>' for kind, row in zip(classes, self.rows, strict=True)
        )
        note = f'<p class="note">{html.escape(self.note)}</p>' if self.note else ""
        return f"<table><thead><tr>{cells(self.head, 'th')}</tr></thead>\n<tbody>\n{body}\n</tbody></table>\n{note}"

    def _is_figures(self, column: int) -> bool:
        cells = [row[column] for row in self.rows if row[column] not in ("", NOTHING)]
        return bool(cells) and all(cell[0] in "+-−.0123456789≥≤" and len(cell) < 12 for cell in cells)
