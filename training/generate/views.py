"""Rendered views of a face: every expression in full, from three sides."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ..data.contact_sheets import face_picture, part_colours
from ..learning.atomic_files import atomic_write
from .samples import Face

TURNS = (-35.0, 0.0, 35.0)  # degrees


def save(face: Face, path: Path, size: int) -> None:
    """Write a PNG of squares of `size` pixels: a row for the neutral face and then for each of face.names, a column for
    each of TURNS. Raises InputError when the disk does not take it."""
    colours = part_colours(face.part_id, face.part_names)
    rows = []
    for offset in (np.zeros_like(face.vertices), *face.offsets):
        shown = face.vertices + offset
        rows.append(np.hstack([face_picture(shown, face.triangles, colours, size, turn) for turn in TURNS]))
    data = io.BytesIO()
    Image.fromarray(np.vstack(rows)).save(data, "PNG")
    atomic_write(path, data.getvalue())
