"""Parts of documents that are written by programs."""

from __future__ import annotations

from pathlib import Path

from blendshape_addon.core.errors import InputError

from .atomic_files import atomic_write


def write_between(path: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands between two lines of a Markdown document. Raises InputError for one that lacks them."""
    document = path.read_text(encoding="utf-8") if path.is_file() else ""
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise InputError(
            "{file} has no place for figures: put the lines {begin} and {end} into it.", file=path, begin=begin, end=end
        )
    atomic_write(path, f"{before}{begin}\n\n{text}\n\n{end}{after}".encode())
