"""What the networks see of the faces that ship with the tests, pinned in inputs.npz: the same under every numpy.

The add-on runs with the numpy inside Blender (1.26), training with a newer one (2.x); a network must not see other
numbers where it learned than where it is used. `python -m tests.golden.inputs` writes the file, from the core's
environment; a change that it shows is one that needs new networks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blendshape_addon.core.detection.views import crop, draw, pieces
from blendshape_addon.core.face import features
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.geometry.mesh import vertex_normals
from blendshape_addon.core.inference.picture import PICTURE
from tests import faces

FILE = Path(__file__).with_name("inputs.npz")
VERTICES = 100  # of each face, spread evenly over those that the deformer sees
PIXELS = 192  # side of the view that the crop is taken from
EVERY = 2  # of the crop's rows and columns that is pinned
# Largest difference of a number: sums are rounded otherwise with each numpy, processor and number of threads. Lip and
# lid fields are solved to 2e-3 of their range only, and where the solver stops may change with a rounding.
TOLERANCE = 1e-5
FIELD_TOLERANCE = 2e-3
FIELDS = slice(6, 9)  # columns of the fields among the inputs
# Pixels of the crop that may differ by more than TOLERANCE: at a border a rounding decides which triangle is seen.
PIXEL_SHARE = 0.002


def measure(name: str) -> dict[str, np.ndarray]:
    """Of one of `faces.NAMES`: inputs (VERTICES, INPUTS), to_face (VERTICES, 3, 3), picture (5, S, S), float32."""
    face = faces.load(name)
    seen = features.compute(face.avatar, face.landmarks)
    some = np.linspace(0, len(seen.index) - 1, VERTICES).astype(int)
    avatar, space = face.avatar, FaceSpace.of(face.landmarks)
    normals = vertex_normals(avatar.vertices, avatar.triangles, avatar.weld)
    centre = space.origin + PICTURE.face_centre * space.scale * space.rotation[1]
    half = PICTURE.face_half_width * space.scale
    view = draw(avatar.vertices, avatar.triangles, normals, pieces(avatar), space.rotation, centre, half, PIXELS)
    return {
        "inputs": seen.inputs()[some],
        "to_face": seen.canonical.to_face[some].astype(np.float32),
        "picture": crop(view, 0, 0, 1).image[:, ::EVERY, ::EVERY],
    }


def differences(pinned: dict[str, np.ndarray], measured: dict[str, np.ndarray]) -> list[str]:
    """What differs by more than the tolerances allow, a sentence for each array."""
    found = []
    for name, array in pinned.items():
        if array.shape != measured[name].shape:
            found.append(f"{name}: {array.shape} in the file, {measured[name].shape} now")
            continue
        apart = np.abs(measured[name].astype(float) - array)
        if name == "picture":
            share = float((apart > TOLERANCE).any(0).mean())
            if share > PIXEL_SHARE:
                found.append(f"{name}: {share:.2%} of the pixels differ")
            continue
        allowed = np.full(array.shape, TOLERANCE)
        if name == "inputs":
            allowed[:, FIELDS] = FIELD_TOLERANCE
        if not (apart <= allowed).all():
            found.append(f"{name}: differs by {apart.max():.2g} in column {np.argmax((apart - allowed).max(0))}")
    return found


def read(name: str) -> dict[str, np.ndarray]:
    """What was pinned of one of `faces.NAMES`."""
    with np.load(FILE, allow_pickle=False) as file:
        return {key.partition("/")[2]: file[key] for key in file.files if key.partition("/")[0] == name}


def main() -> None:
    """Write the file and say how large it is."""
    arrays = {f"{name}/{key}": array for name in faces.NAMES for key, array in measure(name).items()}
    np.savez_compressed(FILE, **arrays)
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KB, numpy {np.__version__}")


if __name__ == "__main__":
    main()
