"""What the command line does inside Blender: files one by one, a folder with a process for each of its files."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from ... import console, summary
from ...core import vocabulary
from ...core.errors import Cancelled, InputError, ModelError, OutputError, UserError
from ...core.inference import registry
from ...core.messages import Message
from ...core.style import recipe_file
from ...options import BAD_INPUT, CHECK_FAILED, OK, STOPPED, options_of_one, parse
from .. import debug_log, session
from ..io import files
from ..translations import language, translate
from . import batch, corrective_file, drive_files, one_file

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status, see options."""
    console.prepare()
    try:
        options = parse(arguments)
        with session.opened(), debug_log.written_to(options.log):
            return _run_logged(arguments, options)
    except UserError as error:
        return _complain(error)
    except SystemExit as end:  # argparse, after --help
        return int(end.code or 0)


def _run_logged(arguments: Sequence[str], options: argparse.Namespace) -> int:
    _log.info("arguments: %s", " ".join(arguments))
    try:
        status = _run(options)
    except BaseException:
        _log.warning("ended early", exc_info=True)
        raise
    _log.info("exit status %d", status)
    return status


def _run(options: argparse.Namespace) -> int:
    if options.verb == "corrective":
        beside = (options.model, options.target, options.drivers, options.cache, options.report)
        _require_names([options.input, options.output, *filter(None, beside)])
        return corrective_file.run(options)
    beside = (getattr(options, name, None) for name in ("report", "sheet", "thumbnail"))
    _require_names([*options.input, options.output, *filter(None, beside)])
    plan = _plan(options.input, options.output, drive_files.WRITABLE if options.verb == "drive" else files.WRITABLE)
    if options.verb == "drive":
        return _drive(plan, options)
    _check_files(options)
    recipe_file.load(options.recipes)
    if len(plan) > 1 or options.input[0].is_dir():
        return _run_folder(plan, options)
    if options.part:
        raise InputError("--part divides a folder of avatars: give a folder as the input.")
    return _run_file(*plan[0], vocabulary.shapes_of(options.shapes), options)


def _require_names(paths: Sequence[Path]) -> None:
    """Raise InputError for a path that the system cannot look up, such as one that is too long."""
    for path in paths:
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise InputError(
                "{file} cannot be opened: {reason}.", file=path.name, reason=error.strerror or error
            ) from error


def _plan(inputs: Sequence[Path], output: Path, kinds: Sequence[str]) -> list[tuple[Path, Path]]:
    """(input file, output file) for each avatar file; kinds: of the output, by suffix. Raises InputError, before any
    work, for what cannot work."""
    found: list[tuple[Path, Path]] = []  # file, and the folder its place in the output is counted from
    for path in inputs:
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in files.READABLE]
            inside = [file for file in inside if output.resolve() not in file.resolve().parents]
            if not inside:
                raise InputError(
                    "The folder {path} holds no avatar file ({kinds}).", path=path, kinds=" ".join(files.READABLE)
                )
            found += [(file, path) for file in inside]
        else:
            found.append((path, path.parent))
    to_folder = output.is_dir() or len(found) > 1 or inputs[0].is_dir() or not output.suffix
    if not to_folder:
        if output.suffix.lower() not in kinds:
            raise InputError(
                "{file} cannot be written: give the output one of {kinds}.", file=output.name, kinds=" ".join(kinds)
            )
        files.require_writable(output.parent)
        return [(found[0][0], output)]
    if output.suffix.lower() in files.WRITABLE and not output.is_dir():
        raise InputError("Several avatars do not fit into {file}: give a folder as the output.", file=output.name)
    files.require_writable(output)
    jobs: list[tuple[Path, Path]] = []
    for file, top in found:
        suffix = _output_suffix(file)
        target = output / file.relative_to(top).with_suffix(suffix if suffix in kinds else ".glb")
        if any(str(target).casefold() == str(other).casefold() for _, other in jobs):  # one file to some systems
            target = target.with_name(f"{file.name}{target.suffix}")
        jobs.append((file, target))
    return jobs


def _check_files(options: argparse.Namespace) -> None:
    """Raises OutputError, before any work, where what is written beside the avatar cannot be."""
    for path in (options.report, options.sheet, options.thumbnail):
        if path:
            files.require_writable(path.parent)
            if path.is_dir():
                raise OutputError("{path} cannot be written: check the folder and the free space.", path=path)


def _output_suffix(path: Path) -> str:
    """What an avatar file of a folder becomes: the kind that it is, as far as that can be written."""
    suffix = path.suffix.lower()
    if suffix == ".vrm":
        return ".vrm" if files.is_vrm(path) else ".glb"
    return {".blend": ".blend", ".fbx": ".fbx", ".obj": ".fbx"}.get(suffix, ".glb")


