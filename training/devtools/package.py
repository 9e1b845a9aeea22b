"""`make package`: the extension as Blender installs it, one zip a platform, with the onnxruntime wheel inside.

Runs in an environment that has bpy installed, for Blender's own extension tool; bpy itself is not imported.
"""

from __future__ import annotations

import argparse
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ID = "vrchat_blendshape_generator"
# It imports with numpy alone, which Blender has; its other dependencies are for tools that are not used here.
ONNXRUNTIME = "onnxruntime==1.31.1"
# Blender's name of a platform to pip's, oldest system that onnxruntime has a wheel for.
PLATFORMS = {
    "linux-x64": "manylinux_2_28_x86_64",
    "windows-x64": "win_amd64",
    "macos-arm64": "macosx_14_0_arm64",
}
_SYSTEMS = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}
_PYTHON = "3.11"  # of Blender 4.2 to 5.0


def this_platform() -> str:
    """Blender's name of the platform this runs on. Raises SystemExit where there is no build for it."""
    machine = platform.machine().lower()
    name = f"{_SYSTEMS.get(platform.system(), platform.system())}-{_MACHINES.get(machine, machine)}"
    if name not in PLATFORMS:
        raise SystemExit(f"There is no build for {name}: use one of {', '.join(PLATFORMS)}.")
    return name


def build(platforms: list[str], output: Path) -> list[Path]:
    """Write a validated zip into the folder `output` for each of `platforms`; returns them in that order."""
    stage = ROOT / "out" / "package"
    shutil.rmtree(stage, ignore_errors=True)
    wheels = {name: _wheel(name) for name in platforms}
    _stage(stage, wheels)
    output.mkdir(parents=True, exist_ok=True)
    _extension_tool("build", "--source-dir", str(stage), "--output-dir", str(output), "--split-platforms")
    version = tomllib.loads((stage / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]
    zips = [output / f"{ID}-{version}-{name.replace('-', '_')}.zip" for name in platforms]
    for file in zips:
        _extension_tool("validate", str(file))
    return zips


def _stage(stage: Path, wheels: dict[str, Path]) -> None:
    """The zip's content: the package is its root, models and wheels lie in folders of their own."""
    shutil.copytree(ROOT / "blendshape_addon", stage, ignore=shutil.ignore_patterns("__pycache__"))
    for folder, files in (
        ("models", [*(ROOT / "models").glob("*.onnx"), *(ROOT / "models").glob("*.toml")]),
        ("wheels", list(wheels.values())),
        (".", [ROOT / "LICENSE"]),
    ):
        (stage / folder).mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, stage / folder)
    lines = [
        f"platforms = {list(wheels)}".replace("'", '"'),
        "wheels = [",
        *(f'  "./wheels/{file.name}",' for file in wheels.values()),
        "]",
    ]
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    top, permissions, rest = manifest.partition("[permissions]")
    (stage / "blender_manifest.toml").write_text(
        "\n".join([top.rstrip(), "", *lines, "", permissions + rest]), encoding="utf-8"
    )


def _wheel(name: str) -> Path:
    """The onnxruntime wheel of a platform, downloaded once."""
    folder = ROOT / "out" / "wheels" / name
    version = re.escape(ONNXRUNTIME.partition("==")[2])
    found = [file for file in folder.glob("*.whl") if re.match(rf"onnxruntime-{version}-", file.name)]
    if not found:
        print(f"Downloading {ONNXRUNTIME} for {name} …", flush=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        target = ["--python-version", _PYTHON, "--platform", PLATFORMS[name], "--dest", str(folder)]
        subprocess.run([*pip, *target, ONNXRUNTIME], check=True)
        found = list(folder.glob("*.whl"))
    return found[0]


def _extension_tool(*arguments: str) -> None:
    """Run Blender's `extension` command. Raises SystemExit with what it said when it fails."""
    blender = Path(find_spec("bpy").origin).parent
    (tool,) = blender.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    done = subprocess.run([sys.executable, str(tool), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"extension {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the extension's zips.")
    parser.add_argument("--platform", action="append", choices=PLATFORMS, help="default: all of them")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="default: dist/")
    options = parser.parse_args()
    for file in build(options.platform or list(PLATFORMS), options.output):
        print(f"{file} ({file.stat().st_size / 2**20:.1f} MB)")


if __name__ == "__main__":
    main()
