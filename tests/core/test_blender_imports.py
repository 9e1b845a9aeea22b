"""Who may import whom in the Blender side of the add-on: each room those below it, and no module itself by a detour."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ADDON = Path(__file__).resolve().parents[2] / "blendshape_addon"
# What everything above the stored data may read: what the user chose, what is going on, and Blender's language.
GROUND = {"blender/settings", "blender/session", "blender/translations", "blender/ui_text", "blender/debug_log"}
COMMAND_LINE = {"options", "summary"}
ALLOWED = {
    "core": {"core"},
    "options": {"core"},
    "summary": {"core"},
    "cli": {"core", "options", "blender/jobs"},
    "blender/settings": {"core"},
    "blender/session": {"core"},
    "blender/ui_text": set(),
    "blender/translations": {"core"},
    "blender/debug_log": {"core", *GROUND},
    "blender/stored": {"core"},
    "blender/io": {"core", "blender/stored"},
    "blender/keys": {"core", "blender/stored", "blender/io"},
    "blender/viewport": {"core", *GROUND, "blender/stored", "blender/io", "blender/keys"},
    "blender/jobs": {
        "core", *COMMAND_LINE, *GROUND, "blender/stored", "blender/io", "blender/keys", "blender/viewport"
    },
    "blender/ui": {"core", *GROUND, "blender/stored", "blender/io", "blender/keys", "blender/viewport"},
    "blender/ui/panels": {"core", *GROUND, "blender/stored", "blender/keys", "blender/viewport", "blender/ui"},
    "blender/ui/preferences": {"core", *GROUND, "blender/ui", "blender/ui/panels"},
    "blender/ui/operators": {
        "core", *GROUND, "blender/stored", "blender/io", "blender/keys", "blender/viewport", "blender/jobs",
        "blender/ui",
    },
}  # fmt: skip
# Blender registers the package, and the package all of the add-on.
ENTRIES = {"__init__", "__main__", "blender/__init__"}


def names_of(folder: Path) -> set[str]:
    """Every module of the package `folder`: "core/pipeline", "blender/ui/__init__"."""
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py")}


def imports(folder: Path, name: str) -> set[str]:
    """The modules of the package `folder` that its module `name` imports, in functions too; not for types alone."""
    modules = names_of(folder)
    found: set[str] = set()
    for node in _running(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = Path(name).parents[node.level - 1].as_posix()
            base = "/".join(part for part in (above.strip("."), *(node.module or "").split(".")) if part)
            for alias in node.names:
                inside = f"{base}/{alias.name}".lstrip("/")
                found |= {one for one in (inside, f"{inside}/__init__") if one in modules} or {
                    one for one in (base, f"{base}/__init__".lstrip("/")) if one in modules
                }
    return found


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node` that run: all but those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING"):
            yield child
            yield from _running(child)


def room(name: str) -> str:
    """The longest name in ALLOWED that `name` is or lies in."""
    return max((one for one in ALLOWED if name == one or name.startswith(f"{one}/")), key=len, default=name)


def upward(folder: Path, name: str) -> list[str]:
    """The modules that `name` imports although they do not lie below it."""
    mine = room(name)
    return sorted(other for other in imports(folder, name) if room(other) not in {mine, *ALLOWED.get(mine, ())})


def circle(folder: Path) -> list[str]:
    """Modules that import each other in a circle, the first one twice; empty where there is none."""
    try:
        TopologicalSorter({name: imports(folder, name) for name in names_of(folder) - ENTRIES}).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("name", sorted(names_of(ADDON) - ENTRIES))
def test_module_imports_only_what_lies_below_it(name):
    assert room(name) in ALLOWED, "a new room: say in ALLOWED what it may import"
    assert upward(ADDON, name) == []


def test_no_module_imports_itself_by_a_detour():
    assert circle(ADDON) == []


@pytest.mark.parametrize(
    ("name", "code", "offends"),
    [
        ("blender/keys/new", "from ..io import files", []),
        ("blender/io/new", "def f():\n    from ..jobs import batch", ["blender/jobs/batch"]),
        ("blender/io/new", "from ..jobs.batch import run", ["blender/jobs/batch"]),
        ("blender/io/new", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..jobs import batch", []),
        ("blender/ui/panels/new", "from ...jobs import batch", ["blender/jobs/batch"]),
        ("blender/stored/new", "from .. import settings", ["blender/settings"]),
        ("blender/jobs/new", "from .. import settings", []),
        ("core/new", "from ..blender.io import files", ["blender/io/files"]),
    ],
)
def test_rule_sees_what_breaks_it(tmp_path, name, code, offends):
    for other in ("blender/io/files", "blender/jobs/batch", "blender/settings", name):
        path = tmp_path / f"{other}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / f"{name}.py").write_text(code)
    assert upward(tmp_path, name) == offends


def test_rule_sees_a_circle(tmp_path):
    for name, code in {"a": "from . import b", "b": "def f():\n    from .c import d", "c": "from . import a"}.items():
        (tmp_path / f"{name}.py").write_text(code)
    assert set(circle(tmp_path)) == {"a", "b", "c"}
