"""Messages that can be shown in another language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Message(str):
    """A str, in English, that remembers what it was made of: a template and the values in it.

    ``Message("Kept {count} keys of “{name}”.", count=3, name=obj.name)``. The template is written out where the
    message is made, never an f-string: it is what blender/translations.py looks up. A value that is a Message or a
    UserError is translated too, any other stays as it is. Without values nothing is filled in, so that braces may stand
    in a template.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, /, **values: object) -> Message:
        if isinstance(template, Message):
            return template
        message = super().__new__(cls, template.format(**values) if values else template)
        message.template, message.values = template, values
        return message

    def for_json(self) -> list[object]:
        """What `from_json` makes the message of again. Its values are numbers, texts and messages."""
        return [
            self.template,
            {name: value.for_json() if isinstance(value, Message) else value for name, value in self.values.items()},
        ]

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """For copies, which reports are made of."""
        return (self.template,), self.values


def from_json(data: Any) -> Message:
    """The message that Message.for_json gave `data` of. Raises TypeError, ValueError or LookupError if none did."""
    template, values = data
    if not isinstance(template, str):
        raise TypeError("a template is a text")
    values = {name: from_json(value) if isinstance(value, list) else value for name, value in values.items()}
    return Message(template, **values)


def join_messages(messages: Sequence[str], between: str = "; ") -> Message:
    """All of `messages` as one, with `between` between them."""
    names = [f"s{number}" for number in range(len(messages))]
    return Message(between.join(f"{{{name}}}" for name in names), **dict(zip(names, messages, strict=True)))
