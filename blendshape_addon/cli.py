"""The command line, for `python -m blendshape_addon` and for `blender -b --command vrc_blendshape`.

Exit status: 0 all shapes made and checked, 1 some avatar failed its check, 2 bad arguments or unreadable input.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .core import aliases, vocabulary
from .core.errors import FaceNotFound, InputError, UserError
from .core.providers import CHOICES
from .core.recipes import CHOICES as PRESETS

OK, CHECK_FAILED, BAD_INPUT = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise InputError(f"{message} (try {self.prog} --help).")


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status."""
    try:
        options = _parser().parse_args(arguments)
        names = vocabulary.shapes_of(options.shapes)
        if not 0 <= options.intensity <= 1:
            raise InputError(f"Intensity is {options.intensity:g}: give a number from 0 to 1.")
        options.aliases = _aliases(options.aliases, options.rename)
        _require_blender()
        jobs = _plan(options.input, options.output)
        _check_folders(options)
        return _run(jobs, names, options)
    except UserError as error:
        return _complain(error)
    except SystemExit as end:  # argparse, after --help
        return int(end.code or 0)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="vrc_blendshape", description="Blend shapes for VRChat avatars, made by a neural network.")
    generate = parser.add_subparsers(dest="verb", required=True, metavar="generate").add_parser(
        "generate", help="put shape keys on the avatars of files or folders"
    )
    add = generate.add_argument
    add("input", nargs="+", type=Path, help="avatar files (.blend .glb .gltf .vrm .fbx .obj) or folders of them")
    add("--output", required=True, type=Path, help="a file (.blend .glb .fbx), or a folder for several inputs")
    add("--shapes", default="visemes,emotions", help=f"any of {','.join(vocabulary.GROUPS)} (default: %(default)s)")
    add("--intensity", type=float, default=1.0, help="strength, 0 to 1 (default: %(default)s)")
    add("--preset", choices=PRESETS, default="auto", help="style of the shapes; auto looks at the face's proportions")
    add("--recipes", type=Path, help="a recipes file of your own (TOML): what each viseme and emotion is made of")
    add("--provider", choices=CHOICES, default="auto", help="where the network runs (default: %(default)s)")
    add("--report", type=Path, help="write what was made and checked, as JSON")
    add("--sheet", type=Path, help="write a picture of every shape (PNG); one for each avatar where there are several")
    add("--existing", choices=("keep", "fill", "replace"), default="keep",
        help="keys of the same name that this tool did not make: keep them, fill only the empty ones, or replace them, "
        "each left as a backup under a new name (default: %(default)s)")  # fmt: skip
    add("--aliases", default="",
        help=f"copy the keys to the names of {','.join(aliases.WRITABLE)} (any of them) as well")  # fmt: skip
    add("--rename", action="store_true", help="with --aliases, of one kind: give keys these names instead of their own")
    add("--models", type=Path, help="folder of models to use instead of the bundled ones")
    return parser


def _aliases(listed: str, rename: bool) -> list[str]:
    """The conventions of a comma-separated list. Raises InputError for what does not exist or cannot be."""
    wanted = [name.strip() for name in listed.split(",") if name.strip()]
    for name in wanted:
        aliases.written(name)
    if rename and len(wanted) != 1:
        raise InputError("A key can have one name only: give --rename with one kind of --aliases.")
    return wanted


def _require_blender() -> None:
    try:
        import bpy  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            "Blender's Python module is not installed: run `pip install bpy`, "
            "or use `blender -b --command vrc_blendshape generate …` instead."
        ) from error


def _plan(inputs: Sequence[Path], output: Path) -> list[tuple[Path, Path]]:
    """(input file, output file) for each avatar file. Raises InputError, before any work, for what cannot work."""
    from .blender import files

    found: list[tuple[Path, Path]] = []  # file, and the folder its place in the output is counted from
    for path in inputs:
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in files.READABLE]
            inside = [file for file in inside if output.resolve() not in file.resolve().parents]
            if not inside:
                raise InputError(f"The folder {path} holds no avatar file ({' '.join(files.READABLE)}).")
            found += [(file, path) for file in inside]
        else:
            found.append((path, path.parent))
    to_folder = output.is_dir() or len(found) > 1 or inputs[0].is_dir() or not output.suffix
    if not to_folder:
        if output.suffix.lower() not in files.WRITABLE:
            raise InputError(f"{output.name} cannot be written: give the output one of {' '.join(files.WRITABLE)}.")
        files.require_writable(output.parent)
        return [(found[0][0], output)]
    if output.suffix.lower() in files.WRITABLE and not output.is_dir():
        raise InputError(f"Several avatars do not fit into {output.name}: give a folder as the output.")
    files.require_writable(output)
    jobs: list[tuple[Path, Path]] = []
    for file, top in found:
        target = output / file.relative_to(top).with_suffix(_OUTPUT_SUFFIX.get(file.suffix.lower(), ".glb"))
        if any(target == other for _, other in jobs):
            target = target.with_name(f"{file.name}{target.suffix}")
        jobs.append((file, target))
    return jobs


