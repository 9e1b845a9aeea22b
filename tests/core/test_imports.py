"""Who may import whom: the core no Blender, the add-on no training, and nothing by the add-on's own absolute name."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "blendshape_addon"
BLENDER = {"bpy", "bmesh", "mathutils", "addon_utils", "blf", "gpu", "gpu_extras", "bl_ext", "io_scene_fbx"}
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
