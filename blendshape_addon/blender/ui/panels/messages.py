"""The box with what there is to say, always of the same height, so that nothing below it moves."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ....core.messages import Message
from ...keys import shape_keys
from ...translations import translate
from .tab import draw_lines, lines_of

_ACTIONS = 0.75  # share of the width of what can be done about a message, beside the way to the next one
_LINES = 4  # that are kept free: what is longer pushes the sub-panels down


@dataclass(frozen=True)
class Entry:
    """One thing to say. row: of State.left_out, where it is of a shape that was left out."""

    text: str
    icon: str = "INFO"
    row: bpy.types.PropertyGroup | None = None


def entries(state) -> list[Entry]:
    """What there is to say, the most important first; there is always something."""
    if state.editing_landmarks:
        return [Entry(translate("Drag the landmarks in the 3D view to where they belong."))]
    if state.problem:
        return [Entry(state.problem, "QUESTION" if state.suggestions else "ERROR")]
    found = [Entry(row.message, "ERROR", row) for row in state.left_out if row.face == state.face]
    found += [Entry(text, "ERROR") for text in (state.newer,) if text]
    found += [Entry(text) for text in (state.fallback, state.said) if text]
    if not state.said:
        found.append(Entry(_style_or_hint(state)))
    return found


def draw(context, layout, state, generate_button, settings) -> None:
    """The message that is shown, what can be done about it, and the way to the next one."""
    found = entries(state)
    number = state.message % len(found)
    entry = found[number]
    box = layout.box().column(align=True)
    lines = lines_of(context, entry.text, entry.icon)
    draw_lines(box, lines + [""] * (_LINES - len(lines)), entry.icon)
    row = box.split(factor=_ACTIONS if len(found) > 1 else 1.0)
    turn, row = row, row.row(align=True)
    if entry.row:
        show_button(row, state, entry.row)
        weaker = row.row(align=True)
        weaker.enabled = not state.running
        generate_button(weaker, "make_weaker", settings).shape = entry.row.shape
    else:
        row.label(text="")
    if len(found) > 1:
        turn.operator(
            "vrc_blendshape.next_message", text=f"{number + 1}/{len(found)}", icon="TRIA_RIGHT", translate=False
        )


def show_button(row, state, result) -> None:
    """Show Me of a fault of a shape; Back in its place while that is shown. result: has a shape and a check."""
    if (state.problem_shape, state.problem_check) == (result.shape, result.check):
        row.operator("vrc_blendshape.back", icon="LOOP_BACK", depress=True)
        return
    button = row.operator("vrc_blendshape.show_problem", icon="RESTRICT_SELECT_OFF")
    button.shape, button.check = result.shape, result.check


def _style_or_hint(state) -> str:
    face = bpy.data.objects.get(state.face)
    if face and (style := shape_keys.style_of(face)):
        return translate(Message("Style: {style}", style=style))
    if face:
        return translate("Press Generate Visemes: it makes the 15 shapes of VRChat's lip sync.")
    return translate("Open or import an avatar.")
