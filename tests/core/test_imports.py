"""Who may import whom: the core no Blender, the add-on no training, and nothing by the add-on's own absolute name.

Inside the core each room may import the rooms that its line of CORE names; the rooms of the Blender side have their own
table in test_blender_imports.py.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_rules import circle, names_of, private_names, room, upward

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "blendshape_addon"
BLENDER = {"bpy", "aud", "bmesh", "mathutils", "addon_utils", "blf", "gpu", "gpu_extras", "bl_ext", "io_scene_fbx"}
CORE_FOLDER = ADDON / "core"
# What every room may import: names, orders and words, which know nothing of geometry.
GROUND = ("errors", "messages", "vocabulary", "expressions", "shapes")
# Which rooms and modules the modules of a room of the core may import beside their own.
CORE = {
    "messages": (),
    "errors": ("messages",),
    "vocabulary": ("errors",),
    "expressions": ("vocabulary",),
    "shapes": (),
    "geometry": GROUND,
    "avatar": (*GROUND, "geometry"),
    "face": (*GROUND, "avatar", "geometry"),
    "inference": (*GROUND, "face/features", "face/face_space"),
    "detection": (*GROUND, "face", "geometry", "inference", "avatar"),
    "refinement": (*GROUND, "face", "geometry", "avatar"),
    "quality": (*GROUND, "refinement", "face", "geometry", "avatar"),
    "style": (*GROUND, "face", "avatar"),
    "motion": (*GROUND, "inference"),
    "corrective": (*GROUND, "inference", "avatar"),
    "shape_markers": (*GROUND, "face", "geometry", "avatar"),
    "idle_objects": (*GROUND, "face", "avatar"),
    "options": (*GROUND, "style"),
    "pipeline": (
        *GROUND, "options", "avatar", "face", "inference", "detection", "refinement", "quality", "style",
    ),
}  # fmt: skip
# The command line opens files with bpy, but only when it runs: the module itself imports without Blender.
LAZY = {"cli.py", "__init__.py"}


def imported(path: Path) -> dict[str, bool]:
    """Top-level names that a file imports absolutely, and whether each is imported when the file is."""
    found: dict[str, bool] = {}

    def visit(node: ast.AST, at_import: bool) -> None:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            found[top] = found.get(top, False) or at_import
        inside = at_import and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


def offences(path: Path) -> list[str]:
    """What `path`, a file of the add-on, imports against the rules."""
    where = path.relative_to(ADDON)
    found = []
    for name, at_import in imported(path).items():
        if name in BLENDER and where.parts[0] != "blender" and not (where.name in LAZY and not at_import):
            found.append(f"{name}, which is for blendshape_addon/blender")
        elif name in ("training", "torch", "tests"):
            found.append(f"{name}, which is not shipped")
        elif name == "blendshape_addon":
            found.append("itself by its absolute name, which an installed extension does not have")
        elif name not in BLENDER | sys.stdlib_module_names | {"numpy", "onnxruntime"}:
            found.append(f"{name}, which Blender does not have")
    return found


@pytest.mark.parametrize("path", sorted(ADDON.rglob("*.py")), ids=lambda path: str(path.relative_to(ADDON)))
def test_file_keeps_the_import_rule(path):
    assert offences(path) == []


@pytest.mark.parametrize(
    ("where", "code", "offends"),
    [
        ("core/new.py", "import bpy", True),
        ("core/new.py", "def f():\n    import bpy", True),
        ("cli.py", "def f():\n    import bpy", False),
        ("cli.py", "import bpy", True),
        ("blender/new.py", "from bpy.types import Mesh", False),
        ("blender/new.py", "from training import rigs", True),
        ("core/new.py", "def f():\n    from torch.nn import Module", True),
        ("blender/new.py", "from blendshape_addon.core import mesh", True),
        ("blender/new.py", "from ..core import mesh", False),
        ("core/new.py", "import scipy.sparse", True),
    ],
)
def test_rule_sees_what_breaks_it(tmp_path, monkeypatch, where, code, offends):
    monkeypatch.setattr(sys.modules[__name__], "ADDON", tmp_path)
    path = tmp_path / where
    path.parent.mkdir(exist_ok=True)
    path.write_text(code)
    assert bool(offences(path)) == offends


def test_core_runs_on_numpy_alone():
    """What importing every core module really brings in, whatever else is installed."""
    files = sorted((ADDON / "core").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files]
    code = (
        "import sys, numpy.random; before = set(sys.modules)\n"
        f"import {', '.join(names)}\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"blendshape_addon", "numpy"}


@pytest.mark.parametrize("name", sorted(names_of(CORE_FOLDER) - {"__init__"}))
def test_core_module_imports_only_the_rooms_that_its_own_may(name):
    assert room(CORE, name) in CORE, "a new room: say in CORE what it may import"
    assert upward(CORE_FOLDER, CORE, name) == []


def test_no_module_of_the_core_imports_itself_by_a_detour():
    assert circle(CORE_FOLDER) == []


@pytest.mark.parametrize("name", sorted(names_of(ADDON)))
def test_module_takes_no_private_name_of_another(name):
    assert private_names(ADDON, name) == []


@pytest.mark.parametrize(
    ("name", "code", "offends"),
    [
        ("refinement/new", "from ..face import features", []),
        ("refinement/new", "from ..errors import InputError", []),
        ("refinement/new", "from ..detection import search", ["detection/search"]),
        ("refinement/new", "def f():\n    from ..detection.search import run", ["detection/search"]),
        ("face/new", "from ..refinement.new import x", ["refinement/new"]),
        ("face/new", "from .. import pipeline", ["pipeline"]),
        ("inference/new", "from ..face import features", []),
        ("inference/new", "from ..face import parts", ["face/parts"]),
        ("errors", "from .vocabulary import LANDMARKS", ["vocabulary"]),
        ("pipeline", "from .detection import search\nfrom .face.parts import Part", []),
        ("pipeline", "from core.detection import search", []),
        ("geometry/new", "from core.face import parts", ["face/parts"]),
    ],
)
def test_core_rule_sees_what_breaks_it(tmp_path, name, code, offends):
    core = package(tmp_path / "core", name, code)
    assert upward(core, CORE, name) == offends


def test_a_circle_is_seen_in_functions_too(tmp_path):
    core = package(tmp_path / "core", "face/parts", "def f():\n    from . import features")
    assert circle(core) == []
    (core / "face/features.py").write_text("from .parts import Part")
    assert set(circle(core)) == {"face/parts", "face/features"}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from .parts import _named", ["face/parts._named"]),
        ("from . import parts\nparts._named(1)", ["face/parts._named"]),
        ("from . import parts as own\nown._named(1)", ["face/parts._named"]),
        ("def f():\n    from ..face.parts import _named", ["face/parts._named"]),
        ("from . import parts\nparts.named(1)", []),
        ("from .parts import Part\nself._named = Part.__name__", []),
    ],
)
def test_a_private_name_of_another_module_is_seen(tmp_path, code, found):
    core = package(tmp_path / "core", "face/new", code)
    assert private_names(core, "face/new") == found


def package(core: Path, name: str, code: str) -> Path:
    """A core of a few empty modules and the module `name` with this code."""
    for other in ("errors", "vocabulary", "pipeline", "face/parts", "face/features", "detection/search",
                  "refinement/new", name):  # fmt: skip
        path = core / f"{other}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code if other == name else "")
    return core
