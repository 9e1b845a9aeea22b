"""For the site of `make docs`: links that are for readers of the repository alone."""

from __future__ import annotations

import re

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+([^)\s]+)\)")
_LANGUAGE = re.compile(r"^\[(?:日本語|English)\]\([\w.-]+\.md\)\n", re.MULTILINE)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links that lead out of docs/ become their words and the file's path in the repository, and a page's link to its
    other language goes: the site has a switch for that."""
    return _OUTSIDE.sub(r"\1 (`\2`)", _LANGUAGE.sub("", markdown))
