"""The drawing in docs/architecture.md shows the rooms that there are, and no arrow that the rules of imports forbid."""

import importlib.util
import re
from pathlib import Path

import pytest
from test_blender_imports import ALLOWED
from test_imports import CORE, GROUND

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
DRAWING = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)[1]


def table(path):
    """The module of a test of the import rules, which lies in another environment's folder."""
    spec = importlib.util.spec_from_file_location("rules", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def arrows():
    """(from, to) of each arrow in the drawing."""
    line = re.compile(r"^ *(\w+)(?:\[[^\]]*\])? --(?: \"[^\"]*\" --)?> (\w+)", re.MULTILINE)
    found = line.findall(DRAWING)
    assert len(found) == DRAWING.count("-->"), "a line that is read otherwise than drawn"
    return found


def folder_of(node):
    """The place of a node of the drawing in ALLOWED."""
    if node in CORE or node == "ground":
        return "core"
    places = {"panels": "blender/ui/panels", "operators": "blender/ui/operators", "cli": "cli", "arguments": "options"}
    return places.get(node, f"blender/{node}")


@pytest.mark.parametrize(("start", "end"), arrows())
def test_every_arrow_is_allowed(start, end):
    training = table("tests/training/test_imports.py").MAY
    if start in training:
        assert end in training[start] or end == "pipeline", "training may use all of the core"
    elif start in CORE:
        assert {"ground": GROUND[0]}.get(end, end) in {room.partition("/")[0] for room in CORE[start]}
    else:
        assert folder_of(end) in ALLOWED[folder_of(start)]


def test_every_package_is_drawn():
    drawn = {node for arrow in arrows() for node in arrow}
    packages = {
        path.name
        for top in ("blendshape_addon/core", "blendshape_addon/blender", "training")
        for path in (ROOT / top).iterdir()
        if (path / "__init__.py").exists()
    }
    assert packages - {"ui", "motion", "config", "devtools"} <= drawn
    assert all(f"`{name}`" in PAGE for name in ("motion", "config", "devtools")), "the rest is in words"
