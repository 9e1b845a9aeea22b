"""The terms of the loss of a portrait. Each is a number; a term of weight 0 is not computed."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ..motion.animator.losses import total_variation
from . import face_code
from .discriminator import Judged, believed, features_apart, told_apart
from .emtn import Motion
from .perceptual import Perceptual
from .settings import Losses, Settings

_MISREAD = 0.25  # distances between the eyes: a mouth that should be open is nearer, a face that is none is not
DISCRIMINATOR = "discriminator"  # the term that teaches the discriminator, of weight 1 where there is one


def of_pictures(
    picture: Tensor, true: Tensor, told: Settings, perceptual: Perceptual | None, judged: Judged | None,
    weight: Tensor | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """The terms that look at (N, 3, S, S) pictures alone, unweighted, by name. weight: (N, 1, S, S) of each pixel in
    the reconstruction, all alike if None."""
    found: dict[str, Tensor] = {}
    if told.losses.reconstruction:
        apart = (picture - true).abs().mean(1, keepdim=True)
        found["reconstruction"] = apart.mean() if weight is None else (apart * weight).sum() / weight.sum()
    if perceptual is not None:
        found["perceptual"] = perceptual(picture, true)
    if judged is not None:
        kind = told.terms.adversary
        found[DISCRIMINATOR] = told_apart(judged.fake, judged.real, kind)
        if told.losses.adversarial:
            found["adversarial"] = believed(judged.fooled, kind)
        if told.losses.feature_matching:
            found["feature_matching"] = features_apart(judged.fooled, judged.real)
    return found


def flow_apart(flow: Tensor, true: Tensor, share: Tensor) -> Tensor:
    """The mean distance of (N, 2, S, S) flows, in sides of the picture, weighted by (N, 1, S, S) shares of pixels for
    which the truth holds."""
    apart = ((flow - true).square().sum(1, keepdim=True) + 1e-8).sqrt()
    return (apart * share).sum() / share.sum().clamp(min=1)


def pose_apart(motion: Motion, true: Tensor, known: Tensor) -> Tensor:
    """How far rotations, (N, 3, 3) in the axes of Motion, are apart; known: (N,) 1 where there is a truth. It is the
    sine of half the angle between them, which for small angles pulls as much as for large ones."""
    each = ((motion.rotation - true).square().sum((1, 2)) / 8 + 1e-8).sqrt()
    return (each * known).sum() / known.sum().clamp(min=1)


def landmarks_apart(made: Tensor, true: Tensor) -> Tensor:
    """The mean distance of landmarks of (N, K) codes of faces, in distances between the eyes of the latter; what is
    farther off than _MISREAD counts as much as that, and pulls at nothing."""
    apart = (face_code.points(made) - face_code.points(true))[..., :2].norm(dim=2)
    return (apart / face_code.sizes(true)).clamp(max=_MISREAD).mean()


def units_apart(read: Tensor, true: Tensor, known: Tensor) -> Tensor:
    """The mean squared difference of (N, K) units; known: (N, K) 1 for those of which there is a truth."""
    return ((read - true).square() * known).sum() / known.sum().clamp(min=1)


def motion_contrast(made: Tensor, drivers: Tensor, temperature: float, margin: float) -> Tensor:
    """Of (M, K) expressions that are read in outputs, each should be its own driver's, the row of the same number among
    (N, K), and nobody else's: cross entropy of cosines over `temperature`, the right one less `margin` (Wang et al.,
    "CosFace", 2018, equation 4)."""
    cosines = functional.normalize(made, dim=1) @ functional.normalize(drivers.detach(), dim=1).T
    own = torch.eye(*cosines.shape, device=cosines.device)
    right = torch.arange(len(made), device=made.device)
    return functional.cross_entropy((cosines - margin * own) / temperature, right) / math.log(max(2, len(drivers)))


def smoothness(flow: Tensor) -> Tensor:
    """How much neighbouring pixels of (N, 2, S, S) flows differ, in pixels."""
    return total_variation(flow) * flow.shape[-1]


def total(found: dict[str, Tensor], weights: Losses) -> Tensor:
    """The weighted sum."""
    return sum(getattr(weights, name, 1.0) * value for name, value in found.items())