def _run_file(path: Path, target: Path, names: Sequence[str], options: argparse.Namespace) -> int:
    status, entries, done = OK, [], []
    try:
        entries, done = one_file.run(path, target, names, options)
        if not all(entry["ok"] for entry in entries):
            status = CHECK_FAILED
    except UserError as error:
        _log.warning("%s was refused", path, exc_info=True)
        status = _complain(error, path)
        # What is not the avatar's fault may be gone when it is tried again.
        passing = isinstance(error, OutputError | ModelError)
        entries.append({"input": str(path), "ok": False, "error": translate(error), "passing": passing})
    _report(options.report, status, entries)  # before pictures: what is saved stays done if drawing should fail
    one_file.draw(done, options)
    return status


def _run_folder(plan: Sequence[tuple[Path, Path]], options: argparse.Namespace) -> int:
    registry.deformer(options.models, options.model)  # fails once, here, and not for every avatar
    settings = options_of_one(options)
    # Recipes and models of the user's own count by what is in them, wherever they lie.
    by_name = options_of_one(options, without=("recipes", "models", "model"))
    depends_on = " ".join([*by_name, batch.tool(options.models, options.recipes, options.model)])
    part, parts = options.part or (1, 1)
    jobs = [
        batch.Job(
            source, target, options.output, settings, depends_on, _sheet(options, target), debug=bool(options.log)
        )
        for source, target in plan[part - 1 :: parts]
    ]
    count = 0

    def report_progress(job: batch.Job, seconds_left: float) -> None:
        nonlocal count
        count += 1
        for row in _rows(job):
            if row.message:
                _complain(InputError(row.message), job.source)
            text = translate(row.state if row.message else row.verdict)
            text += ", done before" if job.done_before else ""
            left = f", {_duration(seconds_left)} left" if seconds_left > 0 else ""
            console.say(f"{count} of {len(jobs)}{left}: {job.source}: {text}")

    status = None
    try:
        batch.run(jobs, options.jobs, options.time_limit, options.again, report_progress)
    except KeyboardInterrupt:
        status = STOPPED
        _complain(Cancelled("Stopped: what was finished is kept; the same command goes on from there."))
    entries = [entry for job in jobs for entry in job.entries]
    if status is None:
        status = max((BAD_INPUT if "error" in entry else int(not entry["ok"]) for entry in entries), default=OK)
    _report(options.report, status, entries)
    if options.part:
        return status if status == STOPPED else OK
    _summarize([row for job in jobs for row in _rows(job)], options.output)
    return status


def _drive(plan: Sequence[tuple[Path, Path]], options: argparse.Namespace) -> int:
    for path in (options.report, options.descriptors):
        if path:
            files.require_writable(path.parent)
    clip, performance = drive_files.read(options)
    status, entries = OK, []
    for source, target in plan:
        try:
            done = drive_files.run(source, target, performance, options)
            entries += done
        except UserError as error:
            _log.warning("%s was refused", source, exc_info=True)
            status = _complain(error, source)
            entries.append({"input": str(source), "ok": False, "error": translate(error)})
    if options.report:
        document = {"ok": status == OK, "status": status, "clip": clip, "avatars": entries}
        files.write_text(options.report, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return status


def _rows(job: batch.Job) -> list[summary.AvatarRow]:
    return list(summary.rows_of(job.source, job.entries, job.record.parent))


def _summarize(rows: Sequence[summary.AvatarRow], folder: Path) -> None:
    title = Message("Shape keys of {count} avatars: {folder}", count=len(rows), folder=folder.resolve().name)
    files.write_text(folder / "summary.csv", summary.table(rows), "utf-8-sig")  # spreadsheets go by the mark
    files.write_text(folder / "summary.html", summary.page(rows, title, translate, language()))
    console.say(f"{summary.count(rows)}. Look at {folder / 'summary.html'}")


def _report(path: Path | None, status: int, entries: Sequence[dict]) -> None:
    if path:
        document = {"ok": status == OK, "status": status, "avatars": entries}
        files.write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _sheet(options: argparse.Namespace, target: Path) -> Path | None:
    """Where the sheet of one avatar file among several goes."""
    if not options.sheet:
        return None
    place = "_".join(target.relative_to(options.output).parts)
    return options.sheet.with_name(f"{options.sheet.stem}_{place}.png")


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def _complain(error: UserError, path: Path | None = None) -> int:
    message = translate(error)
    prefix = f"{path}: " if path and path.name not in message else ""
    console.say(f"{prefix}{message}", error=True)
    return BAD_INPUT
