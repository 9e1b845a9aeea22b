"""Who may import whom in the Blender side of the add-on: each room those below it, and no module itself by a detour."""

from pathlib import Path

import pytest

from tests.import_rules import circle, names_of, room, upward

ADDON = Path(__file__).resolve().parents[2] / "blendshape_addon"
# What everything above the stored data may read: what the user chose, what is going on, and Blender's language.
GROUND = {"blender/settings", "blender/session", "blender/translations", "blender/ui_text", "blender/debug_log"}
COMMAND_LINE = {"options", "summary", "console"}
ALLOWED = {
    "core": {"core"},
    "options": {"core"},
    "summary": {"core"},
    "console": set(),
    "cli": {"core", "options", "console", "blender/jobs"},
    "blender/settings": {"core"},
    "blender/session": {"core"},
    "blender/ui_text": set(),
    "blender/translations": {"core"},
    "blender/debug_log": {"core", *GROUND},
    "blender/mesh_objects": set(),
    "blender/stored": {"core", "blender/session", "blender/mesh_objects"},
    "blender/io": {"core", "blender/mesh_objects", "blender/stored"},
    "blender/keys": {"core", "blender/mesh_objects", "blender/stored", "blender/io"},
    "blender/viewport": {"core", *GROUND, "blender/mesh_objects", "blender/stored", "blender/io", "blender/keys"},
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


@pytest.mark.parametrize("name", sorted(names_of(ADDON) - ENTRIES))
def test_module_imports_only_what_lies_below_it(name):
    assert room(ALLOWED, name) in ALLOWED, "a new room: say in ALLOWED what it may import"
    assert upward(ADDON, ALLOWED, name) == []


def test_no_module_imports_itself_by_a_detour():
    assert circle(ADDON, ENTRIES) == []


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
    assert upward(tmp_path, ALLOWED, name) == offends


def test_rule_sees_a_circle(tmp_path):
    for name, code in {"a": "from . import b", "b": "def f():\n    from .c import d", "c": "from . import a"}.items():
        (tmp_path / f"{name}.py").write_text(code)
    assert set(circle(tmp_path)) == {"a", "b", "c"}
