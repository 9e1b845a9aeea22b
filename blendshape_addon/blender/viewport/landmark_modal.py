"""The mode in which the user moves landmarks, and its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ...core.avatar.avatar import Avatar
from ...core.detection.editing import LandmarkEditor
from ...core.errors import InputError
from ...core.messages import Message
from ...core.shape_markers import main_object
from .. import session
from ..io import mesh_io, selection
from ..stored import landmarks
from ..translations import translate
from ..ui_text import wrap

KEYS = (
    Message("Drag a point, and the one opposite follows; with Shift this side alone, with Ctrl the whole face."),
    Message("Ctrl and wheel: size of the whole. Ctrl Z: undo one move. Enter: save them with the avatar. Esc: cancel."),
)
_LETTERS = 100  # of a line over the 3D view


@dataclass
class LandmarkMode:
    """names: of the avatar's objects, since undo may replace these; main: which of them carries the face. hovered: the
    landmark under the cursor. why: message that says why landmarks have to be moved, if any."""

    names: list[str]
    main: int
    editor: LandmarkEditor
    why: str = ""
    hovered: int | None = None

    @property
    def hints(self) -> list[str]:
        """Lines of text to draw over the view."""
        return [*wrap(self.why, _LETTERS), *map(translate, KEYS)]

    def keep(self) -> str:
        """Keep the landmarks as they are now. Returns the name of the object that has them. Raises InputError."""
        objects = [bpy.data.objects.get(name) for name in self.names]
        if None in objects:
            raise InputError("The avatar is no longer there, so nothing was saved: select it and try again.")
        selection.require_usable(objects[self.main])
        landmarks.keep(objects, objects[self.main], self.editor.landmarks)
        return objects[self.main].name


def of(objects: Sequence[mesh_io.Object], avatar: Avatar, points: np.ndarray, why: str = "") -> LandmarkMode:
    """A mode that moves (L, 4) `points` on `avatar`, which was read from `objects`."""
    return LandmarkMode(
        [obj.name for obj in objects], main_object(avatar, points[:, :3]), LandmarkEditor(avatar, points), why
    )


def start(mode: LandmarkMode) -> None:
    """Hand the mouse in the 3D views to `mode`."""
    session.current().landmark_mode = mode
    bpy.ops.vrc_blendshape.move_landmarks("INVOKE_DEFAULT")


def stop() -> None:
    """Leave the mode; moves that were not saved are lost."""
    session.current().landmark_mode = None
