"""Fills the list of models that the preferences show."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from ...core.inference import registry
from .. import settings
from ..translations import translate


def refresh(context: bpy.types.Context) -> None:
    """Read the cards of the bundled models and of those in the chosen folder."""
    rows = context.window_manager.vrc_blendshape.models
    unfolded = {row.file for row in rows if row.unfolded}
    rows.clear()
    for folder, bundled in ((registry.models_folder(), True), (settings.learned_folder(context), False)):
        for listed in registry.list_models(folder):
            row, card = rows.add(), listed.card
            row.name = str(card.get("name", listed.path.stem))
            row.file, row.bundled = str(listed.path), bundled
            row.problem = translate(listed.problem) if listed.problem else ""
            row.what, row.licence = str(card.get("what", "")), str(card.get("licence", ""))
            row.trained_on = "\n".join(f"{rig['name']}: {rig['licence']}" for rig in card.get("trained_on", []))
            row.figures = "\n".join(_figures(card.get("figures", {})))
            row.unfolded = row.file in unfolded


def refresh_from_property(self: bpy.types.bpy_struct, context: bpy.types.Context) -> None:
    """`refresh`, as the update function of a property that unfolds the list or names its folder."""
    refresh(context)


def _figures(figures: dict[str, object]) -> Iterator[str]:
    """One line per prefix of the figures' names before the colon: "faces left out: rel 0.6, cos 0.8"."""
    lines: dict[str, list[str]] = {}
    for name, value in figures.items():
        about, _, what = name.rpartition(": ")
        lines.setdefault(about, []).append(f"{what} {value:.3g}" if isinstance(value, float) else f"{what} {value}")
    for about, values in lines.items():
        yield f"{about}: {', '.join(values)}" if about else ", ".join(values)
