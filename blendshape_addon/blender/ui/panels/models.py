"""The models and their cards, in the preferences."""

from __future__ import annotations

from ....core.messages import Message
from ...translations import translate
from .tab import paragraph


def draw(context, layout) -> None:
    """A fold that lists every model; each unfolds to its card."""
    state = context.window_manager.vrc_blendshape
    _fold(layout, state, "show_models", translate("Models"))
    for row in state.models if state.show_models else ():
        _model(context, layout.box(), row)


def _model(context, box, row) -> None:
    head = box.row()
    _fold(head, row, "unfolded", row.name)
    head.label(text="Bundled" if row.bundled else "Added by You", icon="CANCEL" if row.problem else "CHECKMARK")
    if row.problem:
        paragraph(context, box, row.problem)
    if not row.unfolded:
        return
    if not row.problem:
        paragraph(context, box, "The file is the one that its card describes (SHA-256).")
    if row.what:
        paragraph(context, box, row.what)
    if row.licence:
        paragraph(context, box, Message("Licence: {name}", name=row.licence))
    for title, lines in ((translate("Trained on"), row.trained_on), (translate("Measured"), row.figures)):
        if lines:
            column = box.column(align=True)
            column.label(text=title, translate=False)
            for line in lines.split("\n"):
                paragraph(context, column, line, icon="DOT")


def _fold(layout, owner, name: str, text: str) -> None:
    icon = "TRIA_DOWN" if getattr(owner, name) else "TRIA_RIGHT"
    row = layout.row()
    row.alignment = "LEFT"
    row.prop(owner, name, text=text, icon=icon, emboss=False, translate=False)
