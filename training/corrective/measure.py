"""How far a predicted mesh is from the truth over time."""

from __future__ import annotations

import numpy as np

MOVES = 0.003  # metres between skinned and truth from which a vertex counts as moving in a frame
RESTS = 0.0001  # metres that a vertex which rests never leaves
MM = 1000.0
# What figures are called, and what they are of.
FIGURES = {
    "mean": "mm, all vertices in all frames",
    "q95": "mm, not exceeded by 95 of 100",
    "moves": "mm, where the truth is more than 3 mm from the skinned mesh",
    "rest": "mm, vertices whose truth never leaves the skinned mesh by more than 0.1 mm",
    "flicker": "mm, change of the error from frame to frame, of vertices that move in some frame",
    "contact": "mm, where skin meets skin, of synthetic data",
}


def measure(
    predicted: np.ndarray, skinned: np.ndarray, target: np.ndarray, contact: np.ndarray | None = None
) -> dict[str, float]:
    """Those of FIGURES that there is something to measure for, of (F, V, 3) meshes. contact: (F, V) bool."""
    away = (predicted - target) * MM
    error = np.linalg.norm(away, axis=2)
    missing = np.linalg.norm(skinned - target, axis=2)
    masks = {"moves": missing > MOVES, "rest": np.broadcast_to(missing.max(0) < RESTS, error.shape), "contact": contact}
    found = {"mean": float(error.mean()), "q95": float(np.quantile(error, 0.95))}
    found |= {name: float(error[mask].mean()) for name, mask in masks.items() if mask is not None and mask.any()}
    active = (missing > MOVES).any(0)
    if len(error) > 1 and active.any():
        found["flicker"] = float(np.linalg.norm(np.diff(away[:, active], axis=0), axis=2).mean())
    return {name: round(found[name], 4) for name in FIGURES if name in found}


def table(rows: dict[str, dict[str, float]]) -> str:
    """The figures as Markdown, a row per name."""
    names = [name for name in FIGURES if any(name in row for row in rows.values())]
    lines = [f"| mm | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(f'{row[n]:.3f}' if n in row else '' for n in names)} |")
    return "\n".join(lines)
