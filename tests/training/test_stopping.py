"""Commands in processes of their own: a full disk and Ctrl-C are said, and what was whole stays so."""

import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import patches
import pytest

from blendshape_addon.core.vocabulary import CONDITIONS
from training.config import TrainConfig
from training.deformer import weights
from training.deformer.model import Deformer, ModelConfig

TINY = "--threads 1 --batch 2 --vertices 30 --warmup 2 --model.width 16 --model.blocks 1 --sheet-every 0 --save-every 5"


def start(*arguments, most=None):
    """A command in its own process. most: bytes that a file may have, as on a disk that is full."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}  # its files count too
    return subprocess.Popen(
        [sys.executable, "-m", "training", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=own | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        preexec_fn=most and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))),
    )  # fmt: skip


def last_line(process):
    said = process.communicate(timeout=300)[1]
    assert "Traceback" not in said
    return said.splitlines()[-1]


@pytest.fixture
def trained(tmp_path):
    model = Deformer(ModelConfig(width=16, blocks=1, artists=("anna",)))
    path = tmp_path / weights.FILE
    notes = {"trained_on": [{"name": "a/b", "licence": "CC0"}]}
    weights.save(path, model, TrainConfig(model=model.config), np.full((1, len(CONDITIONS)), 0.1), notes)
    return path


def test_ctrl_c_stops_a_training_with_a_sentence_and_its_checkpoint(tmp_path):
    data, out = patches.folder(tmp_path / "data"), tmp_path / "run" / weights.FILE
    process = start("train", "--dataset", data, "--out", out, "--steps", 100_000, *TINY.split())
    resumes = out.with_suffix(".resume.safetensors")
    deadline = time.monotonic() + 200
    while not resumes.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert "goes on from there" in last_line(process) and process.returncode == 130
    assert {path.name for path in out.parent.iterdir()} == {resumes.name, out.stem}


def test_a_full_disk_leaves_the_model_and_its_card_as_they_were(tmp_path, trained):
    for name in ("deformer.onnx", "deformer.toml"):
        (tmp_path / name).write_text("earlier")
    process = start("export", trained, "--out", tmp_path / "deformer.onnx", most=1024)
    assert "deformer.onnx cannot be written (File too large)" in last_line(process) and process.returncode == 2
    assert {path.name for path in tmp_path.iterdir()} == {weights.FILE, "deformer.onnx", "deformer.toml"}
    assert (tmp_path / "deformer.onnx").read_text() == (tmp_path / "deformer.toml").read_text() == "earlier"


def test_a_full_disk_while_training_is_a_sentence(tmp_path):
    data, out = patches.folder(tmp_path / "data"), tmp_path / "run" / weights.FILE
    process = start("train", "--dataset", data, "--out", out, "--steps", 40, *TINY.split(), most=4096)
    assert "File too large" in last_line(process) and process.returncode == 2
    assert not out.exists() and not list(out.parent.glob("*.part"))
