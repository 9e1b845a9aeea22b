"""Boxes of a detector that has one or more at each cell of its grids (SSD, Liu et al. 2016, as BlazeFace has them)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def anchors(size: int, strides: Iterable[tuple[int, int]]) -> np.ndarray:
    """(A, 2) middles of the cells that boxes belong to, 0 to 1. size: pixels of the picture; strides: of the grids, in
    pixels, with the number of boxes per cell."""
    rows = []
    for stride, count in strides:
        cells = size // stride
        down, across = np.mgrid[:cells, :cells]
        rows.append(np.repeat((np.stack([across, down], -1).reshape(-1, 2) + 0.5) / cells, count, axis=0))
    return np.concatenate(rows)


def candidates(
    boxes: np.ndarray, scores: np.ndarray, middles: np.ndarray, size: int, min_score: float
) -> tuple[np.ndarray, np.ndarray]:
    """(K, 2 + keypoints, 2) corners and keypoints, 0 to 1, of boxes that may be what is looked for, and their (K,)
    scores.

    boxes: (A, 4 + 2 keypoints) pixels from the (A, 2) `middles` of their cells: middle, size and keypoints. scores:
    (A,) before the logistic function. size: pixels of the picture.
    """
    chances = 1 / (1 + np.exp(-scores.astype(float).clip(-80, 80)))
    chosen = chances >= min_score
    points = boxes[chosen].reshape(-1, boxes.shape[1] // 2, 2) / size
    cells = middles[chosen]
    middle, extent = points[:, 0] + cells, points[:, 1]
    corners = np.stack([middle - extent / 2, middle + extent / 2], axis=1)
    return np.concatenate([corners, points[:, 2:] + cells[:, None]], axis=1), chances[chosen]


def distinct(points: np.ndarray, scores: np.ndarray, min_overlap: float) -> list[tuple[np.ndarray, float]]:
    """One of the boxes that overlap each other: their mean by score, and the best score (BlazeFace, section 3.3)."""
    found, order = [], np.argsort(-scores)
    while len(order):
        best, others = points[order[0]], points[order]
        shared = np.minimum(best[1], others[:, 1]) - np.maximum(best[0], others[:, 0])
        overlap = shared.clip(min=0).prod(1)
        union = (best[1] - best[0]).prod() + (others[:, 1] - others[:, 0]).prod(1) - overlap
        same = overlap > min_overlap * union
        same[0] = True
        weights = scores[order[same]]
        found.append((np.average(others[same], axis=0, weights=weights), float(weights[0])))
        order = order[~same]
    return found
