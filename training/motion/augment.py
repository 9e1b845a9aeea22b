"""How crops of faces are varied before a network learns from them: as landmarks, light and cameras vary."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

# Pixels that a crop lies off, as the landmarks do; shares by which it is stretched; standard deviations of the exponent
# that brightness is raised to, and of the light from side to side, in steps of 255.
SHIFT, STRETCH, GAMMA, SIDELIGHT = 1.5, 0.06, 0.2, 20.0


def moved(crops: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, K, H, W, 3) float32 crops of N people, shifted each and stretched all of a person alike."""
    n, count, height, width, _ = crops.shape
    grids = torch.zeros(n, count, 2, 3)
    stretch = torch.from_numpy(np.exp(rng.normal(0, STRETCH, (n, 1, 2))))
    shift = torch.from_numpy(rng.uniform(-SHIFT, SHIFT, (n, count, 2)) * 2 / [width, height])
    grids[..., 0, 0], grids[..., 1, 1], grids[..., 2] = stretch[..., 0], stretch[..., 1], shift
    pixels = torch.from_numpy(crops).flatten(0, 1).permute(0, 3, 1, 2)
    grid = nn.functional.affine_grid(grids.flatten(0, 1), list(pixels.shape), align_corners=False)
    made = nn.functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    return made.permute(0, 2, 3, 1).reshape(crops.shape).numpy()


def lit(crops: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(N, K, H, W, 3) crops of N people, 0 to 255, before a camera of each person's own and in other light; values may
    leave that range."""
    n, count, height, width, _ = crops.shape
    crops = 255 * (crops / 255) ** np.exp(rng.normal(0, GAMMA, (n, 1, 1, 1, 1))).astype(np.float32)
    crops *= np.exp(rng.normal(0, 0.25, (n, 1, 1, 1, 1))) * np.exp(rng.normal(0, 0.06, (n, 1, 1, 1, 3)))
    down, across = np.linspace(-0.5, 0.5, height)[:, None, None], np.linspace(-0.5, 0.5, width)[:, None]
    side, above = rng.normal(0, 1, (2, n, count, 1, 1, 1))
    crops += SIDELIGHT * (side * across + above * down)
    noise = rng.standard_normal(crops.shape, np.float32)
    crops += rng.normal(0, 12, (n, 1, 1, 1, 1)) + rng.uniform(0, 6, (n, 1, 1, 1, 1)).astype(np.float32) * noise
    return crops
