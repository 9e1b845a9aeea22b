"""`make package`: the extension as Blender installs it, one zip per platform, with the wheels of onnxruntime and of
the VRM add-on inside.

The same sources make the same zips byte for byte. Runs in an environment that has bpy installed, for Blender's own
extension tool; bpy itself is not imported.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from .licences import licences

ROOT = Path(__file__).resolve().parents[2]
ID = "vrchat_blendshape_generator"
ZIPS = tomllib.loads(Path(__file__).with_name("wheels.toml").read_text(encoding="utf-8"))
_IN_EVERY = ZIPS.pop("every")["wheels"]
for _zip in ZIPS.values():
    _zip["wheels"] = _IN_EVERY | _zip["wheels"]
EDITIONS = {
    "small": [name for name in ZIPS if "cuda" not in name],
    "cuda": [name for name in ZIPS if "cuda" in name],
}
SMALL_MB = 65  # what the small edition has to stay under
_SYSTEMS = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}


class NotHere(Exception):
    """A wheel cannot be had; the message is a sentence."""


def this_platform() -> str:
    """The small zip's name for the platform this runs on. Raises SystemExit where there is no build for it."""
    machine = platform.machine().lower()
    name = f"{_SYSTEMS.get(platform.system(), platform.system())}-{_MACHINES.get(machine, machine)}"
    if name not in ZIPS:
        raise SystemExit(f"There is no build for {name}: use one of {', '.join(EDITIONS['small'])}.")
    return name


def build(name: str, output: Path, website: str | None = None) -> Path:
    """Write the zip `name` of wheels.toml, validated, into the folder `output`; returns its path.

    website: the address that Blender offers as *Website* beside the extension, whence a user finds the tracker too (a
    manifest has no field for that); None for none.

    Raises NotHere if a wheel cannot be downloaded, SystemExit if the zip would not be right.
    """
    manifest = _manifest(name, website)
    file = output / f"{ID}-{tomllib.loads(manifest)['version']}-{name.replace('-', '_')}.zip"
    contents = _contents(name, manifest)
    output.mkdir(parents=True, exist_ok=True)
    # Stored, not compressed: nearly all of it is in compressed wheels, and compressors differ between machines.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # else it says which system made it
            archive.writestr(entry, data)
    extension_tool("validate", str(file))
    if name in EDITIONS["small"] and file.stat().st_size >= SMALL_MB * 10**6:
        raise SystemExit(f"{file.name} has {file.stat().st_size / 1e6:.1f} MB: {SMALL_MB} are allowed.")
    return file


def _contents(name: str, manifest: str) -> dict[str, bytes]:
    """Place in the zip to bytes: the package is its root, models, wheels and licences have folders of their own."""
    package = ROOT / "blendshape_addon"
    sources = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    contents = {path.relative_to(package).as_posix(): path.read_bytes() for path in sources}
    models = [path for path in (ROOT / "models").iterdir() if path.suffix in (".onnx", ".toml")]
    contents |= {f"models/{path.name}": path.read_bytes() for path in models}
    wheels = [_wheel(file, digest) for file, digest in ZIPS[name]["wheels"].items()]
    contents |= {f"wheels/{path.name}": path.read_bytes() for path in wheels}
    contents |= {"LICENSE": (ROOT / "LICENSE").read_bytes(), "blender_manifest.toml": manifest.encode()}
    return contents | {f"LICENSES/{file}": data for file, data in licences(wheels, ROOT / "models").items()}


def _manifest(name: str, website: str | None = None) -> str:
    """The repository's manifest with the website, and the platform, wheels and Blender versions of the zip `name`."""
    lines = [f"website = {json.dumps(website, ensure_ascii=False)}"] if website else []
    lines += [f'platforms = ["{ZIPS[name]["platform"]}"]', "wheels = ["]
    lines += [*(f'  "./wheels/{file}",' for file in ZIPS[name]["wheels"]), "]"]
    if limit := ZIPS[name].get("blender_version_max"):
        lines.append(f'blender_version_max = "{limit}"')
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    oldest = tomllib.loads(manifest)["blender_version_min"]
    manifest = manifest.replace(f'"{oldest}"', f'"{ZIPS[name].get("blender_version_min", oldest)}"')
    top, permissions, rest = manifest.partition("[permissions]")
    return "\n".join([top.rstrip(), "", *lines, "", permissions + rest])


def _wheel(file: str, digest: str) -> Path:
    """The wheel of that name, downloaded once. Raises NotHere, SystemExit if its sha256 is not `digest`."""
    path = ROOT / "out" / "wheels" / file
    if not path.exists():
        print(f"Downloading {file} …", file=sys.stderr, flush=True)
        distribution, version, python, _, system = path.stem.split("-")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        version_of_python = python.removeprefix("cp").removeprefix("py")
        target = ["--python-version", version_of_python, "--platform", system, "--dest", str(path.parent)]
        command = [*pip, *target, f"{distribution}=={version}"]
        if subprocess.run(command, capture_output=True, check=False).returncode or not path.exists():
            raise NotHere(f"{file} is not to be had here.")
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{path} is not the file that was tested: delete it, or put its sha256 into wheels.toml.")
    return path


def extension_tool(*arguments: str) -> None:
    """Run Blender's `extension` command. Raises SystemExit with what it said when it fails."""
    blender = Path(find_spec("bpy").origin).parent
    (tool,) = blender.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    done = subprocess.run([sys.executable, str(tool), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"extension {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def _address(text: str) -> str:
    """An address as a manifest takes it. Raises ArgumentTypeError for another."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError(f"“{text}” is no address: it begins with https://")
    return text


def main() -> int:
    """Returns 0 if every zip was built, 1 if one could not be."""
    parser = argparse.ArgumentParser(description="Build the extension's zips.")
    parser.add_argument("--edition", choices=EDITIONS, default="small", help="default: %(default)s")
    parser.add_argument("--zip", action="append", choices=ZIPS, help="only this one of any edition; may be repeated")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="default: dist/")
    parser.add_argument(
        "--website", type=_address, help="the extension's page, https://…; default: the manifest has none"
    )
    options = parser.parse_args()
    status = 0
    for name in options.zip or EDITIONS[options.edition]:
        try:
            file = build(name, options.output, options.website)
        except NotHere as sentence:
            print(f"{name} was not built: {sentence}")
            status = 1
            continue
        print(f"{file} ({file.stat().st_size / 1e6:.1f} MB, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()})")
    return status


if __name__ == "__main__":
    sys.exit(main())
