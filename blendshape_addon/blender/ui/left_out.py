"""Shapes that were left out because they failed a check: kept for this session, to be shown and made weaker."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from ...core.avatar.avatar import Avatar
from ...core.pipeline import GenerationResult
from ...core.shapes import Shape
from .. import session
from ..translations import translate


def note(context: bpy.types.Context, face: str, avatar: Avatar, names: Iterable[str], result: GenerationResult) -> None:
    """Show which of `names`, that were asked for on `avatar`, are not in `result` and why. face: of its object."""
    rows, kept = context.window_manager.vrc_blendshape.left_out, session.current().left_out
    for number in reversed(range(len(rows))):
        if rows[number].face != face or rows[number].shape in names:
            kept.pop(rows[number].shape, None)
            rows.remove(number)
    context.window_manager.vrc_blendshape.message = 0
    shapes = {shape.name: shape for shape in result.left_out}
    for row in result.report["shapes"]:
        if row["ok"]:
            continue
        entry = rows.add()
        entry.face, entry.shape = face, row["name"]
        entry.check = next((check for check, passed in row["checks"].items() if not passed), "")
        entry.message = translate("{shape} left out: {reason}.", shape=row["name"], reason=row["notes"][0])
        kept[row["name"]] = avatar, shapes[row["name"]]


def objects(name: str) -> list[bpy.types.Object]:
    """The objects of the avatar that the shape `name` was left out on, in their order then; empty if it was not."""
    avatar, _ = session.current().left_out.get(name, (None, None))
    found = [bpy.data.objects.get(one) for one in avatar.object_names] if avatar else []
    return [] if None in found else found


def shape(name: str, avatar: Avatar) -> Shape | None:
    """The shape `name` as it was when it was left out; None if it was not, or `avatar` has changed since."""
    then, found = session.current().left_out.get(name, (None, None))
    return found if then and then.content == avatar.content else None
