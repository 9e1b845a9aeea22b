"""Sentences that can be said again in another language."""

from __future__ import annotations


class Sentence(str):
    """A str, in English, that remembers what it was made of: a template and the values in it.

    ``Sentence("Kept {count} keys of “{name}”.", count=3, name=obj.name)``. The template is written out where the
    sentence is made, never an f-string: it is what blender/translations.py looks up. A value that is a Sentence or a
    UserError is translated too, any other stays as it is. Without values nothing is filled in, so that braces may stand
    in a template.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Sentence:
        if isinstance(template, Sentence):
            return template
        sentence = super().__new__(cls, template.format(**values) if values else template)
        sentence.template, sentence.values = template, values
        return sentence

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """For copies, which reports are made of."""
        return (self.template,), self.values


def listed(sentences: list[str]) -> Sentence:
    """Them all, separated by semicolons."""
    names = [f"s{number}" for number in range(len(sentences))]
    return Sentence("; ".join(f"{{{name}}}" for name in names), **dict(zip(names, sentences, strict=True)))
