"""The add-on in Blender's language, through Blender's own translation system.

One file per language lies in blendshape_addon/translations, named as Blender names it: English text to translated text,
placeholders kept. How a string gets there:

- What Blender draws by itself (labels, tooltips, names and descriptions of properties, items, ``text=`` of a button)
  is plain English in the code; Blender translates it. Names of the user's (objects, keys, files) are drawn with
  ``translate=False``.
- What is put together at run time is a core.messages.Message, or a UserError, and is translated by `translate` where it
  is shown: ``self.report({"INFO"}, translate(Message("Kept {count} keys.", count=3)))``, ``self.report({"ERROR"},
  translate(error))``, ``layout.label(text=translate("Speak"))``.

tests/blender/test_languages.py finds what the code says and no file translates, and the other way round.

The command line says errors, checks and notes in the language of the Blender that it runs in, which is English where
Blender is a Python module; so do the texts in its reports and the page that sums up a folder. Everything else there
(help, progress, the table, and in JSON keys, grades, names and states) is English always, for the programs that read
it. What the training tools say comes from another program and is English too.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import bpy

from ..core.errors import UserError
from ..core.messages import Message

_FOLDER = Path(__file__).resolve().parents[1] / "translations"
_CONTEXTS = ("*", "Operator")  # Blender looks words of buttons up in the second


def tables() -> dict[str, dict[str, str]]:
    """English to translated words, for each of Blender's names of languages."""
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.toml"))}


def register() -> None:
    found = {
        locale: {(context, english): words for english, words in table.items() for context in _CONTEXTS}
        for locale, table in tables().items()
    }
    bpy.app.translations.register(__name__, found)


def unregister() -> None:
    bpy.app.translations.unregister(__name__)


def translate(text: str | UserError, /, **values: object) -> str:
    """`text` in Blender's language. On the main thread only: Blender translates nothing on others."""
    message = text.message if isinstance(text, UserError) else Message(text, **values)
    words = bpy.app.translations.pgettext_iface(message.template)
    if not message.values:
        return words
    values = {
        name: translate(value) if isinstance(value, Message | UserError) else value
        for name, value in message.values.items()
    }
    return words.format(**values)


def language() -> str:
    """The language of `translate`, as HTML names it."""
    return bpy.app.translations.locale.replace("_", "-") or "en"


def translate_all(document: object) -> object:
    """A JSON-like document with each Message in it translated."""
    if isinstance(document, Message):
        return translate(document)
    if isinstance(document, dict):
        return {name: translate_all(value) for name, value in document.items()}
    if isinstance(document, list | tuple):
        return [translate_all(value) for value in document]
    return document
