"""Text for the console, whatever encoding it has and whether anybody still reads it."""

from __future__ import annotations

import codecs
import contextlib
import sys
import time

# Typographic characters of the messages in ASCII; any other that a console lacks is written as an escape.
_PLAIN = {"→": "->", "“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "×": "x", "°": " deg"}
_HANDLER = "vrc_blendshape.plain"


def prepare() -> None:
    """Let standard output and error write what their encoding lacks in plain characters instead of raising an error."""
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)


def say(text: object, *, error: bool = False) -> None:
    """Print a line to standard output, or to standard error; nothing where that was closed, as by `… | head`."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr if error else sys.stdout, flush=True)


def flush() -> None:
    """Write out what the streams still hold, as far as anybody reads it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Error handler of `codecs`: the characters that cannot be encoded, in plain ones."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    plain = (_PLAIN.get(one) or one.encode("ascii", "backslashreplace").decode() for one in characters)
    return "".join(plain), error.end


class Progress:
    """Prints the progress on stderr, once per second at most."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._printed = time.perf_counter()

    def __call__(self, fraction: float, stage: str) -> None:
        now = time.perf_counter()
        if now - self._printed > 1.0:
            self._printed = now
            say(f"{self._name}: {fraction:4.0%} {stage}", error=True)
