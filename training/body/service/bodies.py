"""The bodies themselves: what is kept of a fitted one."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from blendshape_addon.core.errors import InputError

from .. import photo
from ..command import HMR, MAKEHUMAN, fit_and_measure
from ..fit import Fit, Fitter
from ..person import PersonReader
from .settings import Settings

PARAMETERS, MESH = "params.npz", "mesh.obj"


@dataclass(frozen=True)
class Body:
    """files: bytes by name. result: what is said of it, in JSON's types."""

    files: dict[str, bytes]
    result: dict[str, Any]


class Extractor(Protocol):
    """Makes bodies of pictures; what it needs is loaded once."""

    def extract(
        self, pictures: Sequence[photo.Photo], height: float | None, gender: str | None, tight: bool = False
    ) -> Body:
        """The body of a person from the front, and from the side if there is a second picture. height: metres. Raises
        InputError for a picture that does not show what it should, or that no body fits."""


def extractor(settings: Settings) -> Extractor:
    """The one of the settings. Raises InputError for files that it needs and that are missing."""
    return HmrExtractor(settings.networks) if settings.engine == HMR else MakeHumanExtractor(settings.networks)


def require(settings: Settings) -> None:
    """Raises InputError where files of the user's that the engine needs are missing or none."""
    if settings.engine == HMR:
        HmrExtractor(settings.networks)


class MakeHumanExtractor:
    """Reads and fits people; networks and base mesh are loaded once."""

    def __init__(self, networks: Path) -> None:
        self._reader, self._fitter = PersonReader(networks), Fitter()

    def extract(
        self, pictures: Sequence[photo.Photo], height: float | None, gender: str | None, tight: bool = False
    ) -> Body:
        """See Extractor."""
        views = [photo.view(one, self._reader, side=number == 1) for number, one in enumerate(pictures)]
        fit, found = fit_and_measure(self._fitter, views, height, gender, tight)
        result = {
            **_said(MAKEHUMAN, gender or ("male" if fit.shape.macro["gender"] > 0.5 else "female"), height, found),
            "outline_pixels": [round(value, 2) for value in fit.outline],
        }
        human = self._fitter.human
        points = human.vertices(fit.shape.person()) * fit.scale
        return Body({PARAMETERS: _parameters(fit), MESH: _mesh(points, human.polygons)}, result)


class HmrExtractor:
    """Asks HMR 2.0 and SMPL, from the user's own files."""

    def __init__(self, networks: Path) -> None:
        try:
            self._tools = import_module("training.body.inference"), import_module("training.body.smpl_person")
        except ModuleNotFoundError as error:
            raise InputError("The engine hmr needs PyTorch in the environment of the service.") from error
        self._engine = self._tools[0].HMR2Inference.shared(networks)

    def extract(
        self, pictures: Sequence[photo.Photo], height: float | None, gender: str | None, tight: bool = False
    ) -> Body:
        """See Extractor; of the first picture alone, and clothes make no difference."""
        person = self._tools[1].find(self._engine, pictures[0].pixels, height, gender)
        found = person.prediction
        data = _archive(
            HMR, smplx_betas=found.betas, smplx_scale=person.scale, smplx_body_pose=found.body_pose[None],
            smplx_global_orient=found.global_orient[None],
        )  # fmt: skip
        result = _said(HMR, gender or self._tools[1].NEUTRAL, height, person.centimetres)
        return Body({PARAMETERS: data, MESH: _mesh(person.rest()[0], person.model.triangles)}, result)


def _said(engine: str, gender: str, height: float | None, found: Mapping[str, float]) -> dict[str, Any]:
    """What is said of every body."""
    return {
        "smplx_engine": engine,
        "smplx_gender": gender,
        "relative": height is None,
        "measurements_cm": {name: round(value, 1) for name, value in found.items()},
    }


def _mesh(points: np.ndarray, faces: np.ndarray) -> bytes:
    """A body at rest as .obj: metres, y up, facing +z."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points]
    lines += ["f " + " ".join(map(str, face)) for face in faces + 1]
    return ("\n".join(lines) + "\n").encode()


def _archive(engine: str, **arrays: object) -> bytes:
    data = io.BytesIO()
    np.savez_compressed(data, smplx_engine=np.array(engine), **{name: np.asarray(one) for name, one in arrays.items()})
    return data.getvalue()


def _parameters(fit: Fit) -> bytes:
    """What the body is made of. smplx_betas: (B,) features and targets of MakeHuman, named by smplx_betas_names, then
    times smplx_scale. Of each picture smplx_body_pose: angles of POSE, radians; smplx_global_orient: (3,) rotation
    vector; smplx_transl: (3,) metres from the camera."""
    numbers = {**fit.shape.macro, **fit.shape.target}
    return _archive(
        MAKEHUMAN,
        smplx_betas=list(numbers.values()),
        smplx_betas_names=list(numbers),
        smplx_scale=fit.scale,
        smplx_body_pose=[stance.angles for stance in fit.stances],
        smplx_global_orient=[stance.turn for stance in fit.stances],
        smplx_transl=[stance.place for stance in fit.stances],
    )
