"""`make demo`: two avatars, the installed extension's buttons pressed on each, and what came out in out/demo/."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import installed, package

OUT = package.ROOT / "out" / "demo"


def main() -> int:
    """Returns 0 if every shape passed its checks, 1 if not."""
    OUT.mkdir(parents=True, exist_ok=True)
    _say("Building the extension and installing it into an empty Blender …")
    installed.install(OUT)
    import bpy

    from . import anime, person

    passed = []
    for name, folder, add in (("realistic", OUT, person.add), ("anime", OUT / "anime", anime.add)):
        bpy.data.batch_remove(list(bpy.data.objects))
        passed.append(_use(name, folder, add))
    return 0 if all(passed) else 1


def _use(name: str, folder: Path, add: Callable[[], list]) -> bool:
    """Whether every shape on the avatar that `add` puts into the scene passed its check; `folder` gets what is made."""
    import bpy

    folder.mkdir(exist_ok=True)
    _say(f"Making the {name} avatar …")
    add()
    _say("Pressing Generate Visemes …")
    visemes = installed.press("generate_visemes", _say_stage)
    _say("Pressing Generate Emotions …")
    emotions = installed.press("generate_emotions", _say_stage)
    _say("Writing the files …")
    began = time.perf_counter()
    installed.module("blender.io.files").save(folder / "avatar.blend", visemes.objects)
    bpy.ops.vrc_blendshape.export_fbx(filepath=str(folder / "avatar.fbx"))
    entry = _entry(name, folder, visemes, emotions, time.perf_counter() - began)
    (folder / "report.json").write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _say("Drawing every shape …")
    shapes = visemes.generated.shapes + emotions.generated.shapes
    sheet = installed.module("blender.viewport.render").sheet
    sheet(folder / "sheet.png", visemes.objects, visemes.avatar, visemes.generated.face.points, shapes)
    print(installed.module("blender.jobs.one_file").table(entry))
    passed = sum(row["ok"] for row in entry["shapes"])
    print(f"{passed} of {len(entry['shapes'])} shapes passed their checks. Look at {folder / 'sheet.png'}")
    return entry["ok"]


def _entry(name: str, folder: Path, visemes: Any, emotions: Any, saving: float) -> dict:
    """One report of both runs, as the command line writes them."""
    first, second = visemes.generated, emotions.generated
    spent = {stage: first.seconds[stage] + second.seconds.get(stage, 0.0) for stage in first.seconds}
    return {
        "input": f"the {name} demo avatar",
        "output": str(folder / "avatar.fbx"),
        "avatar": visemes.face_object.name,
        "objects": [obj.name for obj in visemes.objects],
        "face": first.report["face"],
        "style": first.report["style"],
        "shapes": first.report["shapes"] + second.report["shapes"],
        "ok": first.report["ok"] and second.report["ok"],
        "notes": list(dict.fromkeys(first.report["notes"] + second.report["notes"])),
        "made": visemes.written.made + emotions.written.made,
        "kept": visemes.written.kept + emotions.written.kept,
        "seconds": {**spent, "saving": saving},
    }


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _say_stage(fraction: float, stage: str) -> None:
    _say(f"  {fraction:4.0%} {stage}")


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # bpy as a module may hang in a clean exit
