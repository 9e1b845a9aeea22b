"""The exceptions that a user can cause. Each message is one sentence in the user's terms, see :mod:`.messages`.

Operators turn them into reports, the command line into one line and an exit status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .messages import Message

if TYPE_CHECKING:
    import numpy as np


class UserError(Exception):
    """Something that the user can put right, made as a Message is.

    ``InputError("“{name}” has no faces.", name=obj.name)``: ``str(error)`` is the whole message in English,
    ``error.message`` the one to translate.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        super().__init__(Message(template, **values))

    @property
    def message(self) -> Message:
        """What is wrong and what to do, for translation."""
        return self.args[0]


class InputError(UserError):
    """The avatar, the selection or the file cannot be used as it is."""


class OutputError(InputError):
    """The result cannot be written, which says nothing about the avatar."""


class FaceNotFound(UserError):
    """No face, or none that is certain enough to work on.

    guess: (L, 4) where its landmarks may be and how sure that is, as Avatar.manual_landmarks has it, for someone to
    correct; None where there is none.
    """

    def __init__(self, template: str, /, guess: np.ndarray | None = None, **values: object) -> None:
        super().__init__(template, **values)
        self.guess = guess


class ModelError(UserError):
    """A model file is missing, damaged or not the one its card describes."""


class Cancelled(UserError):
    """The user stopped the job; nothing was changed."""
