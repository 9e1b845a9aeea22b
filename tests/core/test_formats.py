"""docs/formats.md names what files hold: no key is missing there, and exit statuses are the code's."""

import ast
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from blendshape_addon import options
from blendshape_addon.core import pipeline
from blendshape_addon.core.detection.detect import Face
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.style import recipes
from tests import faces

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


def named(heading):
    """The words in backticks under a heading of the page, without the brackets of TOML's tables."""
    section = re.search(rf"^## {re.escape(heading)}.*?\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    section = re.sub(r"```.*?```", "", section, flags=re.DOTALL)
    return {word.strip("[]") for word in re.findall(r"`([^`\n]+)`", section)}


def constants(path):
    """Name to text of the constants of a module, which is not imported."""
    found = {}
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign):
            names, values = node.targets[0], node.value
            pairs = zip(names.elts, values.elts, strict=True) if isinstance(names, ast.Tuple) else [(names, values)]
            found |= {name.id: value.value for name, value in pairs if isinstance(value, ast.Constant)}
    return found


def fields(path, name):
    """The annotated fields of a class of a module, which is not imported."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {node.target.id for node in found.body if isinstance(node, ast.AnnAssign)}


def test_every_key_of_a_report_is_explained():
    face = faces.load("proxy")
    known = Face(face.landmarks, np.ones(len(face.landmarks)), 1.0, np.eye(3), 1.0)
    report = pipeline.generate(face.avatar, GenerateOptions(("vrc.v_aa",), provider="cpu"), face=known).report
    (row,) = report["shapes"]
    assert (report.keys() | row.keys() | report["tuning"].keys() | report["style"].keys()) <= named("Report")
    assert (report["face"].keys() | report["provider"].keys()) <= named("Report")


def test_every_array_of_a_descriptor_file_is_explained():
    assert fields("blendshape_addon/core/motion/descriptor.py", "Descriptors") <= named("Motion descriptors")


def test_exit_statuses_are_the_codes():
    rows = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert list(map(int, rows)) == [options.OK, options.CHECK_FAILED, options.BAD_INPUT, options.STOPPED]


def test_keys_of_recipes_are_those_that_are_read():
    document = tomllib.loads((ROOT / "blendshape_addon/core/style/recipes.toml").read_text(encoding="utf-8"))
    keys = {key for table in document.values() for key in table} - set(recipes.RECIPE_SHAPES)
    assert keys and keys <= named("Recipes")


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*.toml")), ids=lambda path: path.stem)
def test_every_key_of_a_card_is_explained(path):
    card = tomllib.loads(path.read_text(encoding="utf-8"))
    tables = {key for name in ("trained_on", "styles", "made_from") for row in card.get(name, ()) for key in row}
    assert card.keys() | tables <= named("Model and card")


def test_every_property_of_a_blend_is_explained():
    found = {
        value
        for value in constants("blendshape_addon/blender/stored/migration.py").values()
        if str(value).startswith("vrc_blendshape")
    }
    explained = {word.partition(" ")[0] for word in named("Kept in a .blend")}
    assert len(found) == 14 and found <= explained
    assert {word for word in explained if word.startswith("vrc_blendshape_")} <= found, "what is no longer kept"


def test_a_dataset_is_explained():
    entry = fields("training/data/manifest.py", "Entry")
    assert entry <= named("Dataset")
    assert fields("training/data/dataset.py", "Instance") <= named("Dataset")
    assert fields("training/data/families.py", "Facts") <= named("Rig folder")
