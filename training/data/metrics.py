"""Figures of one predicted shape against its truth, in millimetres with the eye distance at 63."""

from __future__ import annotations

import numpy as np

from blendshape_addon.core.face.face_space import EYE_DISTANCE_MM

MOVING_MM = 0.5
STILL_MM = 0.01


def compare(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """rel, cos, mm, q95 and stray of (V, 3) face-space offsets.

    rel = |pred - true| / |true| (doing nothing = 1); cos of the two as vectors, in [-1, 1]; mm and q95: mean and 95th
    percentile error where the truth moves more than MOVING_MM; stray: mean predicted motion where the truth moves less
    than STILL_MM.
    """
    error = np.linalg.norm(predicted - truth, axis=1) * EYE_DISTANCE_MM
    size = np.linalg.norm(truth, axis=1) * EYE_DISTANCE_MM
    moving, still = size > MOVING_MM, size < STILL_MM
    norm = np.linalg.norm(truth) * np.linalg.norm(predicted)
    return {
        "rel": float(np.linalg.norm(predicted - truth) / max(np.linalg.norm(truth), 1e-12)),
        "cos": float(np.clip((predicted * truth).sum() / norm, -1, 1)) if norm > 0 else 0.0,  # rounding may exceed 1
        "mm": float(error[moving].mean()) if moving.any() else float("nan"),
        "q95": float(np.quantile(error[moving], 0.95)) if moving.any() else float("nan"),
        "stray": float(np.linalg.norm(predicted[still], axis=1).mean() * EYE_DISTANCE_MM) if still.any() else 0.0,
    }


def top1(predicted: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> float:
    """Share of predicted shapes whose nearest truth (in L2) is their own."""
    names = [n for n in predicted if n in truth]
    hits = [min(names, key=lambda m: np.linalg.norm(predicted[n] - truth[m])) == n for n in names]
    return float(np.mean(hits)) if hits else float("nan")
