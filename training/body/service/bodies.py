"""The bodies themselves: what is kept of a fitted one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import photo
from ..command import fit_and_measure
from ..fit import Fit, Fitter
from ..person import PersonReader

PARAMETERS, MESH = "params.npz", "mesh.obj"
ENGINE = "makehuman"


@dataclass(frozen=True)
class Body:
    """files: bytes by name. result: what is said of it, in JSON's types."""

    files: dict[str, bytes]
    result: dict[str, Any]


class Extractor:
    """Reads and fits people; networks and base mesh are loaded once."""

    def __init__(self, networks: Path) -> None:
        self._reader, self._fitter = PersonReader(networks), Fitter()

    def extract(
        self, pictures: Sequence[photo.Photo], height: float | None, gender: str | None, tight: bool = False
    ) -> Body:
        """The body of a person from the front, and from the side if there is a second picture. height: metres. Raises
        InputError for a picture that does not show what it should, or that no body fits."""
        views = [photo.view(one, self._reader, side=number == 1) for number, one in enumerate(pictures)]
        fit, found = fit_and_measure(self._fitter, views, height, gender, tight)
        result = {
            "smplx_engine": ENGINE,
            "smplx_gender": gender or ("male" if fit.shape.macro["gender"] > 0.5 else "female"),
            "relative": height is None,
            "measurements_cm": {name: round(value, 1) for name, value in found.items()},
            "outline_pixels": [round(value, 2) for value in fit.outline],
        }
        return Body({PARAMETERS: _parameters(fit), MESH: self._mesh(fit)}, result)

    def _mesh(self, fit: Fit) -> bytes:
        """The body at rest as .obj: metres, y up, facing +z."""
        human = self._fitter.human
        points = human.vertices(fit.shape.person()) * fit.scale
        lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points]
        lines += ["f " + " ".join(map(str, quad)) for quad in human.polygons + 1]
        return ("\n".join(lines) + "\n").encode()


def _parameters(fit: Fit) -> bytes:
    """What the body is made of. smplx_betas: (B,) features and targets of MakeHuman, named by smplx_betas_names, then
    times smplx_scale. Of each picture smplx_body_pose: angles of POSE, radians; smplx_global_orient: (3,) rotation
    vector; smplx_transl: (3,) metres from the camera."""
    numbers = {**fit.shape.macro, **fit.shape.target}
    data = io.BytesIO()
    np.savez_compressed(
        data,
        smplx_engine=np.array(ENGINE),
        smplx_betas=np.array(list(numbers.values())),
        smplx_betas_names=np.array(list(numbers)),
        smplx_scale=np.array(fit.scale),
        smplx_body_pose=np.array([stance.angles for stance in fit.stances]),
        smplx_global_orient=np.array([stance.turn for stance in fit.stances]),
        smplx_transl=np.array([stance.place for stance in fit.stances]),
    )
    return data.getvalue()
