"""Offline, and nothing from a file is run: what the add-on's code may not use, and what a model may not ask for."""

import ast
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.inference import contract, onnx_check, registry

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "blendshape_addon"
MODULES = {
    "network": {
        "socket",
        "ssl",
        "http",
        "urllib",
        "ftplib",
        "smtplib",
        "xmlrpc",
        "asyncio",
        "socketserver",
        "webbrowser",
    },
    "objects from files": {"pickle", "marshal", "shelve", "dbm", "joblib"},
    "other programs": {"subprocess", "multiprocessing", "pty"},
}
CALLS = {
    "code from strings": {"eval", "exec", "compile", "__import__"},
    "other programs": {"os.system", "os.popen", "os.startfile", "os.execv", "os.execvp", "os.spawnv", "os.fork"},
    "a temporary file that can be guessed": {"mktemp", "gettempdir", "gettempprefix"},
    "network": {"url_open", "url_open_preset"},
    "objects from files": {"load_library", "register_custom_ops_library"},
}


# The training tools run in the user's own Python, named in the preferences and started by a button; a batch gives
# each avatar a Blender of its own, the one that runs; a provider is tried in a second process of this very Python.
ALLOWED = {
    "blender/jobs/training_process.py": {"other programs"},
    "blender/jobs/batch.py": {"other programs"},
    "core/inference/probe.py": {"other programs"},
}


def offences(code: str) -> list[str]:
    """What a file of the add-on with this code uses that none may."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            names = [name for name in names if name != "urllib.parse"]  # it only quotes names
            tops = {name.partition(".")[0] for name in names} if not getattr(node, "level", 0) else set()
            found += [kind for kind, modules in MODULES.items() if tops & modules]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            called = {name, name.rpartition(".")[2]} - ({"compile"} if name == "re.compile" else set())
            found += [kind for kind, calls in CALLS.items() if called & calls]
            if name == "np.load" and "allow_pickle=False" not in map(ast.unparse, node.keywords):
                found.append("objects from files")
        elif getattr(node, "attr", "") == "tempdir" or str(getattr(node, "value", "")).startswith("/tmp"):
            found.append("a temporary file that can be guessed")
    return found


@pytest.mark.parametrize("path", sorted(ADDON.rglob("*.py")), ids=lambda path: str(path.relative_to(ADDON)))
def test_file_uses_nothing_that_opens_a_door(path):
    allowed = ALLOWED.get(path.relative_to(ADDON).as_posix(), set())
    assert set(offences(path.read_text(encoding="utf-8"))) == allowed


@pytest.mark.parametrize(
    ("code", "offends"),
    [
        ("import urllib.request", True),
        ("from http import client", True),
        ("def f():\n    import socket", True),
        ("import pickle", True),
        ("eval(text)", True),
        ("re.compile(text)", False),
        ("os.system(text)", True),
        ("path = '/tmp/' + name", True),
        ("np.load(path)", True),
        ("np.load(path, allow_pickle=True)", True),
        ("np.load(path, allow_pickle=False)", False),
        ("tempfile.mktemp()", True),
        ("tempfile.TemporaryDirectory()", False),
        ("bpy.app.tempdir + name", True),
        ("bpy.ops.wm.url_open(url=url)", True),
        ("from . import registry", False),
        ("options.register_custom_ops_library(path)", True),
    ],
)
def test_rule_sees_what_breaks_it(code, offends):
    assert bool(offences(code)) == offends


def test_generating_opens_no_socket_and_starts_no_program():
    """From loading both models to checked shapes, in a process that raises at the first attempt."""
    code = """
import os, sys
sys.path.insert(0, "tests/core")
from pieces import mask

from blendshape_addon.core import pipeline
from blendshape_addon.core.detection import detect
from blendshape_addon.core.errors import Cancelled
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.options import GenerateOptions

import numpy as np
import onnxruntime

DOORS = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "urllib.", "http.", "ftplib.",
         "pickle.find_class", "ctypes.dlopen")

def forbid(event, arguments):
    if event.startswith(DOORS):
        raise RuntimeError(f"{event} {arguments}")

