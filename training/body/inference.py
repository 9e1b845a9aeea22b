"""SMPL's numbers of a person in a picture, by HMR 2.0 with the user's own files.

Neither HMR's weights nor SMPL come with this project; their licences are between their makers and whoever downloads
them. The default engine is `fit.Fitter`, which needs neither.
"""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion.sampling import Region, sample

from . import hmr2, networks, smpl
from .person import PersonReader

CHECKPOINT, MODEL, DEVICE = "ML_HMR2_CHECKPOINT", "ML_SMPL_MODEL", "ML_DEVICE"
GENDERS = ("neutral", "female", "male")
# Of the pictures that the encoder was trained on (ImageNet), red, green and blue.
_MEAN, _SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_SIZE = 256
_DEVICES = ("cuda", "cpu")


@dataclass(frozen=True)
class Prediction:
    """betas: (10,). body_pose: (69,) and global_orient: (3,) rotation vectors. vertices: (6890, 3) and joints: (24, 3)
    metres."""

    betas: np.ndarray
    body_pose: np.ndarray
    global_orient: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray


class HMR2Inference:
    """Both of the user's models and the detector of people. Settings: ML_HMR2_CHECKPOINT, a checkpoint of 4D-Humans;
    ML_SMPL_MODEL, a file of SMPL, in whose name `{gender}` stands for neutral, female or male; ML_DEVICE, cuda or cpu.

    Raises InputError for files that are missing or none of these. `shared` gives one of them per process.
    """

    def __init__(self, folder: Path = networks.FOLDER) -> None:
        wanted = os.environ.get(DEVICE, _DEVICES[0])
        if wanted not in _DEVICES:
            raise InputError("{setting} is none of {choices}.", setting=DEVICE, choices=", ".join(_DEVICES))
        where = "https://github.com/shubham-goel/4D-Humans"
        self._network = _network(_setting(CHECKPOINT, "HMR 2.0's checkpoint", where))
        self._smpl = _setting(MODEL, "SMPL's model", "https://smpl.is.tue.mpg.de")
        self._people = PersonReader(folder)
        self._device = torch.device(wanted if torch.cuda.is_available() else "cpu")
        self._network.to(self._device)

    @staticmethod
    @cache
    def shared(folder: Path = networks.FOLDER) -> HMR2Inference:
        """The one of this process."""
        return HMR2Inference(folder)

    def model(self, gender: str = "neutral") -> smpl.Smpl:
        """SMPL's of a gender. Raises InputError for a file that is missing or none."""
        if gender not in GENDERS:
            raise InputError("“{gender}” is none of {choices}.", gender=gender, choices=", ".join(GENDERS))
        return _model(Path(str(self._smpl).format(gender=gender)))

    def predict(self, image: np.ndarray, gender: str = "neutral") -> Prediction:
        """The largest person of a (H, W, 3) uint8 picture. Raises InputError where there is none."""
        model = self.model(gender)
        found = self._people.detect(image)
        if not found:
            raise InputError("No person detected in image.")
        region = Region(found[0].region.centre, found[0].region.size)
        pixels = (sample(image, region, _SIZE, outside=False) / 255 - _MEAN) / _SPREAD
        turns, betas = self._run(torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)))
        vectors = rotation_vectors(turns)
        vertices, joints = model.body(betas, vectors[1:].reshape(-1), vectors[0])
        return Prediction(betas, vectors[1:].reshape(-1), vectors[0], vertices, joints)

    def _run(self, picture: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """(24, 3, 3) rotations and (10,) betas; on the processor where a graphics card has too little memory."""
        with torch.inference_mode():
            try:
                turns, betas = self._network(picture.to(self._device))
            except torch.cuda.OutOfMemoryError:
                print("The graphics card has too little memory: the processor takes over.", file=sys.stderr)
                self._device = torch.device("cpu")
                turns, betas = self._network.to(self._device)(picture)
        return turns[0].cpu().numpy().astype(float), betas[0].cpu().numpy().astype(float)


_model = cache(smpl.load)


def rotation_vectors(turns: np.ndarray) -> np.ndarray:
    """(N, 3) rotation vectors of (N, 3, 3) rotations."""
    return Rotation.from_matrix(turns).as_rotvec()


def _setting(name: str, what: str, where: str) -> Path:
    given = os.environ.get(name)
    if not given:
        raise InputError(
            "{what} is missing: download it from {where} under its licence, and name its file by {setting}.",
            what=what, where=where, setting=name,
        )  # fmt: skip
    return Path(given)


def _network(path: Path) -> hmr2.Hmr2:
    """The network of a checkpoint, whose code is not run. Raises InputError where it is missing or none."""
    if not path.is_file():
        raise InputError("{path}, which {setting} names, does not exist.", path=path, setting=CHECKPOINT)
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError) as error:
        raise InputError(
            "{file} cannot be read as weights alone: keep its state_dict alone in a file, as "
            "`torch.save({{'state_dict': …}}, FILE)` does.",
            file=path.name,
        ) from error
    return hmr2.from_checkpoint(data.get("state_dict", data) if isinstance(data, dict) else {})
