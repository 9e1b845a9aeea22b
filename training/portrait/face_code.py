"""Codes of faces: what the add-on's frozen networks of landmarks and of gaze see in a picture, as numbers.

Emtn learns to read motion in them: networks that know many people's faces carry over to new ones, where one that is
trained on some hundred drawn people from pixels on does not.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from blendshape_addon.core.inference.eye_format import EYE_POINTS
from blendshape_addon.core.inference.face_format import FACE, POINTS
from blendshape_addon.core.motion.face import OUTER_EYES

from ..motion import gaze_model
from ..motion.gaze_model import GazeNet
from . import gaze_blink_loss
from .perceptual import FaceFeatures

FEATURES = 512  # the last ones of the network of landmarks
SIZE = 3 * POINTS + 3 + 4 + 2 + FEATURES  # numbers of a code
_SMALLEST = 1e-3  # distance of the eyes in sides of the picture: less is no face


class Codes(NamedTuple):
    """code: (N, SIZE) landmarks from the middle between the eyes, in distances between their outer corners; that middle
    and that distance, in sides of the picture; gaze in units of `gaze_model.DEGREES`; blinks; features. eyes:
    (N, 24, 2) EYE_POINTS in sides of the picture."""

    code: Tensor
    eyes: Tensor


def points(code: Tensor) -> Tensor:
    """(N, 478, 3) landmarks of (N, SIZE) codes, right, down and away, in sides of the picture."""
    own = code[:, : 3 * POINTS].unflatten(1, (POINTS, 3)) * sizes(code)[:, None]
    return own + functional.pad(code[:, 3 * POINTS : 3 * POINTS + 2], (0, 1))[:, None]


def sizes(code: Tensor) -> Tensor:
    """(N, 1) distances between the eyes of (N, SIZE) codes, in sides of the picture."""
    return code[:, 3 * POINTS + 2 : 3 * POINTS + 3]


def beside_eyes(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 478, 3) landmarks from the (N, 2) middle between the outer corners of the eyes, in the (N, 1) distances
    between these; and that middle and distance, of landmarks in sides of the picture."""
    outer = points[:, list(OUTER_EYES), :2]
    middle = outer.mean(1)
    size = (outer[:, 1] - outer[:, 0]).norm(dim=1, keepdim=True).clamp(min=_SMALLEST)
    return torch.cat([points[..., :2] - middle[:, None], points[..., 2:]], 2) / size[:, None], middle, size


@cache
def _networks(device: torch.device) -> tuple[FaceFeatures, GazeNet]:
    return FaceFeatures(whole=True).requires_grad_(False).to(device), gaze_blink_loss.network().to(device)


def read(pictures: Tensor) -> Codes:
    """Codes of (N, 3, S, S) pictures, 0 to 1, of a face each, about as `renders.Camera` sees one; gradients go through.

    Raises InputError where the add-on's networks are not those that it comes with.
    """
    faces, gaze = _networks(pictures.device)
    with torch.autocast(pictures.device.type, enabled=False):
        pictures = pictures.float()
        side = FACE.landmark_size
        features, found = faces(
            functional.interpolate(pictures, (side, side), mode="bilinear", align_corners=False, antialias=True)
        )
        points = found.reshape(-1, POINTS, 3) / side
        own, middle, size = beside_eyes(points)
        eyes = points[:, list(EYE_POINTS), :2]
        looks = gaze(gaze_blink_loss.crops(pictures, eyes), gaze_blink_loss.upright(eyes))
        parts = [own.flatten(1), middle, size, looks.gaze.flatten(1) / gaze_model.DEGREES, torch.sigmoid(looks.blink)]
        return Codes(torch.cat([*parts, features.flatten(1)], 1), eyes)
