"""Preview of shapes: one by one by their pictures, as speech, and on a contact sheet."""

import re
from itertools import groupby

import bpy

from ....core.vocabulary import GROUPS
from ... import session
from ..items import GROUP_LABELS
from . import speak
from .tab import SubPanel, paragraph

_NARROWEST = {"visemes": 38, "emotions": 64, "blink": 56, "arkit": 88, "unified": 88}  # pixels of a cell with its name
_BESIDE = 46  # pixels of the sidebar beside the cells
_UNIT = 20  # pixels of an icon of scale 1; all of these at a user interface scale of 1
_SIDE = re.compile(r"_?(left|right)$", re.IGNORECASE)
_FIRST = re.compile(r"[A-Za-z][a-z]*")  # word of the name of a face tracking shape: eye, jaw, mouth


class VRC_BLENDSHAPE_PT_preview(SubPanel, bpy.types.Panel):
    """Its header is drawn by the panel itself, so that it can be unfolded when there is something to be seen."""

    bl_label = "Preview"
    bl_options = {"HIDE_HEADER"}

    def draw(self, context):
        state = context.window_manager.vrc_blendshape
        header, layout = self.layout.panel_prop(state, "show_preview")
        header.label(text="Preview")
        if layout is None:
            return
        settings = context.scene.vrc_blendshape
        if state.ready and any(group.present for group in state.groups):
            paragraph(context, layout, state.ready, icon="INFO")
        row = layout.row(align=True)
        row.enabled = state.viseme != ""
        row.prop(state, "strength", slider=True)
        row.prop(state, "before", toggle=True)
        missing = {name for group in state.groups for name in group.missing.split(", ")}
        for group in state.groups:
            if group.present:
                _group(context, layout, group.name, missing)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "emotion")
        if settings.emotion != "NONE":
            column.prop(settings, "emotion_strength")
        speak.draw(context, layout, missing, bpy.data.objects.get(state.face))
        layout.operator("vrc_blendshape.contact_sheet", icon="IMAGE_DATA")


def _group(context, layout, group: str, missing: set[str]) -> None:
    """The shapes of a group that are there: a picture of each, and a button below it that shows it."""
    state = context.window_manager.vrc_blendshape
    header, body = layout.panel_prop(state, f"show_{group}")
    header.label(text=GROUP_LABELS[group])
    if body is None:
        return
    there = [name for name in GROUPS[group] if name not in missing]
    if group not in ("arkit", "unified"):
        _pictures(context, body, _NARROWEST[group], {name: name for name in there})
        return
    for part, names in groupby(there, lambda name: _FIRST.match(name)[0]):
        body.label(text=part.capitalize(), translate=False)
        _pictures(context, body, _NARROWEST[group], {name: name.removeprefix(part) for name in names})


def _pictures(context, layout, narrowest: int, names: dict[str, str]) -> None:
    """Cells for shapes, by how each is called below its picture."""
    state, pictures = context.window_manager.vrc_blendshape, session.current().thumbnails
    width = context.region.width / context.preferences.system.ui_scale - _BESIDE
    columns = max(1, int(width / narrowest))
    grid = layout.grid_flow(columns=columns, row_major=True, even_columns=True, align=True)
    for name, called in names.items():
        cell = grid.column(align=True)
        cell.template_icon(icon_value=pictures.icon(name), scale=width / columns / _UNIT)
        cell.operator(
            "vrc_blendshape.show_shape", text=_label(called), depress=state.viseme == name, translate=False
        ).shape = name


def _label(name: str) -> str:
    """A shape's name without what its group says already, and its side as a letter."""
    stem = name.removeprefix("vrc.v_").removeprefix("vrc.")
    side = _SIDE.search(stem)
    return f"{stem[: side.start()]} {side[1][0].upper()}" if side and side.start() else stem


CLASSES = (VRC_BLENDSHAPE_PT_preview,)
