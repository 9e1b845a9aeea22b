"""`python -m tests.ui SUITE FOLDER [LANGUAGE] [PLAY]`: :mod:`.story` in the Blender of the Debian in FOLDER, or
:mod:`.drive`, a film that drives the avatar, or :mod:`.guide_pictures`, which makes pictures of docs/img.

Runs in an environment that has bpy, for the extension's zip and for the demo avatar. Screenshots: out/ui/SUITE/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from training.devtools import package

from . import debian, guide_pictures

OUT = package.ROOT / "out" / "ui"
SECONDS = 1800  # for the whole story
_DRAWN = """
import sys
import numpy as np
from pathlib import Path
from PIL import Image
from training.body.synthetic import CAMERAS, Studio
studio, camera, rng = Studio(), CAMERAS[0], np.random.default_rng(21)
subject = studio.subject(rng)
Image.fromarray(studio.draw(subject, camera, studio.stance(camera, rng), rng, 0.01)).save(sys.argv[1])
Path(sys.argv[2]).write_text(str(subject.centimetres["height"] / 100))
"""
WIDTH, HEIGHT = 1280, 1700  # of the screen: high enough for the tab with any of its panels


def main(suite: str, folder: Path, language: str = "en_US", play: str = "story") -> int:
    """Returns 0 if every step of the play came out as it should and Blender printed no traceback, 1 if not.

    suite: names the folder of the pictures. language: Blender's name of the one that the window speaks.
    """
    debian.require()
    out = OUT / suite
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    _extension(folder, out / "extension.zip")
    _avatar(out / "avatar.blend")
    if play == "guide_pictures":
        _body(out)
    blender = ["blender", "--factory-startup", "--python-exit-code", "1"]
    shared = {"repo": package.ROOT, "ui": out}
    environment = {"LIBGL_ALWAYS_SOFTWARE": "1", "BLENDER_USER_RESOURCES": "/mnt/ui/user", "HOME": "/root",
                   "UI_LANGUAGE": language, "UI_PLAY": play}  # fmt: skip
    install = ["--command", "extension", "install-file", "--repo", "user_default", "/mnt/ui/extension.zip"]
    if debian.inside(folder, shared, ["blender", *install], SECONDS, **environment)[0]:
        raise SystemExit("Blender did not install the extension: the lines above say why.")
    screen = ["xvfb-run", "--auto-servernum", "--server-args", f"-screen 0 {WIDTH}x{HEIGHT}x24"]
    window = ["-p", "0", "0", str(WIDTH), str(HEIGHT), "--python", "/mnt/repo/tests/ui/start.py"]
    status, printed = debian.inside(folder, shared, [*screen, *blender, *window], SECONDS, **environment)
    if status or "Traceback" in printed:
        how = status or "a traceback"
        print(f"The {play} did not end well ({how}): the lines above say where, {out} has the pictures.")
        return 1
    if play == "guide_pictures":
        print(*guide_pictures.cut(out, package.ROOT / "docs" / "img", language), sep="\n")
    print(f"Look at the pictures in {out}")
    return 0


def _avatar(path: Path) -> None:
    """The demo avatar, neutral, as a .blend file."""
    import bpy

    from blendshape_addon.blender.io import files
    from training.devtools import person

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    files.save(path, person.add())


def _body(out: Path) -> None:
    """body.blend: a body that the training tools made of a picture of somebody who was made up."""
    import bpy

    from blendshape_addon.blender.io import body

    python = package.ROOT / ".venv" / "training" / "bin" / "python"
    subprocess.run([python, "-c", _DRAWN, out / "photo.png", out / "height"], check=True, cwd=package.ROOT)
    height = f"{100 * float((out / 'height').read_text()):.1f}"
    files = [out / name for name in ("body.glb", "body.json", "body.png")]
    options = zip(("--out", "--measurements", "--overlay"), files, strict=True)
    line = [
        python,
        "-m",
        "training",
        "body",
        out / "photo.png",
        "--height",
        height,
        *(w for pair in options for w in pair),
    ]
    subprocess.run(line, check=True, cwd=package.ROOT)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    body.take(*files)
    bpy.ops.wm.save_as_mainfile(filepath=str(out / "body.blend"))


def _extension(folder: Path, path: Path) -> None:
    """The extension's zip for the Python in `folder`: Debian's newest Blender runs on one that no official Blender has,
    which the wheels inside do not serve, and so gets its own wheel in the place of another."""
    made = package.build(package.this_platform(), OUT)
    ask = "import sys; print('%d%d' % sys.version_info[:2])"
    python = subprocess.run(["chroot", folder, "python3", "-c", ask], capture_output=True, text=True, check=True)
    tag, wheels = f"cp{python.stdout.strip()}", list(package.ZIPS[package.this_platform()]["wheels"])
    if any(f"-{tag}-" in wheel for wheel in wheels):
        shutil.copy(made, path)
        return
    other, (name, version, old, _, system) = wheels[-1], wheels[-1].removesuffix(".whl").split("-")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(OUT)]
    target = ["--python-version", tag.removeprefix("cp"), "--platform", system, f"{name}=={version}"]
    subprocess.run([*pip, *target], check=True)
    wheel = OUT / other.replace(old, tag)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(path, "w") as fitted:
        for entry in source.namelist():
            data = source.read(entry)
            if entry == "blender_manifest.toml":
                data = data.replace(other.encode(), wheel.name.encode())
            if entry == f"wheels/{other}":
                entry, data = f"wheels/{wheel.name}", wheel.read_bytes()
            fitted.writestr(entry, data)


if __name__ == "__main__":
    status = main(sys.argv[1], Path(sys.argv[2]).resolve(), *sys.argv[3:])
    sys.stdout.flush()
    os._exit(status)  # bpy as a module may hang in a clean exit
