"""Names of shapes drawn in Blender's own font, without a window."""

from __future__ import annotations

import re
from dataclasses import dataclass

import bpy
import numpy as np

from ...core.geometry.raster import rasterise

_APART = 3.0  # heights of a line between two letters while they are read
_LINES = 2
_HEIGHT = 0.42  # of the label, a letter's size
_WIDEST = 0.96  # of the label, how far a line reaches
_SAMPLES = 4  # of a pixel along each side
_PIECE = re.compile(r"[A-Z]?[^A-Z]+|[A-Z]")  # what stays on one line: mouth, Smile, Left


@dataclass(frozen=True)
class Letters:
    """glyphs: of each letter the (n, 3, 2) corners of its triangles and how far the next one stands from it."""

    glyphs: dict[str, tuple[np.ndarray, float]]

    @classmethod
    def of(cls, words: str) -> Letters:
        """All letters of `words`. On the main thread."""
        letters = sorted(set(words) - {" "})
        curve = bpy.data.curves.new("vrc_blendshape_letters", "FONT")
        obj = bpy.data.objects.new("vrc_blendshape_letters", curve)
        try:
            # Each on a line of its own, before a bar that tells where the next letter would stand.
            curve.body = "\n".join(["|", *(f"{letter}|" for letter in letters)])
            curve.space_line, curve.resolution_u = _APART, 3
            mesh = obj.to_mesh()
            mesh.calc_loop_triangles()
            places = np.empty((len(mesh.vertices), 3), np.float32)
            triangles = np.empty((len(mesh.loop_triangles), 3), np.int32)
            mesh.vertices.foreach_get("co", places.reshape(-1))
            mesh.loop_triangles.foreach_get("vertices", triangles.reshape(-1))
        finally:
            bpy.data.objects.remove(obj)
            bpy.data.curves.remove(curve)
        corners = places[triangles][..., :2]
        line = np.floor((_APART / 2 - corners[:, 0, 1]) / _APART).astype(int)
        corners[..., 1] += line[:, None] * _APART
        bar = corners[line == 0, :, 0]
        glyphs = {}
        for number, letter in enumerate(letters, 1):
            own = corners[line == number]
            advance = float(own[..., 0].max() - bar.max())
            glyphs[letter] = own[own[..., 0].min(1) < advance + bar.min() - 1e-4], advance
        return cls(glyphs)

    def draw(self, name: str, width: int, height: int) -> np.ndarray:
        """(height, width) float32 how much ink each pixel of a label gets, row 0 at the top; long names on two lines,
        narrower where they still would not fit."""
        lines = self._wrapped(name, width / height * _WIDEST / _HEIGHT)
        parts = []
        for number, line in enumerate(lines):
            wide = self._width(line)
            squeeze = min(1.0, width / height * _WIDEST / _HEIGHT / max(wide, 1e-9))
            at = -wide / 2
            for letter in line:
                corners, advance = self.glyphs[letter]
                parts.append((corners + [at, -number - 0.9]) * [squeeze, 1])
                at += advance
        points = np.concatenate(parts).reshape(-1, 2) * _HEIGHT * height * 2 / width
        view = np.column_stack([points[:, 0], 1 + points[:, 1], np.zeros(len(points))])
        size = width * _SAMPLES
        ink = rasterise(view, np.arange(len(view)).reshape(-1, 3), size).mask[: height * _SAMPLES]
        return ink.reshape(height, _SAMPLES, width, _SAMPLES).mean((1, 3), dtype=np.float32)

    def _wrapped(self, name: str, widest: float) -> list[str]:
        lines = [""]
        for piece in _PIECE.findall(name):
            if lines[-1] and self._width(lines[-1] + piece) > widest and len(lines) < _LINES:
                lines.append("")
            lines[-1] += piece
        return lines

    def _width(self, line: str) -> float:
        return sum(self.glyphs[letter][1] for letter in line)
