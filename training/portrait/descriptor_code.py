"""What the add-on read of a clip, as the codes of faces that Emtn takes: no picture is needed then."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from blendshape_addon.core.inference.face_format import POINTS
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.motion.face import OUTER_EYES

from ..motion import gaze_model
from ..motion.animator.conditions import Window
from . import face_code


def codes(told: Descriptors, seen: Window, usual: Tensor) -> Tensor:
    """(F, face_code.SIZE) codes of F frames; rows of frames without a face mean nothing.

    seen: the square about the face in a picture whose height is 1 and whose middle is at (0, 0.5). usual: (SIZE,) mean
    code, of which what descriptors do not tell is taken: the features, and how far away the eyes are.
    """
    turned = np.einsum("fkc,fdc->fkd", told.landmarks, told.rotation) * told.place[:, None, 2:]
    left, top = (middle - seen.side / 2 for middle in seen.centre)
    right, up = turned[..., 0] + told.place[:, None, 0], turned[..., 1] + told.place[:, None, 1]
    points = torch.from_numpy(np.stack([right - left, 0.5 - up - top, -turned[..., 2]], 2) / seen.side).float()
    own, middle, size = face_code.beside_eyes(points)
    away = usual[: 3 * POINTS].view(POINTS, 3)[list(OUTER_EYES), 2].mean()
    own = torch.cat([own[..., :2], own[..., 2:] + away], 2)
    looks = torch.from_numpy(told.gaze).float().flatten(1) / gaze_model.DEGREES
    features = usual[-face_code.FEATURES :].expand(len(own), -1)
    return torch.cat([own.flatten(1), middle, size, looks, torch.from_numpy(told.blink).float(), features], 1)
