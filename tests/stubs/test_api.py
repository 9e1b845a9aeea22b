"""The add-on's use of Blender's API, held by mypy against fake-bpy-module's stubs of the oldest Blender supported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Unions of every kind of datablock make most of mypy's other complaints; these two are a name or an argument that the
# API does not have.
ABSENT = re.compile(
    r"^(\S+?):\d+: error: ((?:Module|\"type\[\w+\]\"|Unexpected keyword argument).*)\[(?:attr-defined|call-arg)\]"
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where mypy keeps what it knows of the stubs, which are large."""
    return tmp_path_factory.mktemp("mypy")


def absent(cache: Path, *paths: str, cwd: Path = ROOT) -> list[str]:
    """`file: message` for each thing used in `paths` that Blender's API lacks."""
    options = ["--ignore-missing-imports", "--check-untyped-defs", "--no-strict-optional", "--config-file", ""]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--cache-dir", str(cache), *paths],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = (ABSENT.match(line) for line in done.stdout.splitlines())
    return [f"{match[1]}: {match[2].strip()}" for match in found if match]


def test_blender_4_2_has_all_that_is_used(cache: Path) -> None:
    """But for the text FBX importer, called from 4.5 on, the property that registration puts on Scene, and what the VRM
    add-on registers, which one module calls."""
    found = absent(cache, "blendshape_addon")
    elsewhere = ("fbx_import", "vrc_blendshape", "io/vrm.py")
    assert [line for line in found if not any(name in line for name in elsewhere)] == []
    assert any("fbx_import" in line for line in found)


def test_what_is_not_there_is_seen(tmp_path: Path, cache: Path) -> None:
    wrong = ["bpy.ops.export_scene.fbx(filepath='a', no_such_option=True)", "bpy.utils.nothing()"]
    (tmp_path / "wrong.py").write_text("import bpy\n\ndef f():\n    " + "\n    ".join(wrong))
    assert len(absent(cache, "wrong.py", cwd=tmp_path)) == 2
