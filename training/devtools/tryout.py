"""`python -m training.devtools.tryout PYTHON…`: the zip for this platform installed and used in several Blenders.

Each PYTHON is an interpreter with a bpy of its own and no onnxruntime. There Blender's extension tool validates the zip
and installs it into an empty user folder, and the installed command line puts every shape on the demo avatar.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from . import installed, package

OUT = package.ROOT / "out" / "tryout"


def main() -> int:
    """Returns 0 if every Blender made every shape, 1 if one did not."""
    parser = argparse.ArgumentParser(description="Install and use the extension in several Blenders.")
    parser.add_argument("python", nargs="*", type=Path, help="interpreters that have bpy (default: this one)")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)  # the avatar, in the interpreter on trial
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(_use(options.inside)))
        return 0
    avatar = _avatar(OUT / "avatar.glb")
    print(f"{'Blender':<10}{'Python':<9}{'onnxruntime':<13}{'ran on':<10}{'shapes':>7}{'passed':>8}{'seconds':>9}")
    passed = [_try(python, avatar) for python in options.python or [Path(sys.executable)]]
    return 0 if all(passed) else 1


def _avatar(path: Path) -> Path:
    """The demo avatar, neutral, as a file that every Blender reads."""
    import bpy

    from blendshape_addon.blender.io import files

    from . import avatar

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    files.save(path, avatar.add())
    return path


def _try(python: Path, avatar: Path) -> bool:
    """Say in one line how it went in one Blender."""
    command = [str(python), "-m", "training.devtools.tryout", "--inside", str(avatar)]
    try:
        done = subprocess.run(command, cwd=package.ROOT, capture_output=True, text=True, timeout=900, check=False)
    except OSError as error:
        print(f"{python}: {error.strerror}", flush=True)
        return False
    if done.returncode:
        print(f"{python}: {(done.stderr.strip() or 'ended without a word').splitlines()[-1]}", flush=True)
        return False
    report = json.loads(done.stdout.splitlines()[-1])
    print("{blender:<10}{python:<9}{onnxruntime:<13}{provider:<10}{shapes:>7}{passed:>8}{seconds:>9.1f}".format(**report),
          flush=True)  # fmt: skip
    return report["shapes"] == report["passed"] and report["status"] == 0


def _use(avatar: Path) -> dict:
    """Install the extension into this interpreter's Blender and run its command line on `avatar`."""
    installed.install(OUT / f"python{sys.version_info.minor}")
    import bpy
    import onnxruntime

    report = OUT / "report.json"
    groups = ",".join(installed.module("core.vocabulary").GROUPS)
    command = ["generate", avatar, "--output", OUT / "made.blend", "--shapes", groups, "--report", report]
    status = installed.module("cli").main([str(word) for word in command])
    (entry,) = json.loads(report.read_text(encoding="utf-8"))["avatars"]
    model = installed.module("core.inference.registry").load("deformer")
    return {
        "blender": bpy.app.version_string.split()[0],
        "python": sys.version.split()[0],
        "onnxruntime": onnxruntime.__version__,
        "provider": installed.module("core.inference.session").open_session(model).provider,
        "status": status,
        "shapes": len(entry["made"]),
        "passed": sum(row["ok"] for row in entry["shapes"]),
        "seconds": sum(entry["seconds"].values()),
    }


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # bpy as a module may hang in a clean exit
