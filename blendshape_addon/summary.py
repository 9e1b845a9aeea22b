"""The result of a batch: a table for a spreadsheet and an HTML page with pictures."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from .core.messages import Message

# English in the table, which programs read, and as Blender's language has it on the page.
CRASHED, REFUSED, LOOK = Message("crashed"), Message("refused"), Message("look at it")
FINE, WAITING = Message("fine"), Message("not done yet")
_LEFT_OUT = Message("left out:")
_MEANING = {
    CRASHED: Message("Blender crashed, hung or was stopped; tried again by the next run"),
    REFUSED: Message("nothing was written"),
    LOOK: Message("written without the shapes that failed a check"),
    FINE: Message("all shapes made and checked"),
    WAITING: Message("the run was stopped; the same command goes on"),
}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c5362b; --good: #2a8a43; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 78rem; padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { margin: 2rem 0 .3rem; font-size: 1.15rem; }
.bar { display: flex; gap: 2rem; flex-wrap: wrap; margin: 1rem 0; }
.bar b { display: block; font-size: 1.7rem; line-height: 1.2; } .small { opacity: .7; font-size: .87rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .5rem .8rem .5rem 0; border-top: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.picture { width: 26rem; } img { width: 26rem; max-width: 100%; border-radius: 4px; display: block; }
td.name { overflow-wrap: anywhere; font-weight: 600; min-width: 9rem; } ul { margin: 0; padding-left: 1.1rem; }
.crashed, .refused, .look { color: var(--bad); } .fine { color: var(--good); }
"""


@dataclass(frozen=True)
class AvatarRow:
    """One avatar. shapes: as in a report; message: why there are none; picture: a JPEG file, which may be missing."""

    file: str
    state: str
    message: str = ""
    avatar: str = ""
    output: str = ""
    shapes: Sequence[dict] = ()
    notes: Sequence[str] = ()
    seconds: float | None = None
    picture: Path | None = None

    @property
    def failed(self) -> list[dict]:
        return [shape for shape in self.shapes if not shape["ok"]]

    @property
    def verdict(self) -> Message:
        """One line: why there is nothing, or how many shapes there are and which failed."""
        if not self.shapes:
            return Message(self.message)
        if not self.failed:
            return Message("{count} shapes, all passed", count=len(self.shapes))
        which = ", ".join(f"{shape['name']} ({'; '.join(shape['notes'])})" for shape in self.failed)
        return Message("{passed}; left out: {which}", passed=self.passed, which=which)

    @property
    def passed(self) -> Message:
        """How many shapes passed."""
        good, count = len(self.shapes) - len(self.failed), len(self.shapes)
        return Message("{good} of {count} shapes passed", good=good, count=count)


def rows_of(file: Path, entries: Sequence[dict], pictures: Path) -> Iterator[AvatarRow]:
    """The rows of one file: its report's entries, with thumbnails in the folder `pictures`, which may be
    mounted elsewhere, and with other slashes, on the machine that made them."""
    if not entries:
        yield AvatarRow(str(file), WAITING)
    for entry in entries:
        if "error" in entry:
            yield AvatarRow(str(file), CRASHED if entry.get("crashed") else REFUSED, entry["error"])
            continue
        picture = pictures / PureWindowsPath(entry["thumbnail"]).name
        kept = [Message("Kept your own {names}.", names=", ".join(entry["kept"]))] if entry["kept"] else []
        yield AvatarRow(
            str(file), FINE if entry["ok"] else LOOK, "", entry["avatar"], entry["output"], entry["shapes"],
            [*entry["notes"], *kept], sum(entry["seconds"].values()), picture,
        )  # fmt: skip


def count(rows: Sequence[AvatarRow]) -> str:
    """All rows in a line."""
    return f"{len(rows)} avatars: " + ", ".join(f"{number} {state}" for state, number in _counts(rows))


def _counts(rows: Sequence[AvatarRow]) -> list[tuple[str, int]]:
    found = [(state, sum(row.state == state for row in rows)) for state in _MEANING]
    return [(state, number) for state, number in found if number]


def table(rows: Sequence[AvatarRow]) -> str:
    """All rows as CSV, for a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["file", "state", "reason", "avatar", "shapes", "passed", "failed", "seconds", "output", "notes"]
    )  # fmt: skip
    for row in rows:
        writer.writerow([
            row.file, row.state, row.message, row.avatar, len(row.shapes), len(row.shapes) - len(row.failed),
            "; ".join(f"{shape['name']}: {', '.join(shape['notes'])}" for shape in row.failed),
            "" if row.seconds is None else f"{row.seconds:.2f}", row.output, " ".join(row.notes),
        ])  # fmt: skip
    return out.getvalue()


def page(rows: Sequence[AvatarRow], title: str, translate: Callable[[str], str] = str, language: str = "en") -> str:
    """All rows as one HTML page with its pictures inside, what needs a look first.

    translate: puts a Message into `language`, named as in HTML.
    """
    figures = "".join(
        f'<div><b class="{_kind(state)}">{number}</b>{translate(state)}<br>'
        f'<span class="small">{translate(_MEANING[state])}</span></div>'
        for state, number in _counts(rows)
    )
    sections = "".join(_section(state, [row for row in rows if row.state == state], translate) for state in _MEANING)
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(translate(title))}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{html.escape(translate(title))}</h1>\n"
        f'<div class="bar">{figures}</div>\n{sections}</body></html>\n'
    )


def _section(state: Message, rows: Sequence[AvatarRow], translate: Callable[[str], str]) -> str:
    if not rows:
        return ""
    lines = "".join(_line(row, translate) for row in rows)
    return f"<h2>{translate(state).capitalize()}</h2>\n<table>\n{lines}</table>\n"


def _line(row: AvatarRow, translate: Callable[[str], str]) -> str:
    said = html.escape(translate(row.verdict))
    if row.failed:
        said = f"{html.escape(translate(row.passed))}; {translate(_LEFT_OUT)}<ul>" + "".join(
            f"<li>{html.escape(shape['name'])}: {html.escape('; '.join(shape['notes']))}</li>" for shape in row.failed
        )
        said += "</ul>"
    notes = f'<div class="small">{html.escape(" ".join(map(translate, row.notes)))}</div>' if row.notes else ""
    name = html.escape(row.file) + (f'<div class="small">{html.escape(row.avatar)}</div>' if row.avatar else "")
    seconds = "" if row.seconds is None else f"{row.seconds:.1f} s"
    return (
        f'<tr><td class="name">{name}</td><td><span class="{_kind(row.state)}">{said}</span>{notes}</td>'
        f'<td class="number">{seconds}</td><td class="picture">{_image(row.picture)}</td></tr>\n'
    )


def _image(picture: Path | None) -> str:
    if not picture or not picture.is_file():
        return ""
    return f'<img loading="lazy" alt="" src="data:image/jpeg;base64,{base64.b64encode(picture.read_bytes()).decode()}">'


def _kind(state: str) -> str:
    return state.partition(" ")[0]
