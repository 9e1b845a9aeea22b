"""`python -m training body prepare`: the networks that find people and read their pose, from MediaPipe's, as ONNX.

They are Google's Pose Landmarker (https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker), whose files
lie in a package of the Python index. Nothing of that package runs.
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from ..learning import converted
from ..learning.converted import Network

FOLDER = Path("out/body/networks")
VERB = "body prepare"
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
    """As `converted.prepare`."""
    return converted.prepare(NETWORKS, folder, wheel)


def open_network(kind: str, folder: Path) -> onnxruntime.InferenceSession:
    """As `converted.open_network`."""
    return converted.open_network(kind, folder, VERB)
