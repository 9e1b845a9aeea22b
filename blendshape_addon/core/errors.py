"""The exceptions that a user can cause. Each message is one sentence in the user's terms.

Operators turn them into reports, the command line into one line and an exit status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class UserError(Exception):
    """Something the user can mend; ``str(error)`` is the whole message, ready to show."""


class InputError(UserError):
    """The avatar, the selection or the file cannot be used as it is."""


class OutputError(InputError):
    """The result cannot be written, which says nothing about the avatar."""


class FaceNotFound(UserError):
    """No face, or none that is certain enough to work on.

    guess: (L, 4) where its landmarks may be and how sure that is, as Avatar.placed has it, for someone to correct;
    None where there is none.
    """

    def __init__(self, message: str, guess: np.ndarray | None = None) -> None:
        super().__init__(message)
        self.guess = guess


class ModelError(UserError):
    """A model file is missing, damaged or not the one its card describes."""


class Cancelled(UserError):
    """The user stopped the job; nothing was changed."""