def sockets():
    folder = "/proc/self/fd"
    links = [os.path.join(folder, name) for name in os.listdir(folder)] if os.path.isdir(folder) else []
    return sorted(os.readlink(link) for link in links if os.path.islink(link) and "socket:" in os.readlink(link))

sys.addaudithook(forbid)
before = sockets()
avatar, marks = mask(31, 39)
def enough(fraction, stage):
    if fraction > 0.05:
        raise Cancelled("The finder has run.")

try:
    detect.find(avatar, progress=enough)
except Cancelled:
    pass
space = FaceSpace.of(marks)
face = detect.Face(marks, np.ones(len(marks)), 1.0, space.rotation, space.scale)
made = pipeline.generate(avatar, GenerateOptions(["vrc.v_aa", "joy"]), face=face)
print(len(made.shapes), sockets() == before)
import socket
try:
    socket.socket()
except RuntimeError as error:
    print("forbidden")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["2", "True", "forbidden"], done.stderr


def field(number: int, value: bytes | int) -> bytes:
    """A field of a Protocol Buffers message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])


OWN_OPERATOR = field(7, field(1, field(4, b"Evil") + field(7, b"my.ops")))
IN_A_BRANCH = field(7, field(1, field(4, b"If") + field(5, field(6, field(1, field(7, b"my.ops"))))))
OTHER_FILE = field(7, field(5, field(14, 1)))


@pytest.fixture
def folder(tmp_path):
    """A folder of models, made with folder(data): a deformer whose card has the right hash."""

    def make(data: bytes) -> Path:
        (tmp_path / "mine.onnx").write_bytes(data)
        card = f'kind = "deformer"\ncontract = "{contract.of("deformer")}"\n'
        card += f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n'
        (tmp_path / "mine.toml").write_text(card, encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture(scope="module")
def shipped() -> bytes:
    return registry.load("deformer").data


@pytest.mark.parametrize("kind", contract.KINDS)
def test_shipped_models_need_nothing_beside_themselves(kind):
    assert onnx_check.unsupported_features(registry.load(kind).data) == []


# Messages that are joined are one message: this is how a field is added to the shipped model.
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (field(8, field(1, b"my.ops")), "operators of “my.ops”"),
        (OWN_OPERATOR, "operators of “my.ops”"),
        (IN_A_BRANCH, "operators of “my.ops”"),
        (field(25, field(10, b"my.ops")), "operators of “my.ops”"),
        (OTHER_FILE, "data in other files"),
        (OWN_OPERATOR + OTHER_FILE, "operators of “my.ops”, data in other files"),
        (b"\x3a\x7f", "no ONNX file"),
        (b"\xff" * 12, "no ONNX file"),
    ],
)
def test_a_model_that_asks_for_more_is_refused_before_it_is_loaded(folder, shipped, more, words):
    with pytest.raises(ModelError, match=words):
        registry.load("deformer", folder(shipped + more))


def test_graphs_nested_without_end_are_refused(folder):
    graph = b""
    for _ in range(30):  # a graph with a node with an attribute that is a graph
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(ModelError, match="nested too deep"):
        registry.load("deformer", folder(field(7, graph)))


def test_large_models_and_cards_are_refused_unread(folder, shipped, monkeypatch):
    monkeypatch.setattr(registry, "MAX_BYTES", 1 << 20)
    with pytest.raises(ModelError, match="larger than 1 MB"):
        registry.load("deformer", folder(shipped + bytes(1 << 20)))
    card = folder(shipped) / "mine.toml"
    card.write_bytes(b"#" * (registry.MAX_CARD_BYTES + 1))
    with pytest.raises(ModelError, match="card mine.toml is larger"):
        registry.load("deformer", card.parent)


def test_a_card_cannot_point_out_of_its_folder(folder, shipped, tmp_path):
    inside = folder(shipped)
    card = (inside / "mine.toml").read_text() + 'file = "../../mine.onnx"\n'
    (inside / "mine.toml").write_text(card)
    assert registry.load("deformer", inside).data == shipped
    (inside / "mine.onnx").rename(tmp_path.parent / "mine.onnx")
    with pytest.raises(ModelError, match="mine.onnx is missing"):
        registry.load("deformer", inside)