def _check_folders(options: argparse.Namespace) -> None:
    from .blender import files

    for path in (options.report, options.sheet):
        if path:
            files.require_writable(path.parent)


_OUTPUT_SUFFIX = {".blend": ".blend", ".fbx": ".fbx", ".obj": ".fbx"}  # the rest is glTF inside


def _run(jobs: Sequence[tuple[Path, Path]], names: Sequence[str], options: argparse.Namespace) -> int:
    status = OK
    entries: list[dict] = []
    for path, target in jobs:
        try:
            made = _run_file(path, target, names, options, several=len(jobs) > 1)
            entries += made
            if not all(entry["ok"] for entry in made):
                status = max(status, CHECK_FAILED)
        except UserError as error:
            status = _complain(error, path)
            entries.append({"input": str(path), "ok": False, "error": str(error)})
    if options.report:
        document = {"ok": status == OK, "status": status, "avatars": entries}
        options.report.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return status


def _run_file(path: Path, target: Path, names: Sequence[str], options: argparse.Namespace, several: bool) -> list[dict]:
    """Do every avatar of a file; returns a report entry for each. Nothing is written if one cannot be done."""
    import bpy

    from .blender import alias_keys, files, job, mesh_io, render

    progress = _Progress(path.name)
    progress(0.0, "reading")
    began = time.perf_counter()
    notes = files.load(path)
    reading = time.perf_counter() - began
    avatars = mesh_io.avatars_of(bpy.context.view_layer.objects)
    if not avatars:
        raise InputError(f"{path.name} holds no mesh with faces.")
    done: list[job.Done] = []
    refusals: list[FaceNotFound] = []
    for objects in avatars:
        try:
            done.append(
                job.run(objects, names, intensity=options.intensity, preset=options.preset,
                        own_recipes=options.recipes, existing=options.existing.upper(),
                        provider=options.provider, models=options.models, progress=progress)
            )  # fmt: skip
        except FaceNotFound as error:  # scenery beside an avatar is no mistake; a file without any face is one
            refusals.append(error)
    if not done:
        raise refusals[0]
    named = [[alias_keys.add(one.objects, kind, options.rename) for kind in options.aliases] for one in done]
    progress(0.97, "saving")
    began = time.perf_counter()
    files.save(target, [obj for one in done for obj in one.objects])
    saving = time.perf_counter() - began
    entries = []
    for number, one in enumerate(done):
        entry = {
            "input": str(path), "output": str(target), "avatar": one.face_object.name,
            "objects": [obj.name for obj in one.objects], **one.generated.report,
            "made": one.written.made, "replaced": one.written.replaced, "kept": one.written.kept,
            "backups": one.written.backups, "aliases": [name for added in named[number] for name in added.made],
            "seconds": {"opening": reading, **one.generated.seconds, "saving": saving},
        }  # fmt: skip
        entry["notes"] = [*notes, *entry.get("notes", [])]
        entries.append(entry)
        print(table(entry))
        if options.sheet:
            progress(0.99, "drawing the sheet")
            sheet = options.sheet
            if several or len(done) > 1:
                sheet = sheet.with_name(f"{sheet.stem}_{target.stem}{f'_{number + 1}' if len(done) > 1 else ''}.png")
            render.sheet(sheet, one.avatar, one.generated.face.points, one.generated.shapes)
    return entries


def table(entry: dict) -> str:
    """A report entry as text: shape, peak mm, lip gap mm, checks; then seconds and notes."""
    lines = [
        f"{entry['input']} → {entry['output']}: {entry['avatar']}",
        f"  {'shape':<20}{'peak mm':>9}{'lip gap mm':>12}  checks",
    ]
    for row in entry["shapes"]:
        verdict = "ok" if row["ok"] else "; ".join(row["notes"])
        if row["name"] in entry["kept"]:
            verdict = "not written: your own key was kept"
        lines.append(f"  {row['name']:<20}{row['peak_mm']:>9.2f}{row['lip_gap_mm']:>12.2f}  {verdict}")
    seconds = ", ".join(f"{stage} {spent:.2f}" for stage, spent in entry["seconds"].items())
    lines.append(f"  seconds: {sum(entry['seconds'].values()):.2f} ({seconds})")
    return "\n".join([*lines, *(f"  note: {note}" for note in entry["notes"])])


class _Progress:
    """Says on stderr how far the job is, as soon as it takes longer than a moment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told = time.perf_counter()

    def __call__(self, fraction: float, stage: str) -> None:
        now = time.perf_counter()
        if now - self._told > 1.0:
            self._told = now
            print(f"{self._name}: {fraction:4.0%} {stage}", file=sys.stderr, flush=True)


def _complain(error: UserError, path: Path | None = None) -> int:
    message = str(error)
    prefix = f"{path}: " if path and path.name not in message else ""
    print(f"{prefix}{message}", file=sys.stderr)
    return BAD_INPUT
