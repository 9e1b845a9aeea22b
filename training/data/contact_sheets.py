"""Contact sheets drawn with the core's own rasteriser: faces in rows, for a person to judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from blendshape_addon.core.geometry.mesh import vertex_normals
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.vocabulary import EMOTIONS, VISEMES

from .labelled_face import LabelledFace

CELL = 240
LABEL = 15  # pixels
COLUMNS = 10
SHOWN = (
    *VISEMES, *EMOTIONS, "eyeBlinkLeft", "jawOpen", "jawLeft", "mouthClose", "mouthFunnel", "mouthPucker",
    "mouthSmileLeft", "mouthRollLower", "browInnerUp", "cheekPuff",
)  # fmt: skip
LIGHT = np.array([0.35, 0.45, 0.82])
_COLOURS = np.array(
    [[0.86, 0.68, 0.55], [0.93, 0.93, 0.95], [0.80, 0.35, 0.38], [0.45, 0.33, 0.27], [0.62, 0.62, 0.66]]
)
_KINDS = (("lash", "brow", "hair"), ("tongue", "gum", "mouth"), ("teeth", "eye"))


def part_colours(part_id: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(V, 3) colours by object name, so that teeth, eyes and lashes read as such; unknown is skin."""
    lookup = []
    for name in names:
        low = name.lower()
        kind = next((3 - k for k, words in enumerate(_KINDS) if any(w in low for w in words)), 0)
        lookup.append(_COLOURS[kind])
    return np.array(lookup)[part_id]


def face_picture(
    vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray, size: int = CELL, turn: float = 0.0
) -> np.ndarray:
    """(size, size, 3) uint8 of a face in face space, from the brows to the chin; turn: degrees about y."""
    angle = np.radians(turn)
    spin = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    view = (vertices - [0, -0.55, 0]) @ spin.T / 1.45
    large = size * 2
    near = (np.abs(view[:, :2]).max(1) < 1.2) & (view[:, 2] > -1.2)
    picture = rasterise(view, triangles[near[triangles].any(1)], large)
    used = triangles[near[triangles].any(1)]
    normals = picture.interpolate(vertex_normals(view, triangles), used)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    light = np.abs(normals @ (LIGHT / np.linalg.norm(LIGHT)))[..., None]
    shade = picture.interpolate(colours, used) * (0.18 + 0.82 * light)
    shade[~picture.mask] = 1
    small = shade.reshape(size, 2, size, 2, 3).mean((1, 3))
    return (np.clip(small, 0, 1) * 255).astype(np.uint8)


Cell = tuple[str, np.ndarray]  # label and picture


def sheet_of(rows: Sequence[Sequence[Cell]]) -> Image.Image:
    """Rows of cells as one picture."""
    width = max(len(row) for row in rows)
    sheet = Image.new("RGB", (width * CELL, len(rows) * CELL), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL)
    for r, row in enumerate(rows):
        for c, (label, picture) in enumerate(row):
            sheet.paste(Image.fromarray(picture), (c * CELL, r * CELL))
            if label:
                place = (c * CELL + 4, r * CELL + 2)
                draw.rectangle(draw.textbbox(place, label, font), fill="white")  # legible on skin too
                draw.text(place, label, "black", font)
    return sheet


def shape_rows(
    vertices: np.ndarray,
    triangles: np.ndarray,
    colours: np.ndarray,
    shapes: dict[str, np.ndarray],
    truth: dict[str, np.ndarray],
) -> list[list[Cell]]:
    """Shapes (V, 3) of a face (V, 3) by name, each over its truth where that is known."""

    def cell(label: str, offset: np.ndarray | None) -> Cell:
        if offset is None:
            return "", np.full((CELL, CELL, 3), 255, np.uint8)
        return label, face_picture(vertices + offset, triangles, colours)

    rows = []
    for start in range(0, len(SHOWN), COLUMNS):
        block = [name for name in SHOWN[start : start + COLUMNS] if name in shapes]
        rows.append([cell(name, shapes[name]) for name in block])
        if any(name in truth for name in block):
            rows.append([cell("truth", truth.get(name)) for name in block])
    return rows


def shape_sheet(path: Path, face: LabelledFace, shapes: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> None:
    """Write `shape_rows` of a face as one PNG."""
    triangles = face.triangles[~face.hidden[face.triangles].any(1)]
    rows = shape_rows(face.vertices, triangles, part_colours(face.part_id, face.part_names), shapes, truth)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet_of(rows).save(path)
