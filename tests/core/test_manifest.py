"""What Blender's extension validator lets pass and the extension platform or a user would stumble over."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# https://docs.blender.org/manual/en/latest/advanced/extensions/tags.html
TAGS = {
    "3D View", "Add Curve", "Add Mesh", "Animation", "Bake", "Camera", "Compositing", "Development", "Game Engine",
    "Geometry Nodes", "Grease Pencil", "Import-Export", "Lighting", "Material", "Modeling", "Mesh", "Node", "Object",
    "Paint", "Pipeline", "Physics", "Render", "Rigging", "Scene", "Sculpt", "Sequencer", "System", "Text Editor",
    "Tracking", "User Interface", "UV",
}  # fmt: skip


@pytest.fixture(scope="module")
def manifest():
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


def test_identity(manifest):
    assert manifest["id"] == "vrchat_blendshape_generator"
    assert manifest["type"] == "add-on"
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert manifest["blender_version_min"] == "4.2.0"
    assert len(manifest["tagline"]) <= 64 and manifest["tagline"][-1].isalnum()


def test_licence_is_that_of_the_licence_file(manifest):
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text and "Version 3, 29 June 2007" in text
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "GPL-3.0-or-later"


def test_one_version_everywhere(manifest):
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == manifest["version"]


def test_tags_are_blenders(manifest):
    assert set(manifest["tags"]) <= TAGS


def test_asks_for_files_and_nothing_else(manifest):
    """Offline by promise: no network, camera, microphone or clipboard."""
    assert set(manifest["permissions"]) == {"files"}
    assert len(manifest["permissions"]["files"]) <= 64 and manifest["permissions"]["files"][-1].isalnum()


def test_wheels_and_platforms_are_left_to_the_packager(manifest):
    """A source manifest that names wheels installs only where they lie."""
    assert not {"wheels", "platforms", "build"} & set(manifest)
