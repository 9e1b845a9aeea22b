"""How far a corrective key is on: by how near a point that a bone carries is to where it is in the key pose.

It is what a Contact Receiver of VRChat measures, what a driver of Blender can say in one expression, and a few lines of
a script in Unity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
ACROSS, ALONG, _ = AXES  # axes of a bone: to its side, and to its tip


@dataclass(frozen=True)
class Driver:
    """bone: whose rotation drives. axis: (3,) unit vector of the bone that the point lies on, one of AXES; all but
    ALONG also tell a twist. centre: (3,) unit vector, where that is in the key pose, in the bone's axes at rest.
    inner, outer: distances of the point from the centre, for a bone of length 1, at which the key is fully on and off.
    rotation: (4,) quaternion w, x, y, z of the key pose, relative to rest.
    """

    bone: str
    axis: tuple[float, float, float]
    centre: tuple[float, float, float]
    inner: float
    outer: float
    rotation: tuple[float, float, float, float]

    def values(self, rotations: np.ndarray) -> np.ndarray:
        """(F,) values, 0 to 1, of the key at the bone's rotations (F, 4) relative to rest."""
        return ramp(distances(rotate(rotations, self.axis), np.array(self.centre)), self.inner, self.outer)

    @property
    def angle(self) -> float:
        """Degrees between the key pose and rest."""
        return float(np.degrees(2 * np.arccos(min(abs(self.rotation[0]), 1.0))))

    def expression(self) -> str:
        """The value as a simple expression of Blender's drivers, of variables w, x, y, z: the bone's local rotation.

        Distances of unit vectors are √(2 − 2 cos): cos, of the rotated axis to the centre, is written out.
        """
        a, b, c = (f"{number:.6f}" for number in self.centre)
        near = (
            f"{a}*(1-2*(y*y+z*z))+{b}*2*(x*y+w*z)+{c}*2*(x*z-w*y)",
            f"{a}*2*(x*y-w*z)+{b}*(1-2*(x*x+z*z))+{c}*2*(y*z+w*x)",
            f"{a}*2*(x*z+w*y)+{b}*2*(y*z-w*x)+{c}*(1-2*(x*x+y*y))",
        )[AXES.index(self.axis)]
        distance = f"sqrt(max(0,2-2*({near})))"
        return f"max(0,min(1,({self.outer:.6f}-{distance})/{self.outer - self.inner:.6f}))"


def rotate(rotations: np.ndarray, axis: tuple[float, float, float]) -> np.ndarray:
    """(F, 3) `axis` (3,) rotated by unit quaternions (F, 4) w, x, y, z."""
    real, imaginary = rotations[:, :1], rotations[:, 1:]
    turned = np.cross(imaginary, np.asarray(axis, float))
    return np.asarray(axis, float) + 2 * (real * turned + np.cross(imaginary, turned))


def distances(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(F,) of points (F, 3) from a centre (3,)."""
    return np.linalg.norm(points - centre, axis=1)


def ramp(distance: np.ndarray, inner: float, outer: float) -> np.ndarray:
    """1 up to `inner`, 0 from `outer` on, straight between."""
    return np.clip((outer - distance) / (outer - inner), 0.0, 1.0)


def angles(rotations: np.ndarray) -> np.ndarray:
    """(…) degrees of unit quaternions (…, 4) from no rotation."""
    return np.degrees(2 * np.arccos(np.clip(np.abs(rotations[..., 0]), 0.0, 1.0)))
