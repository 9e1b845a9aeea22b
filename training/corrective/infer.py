"""`python -m training corrective infer`: predicted meshes as OBJ, and how far they are off where the truth is known."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from blendshape_addon.core.corrective import frames as reading
from blendshape_addon.core.corrective import model as runtime
from blendshape_addon.core.corrective.frames import Frames
from blendshape_addon.core.corrective.model import CorrectiveModel
from blendshape_addon.core.errors import InputError

from ..learning.atomic_files import atomic_write
from . import corrector, export, measure, options, pictures


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training corrective infer",
        description="Write corrected frames as OBJ; with the truth, also maps of the error and report.json.",
    )
    options.add_meshes(parser, target=False)
    shown = "(default: %(default)s)"
    options.add(parser, "load_saved_model", type=Path, required=True, help="EPOCH.pt or MODEL.onnx")
    options.add(
        parser, "num_inference_meshes", type=options.whole("num_inference_meshes", 1), default=2, help=f"frames {shown}"
    )
    options.add(
        parser, "is_target_available", type=options.yes, nargs="?", const=True, default=False, help="compare with -tar"
    )
    options.add(parser, "out", type=Path, default=Path("predicted"), help=f"folder {shown}")
    given = parser.parse_args(arguments)
    if given.is_target_available and not given.target_files_dir:
        raise InputError("--is_target_available compares with the truth: give it with --target_files_dir.")
    model = open_model(given.load_saved_model)
    limit = model.frames - 1 + given.num_inference_meshes
    total = reading.count_frames(given.source_files_dir)
    if given.is_target_available:
        reading.check_counts(total, reading.count_frames(given.target_files_dir))
    source = reading.read(given.source_files_dir, limit)
    model.check_mesh(source.edges, source.positions.shape[1])
    reading.check_length(len(source.positions), model.frames)
    target = None
    if given.is_target_available:
        target = reading.read(given.target_files_dir, limit)
        reading.check_pair(source, target)
    joints = joints_for(model, given.joint_files_dir, total)
    if joints is not None:
        joints = joints[: len(source.positions)]
    predicted = model.correct_all(source.positions, joints)[model.frames - 1 :]
    shown_frames = range(model.frames - 1, len(source.positions))
    given.out.mkdir(parents=True, exist_ok=True)
    for frame, points in zip(shown_frames, predicted, strict=True):
        reading.write_obj(given.out / f"{frame + 1:05d}.obj", points, source)
    if target is not None:
        rows = {"skinned": source.positions[shown_frames], model.name: predicted}
        report(given.out, rows, target.positions[shown_frames], source)
    print(f"{given.out}: {len(predicted)} meshes")
    return 0


def open_model(path: Path) -> CorrectiveModel:
    """The runtime of a saved model, of an EPOCH.pt or an ONNX file. Raises InputError and ModelError."""
    if path.suffix == ".onnx":
        return runtime.load(path)
    model, _, _ = corrector.load(path)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{model.kind.model_type}.onnx"
        export.write(model, file, {})
        return runtime.load(file)


def joints_for(model: CorrectiveModel, path: Path | None, count: int) -> np.ndarray | None:
    """(F, J, 3) joints of `count` frames, for a model that takes them. Raises InputError."""
    if not model.joints:
        return None
    if path is None:
        raise InputError(f"{model.name} takes {model.joints} joints: give them with --joint_files_dir.")
    return reading.read_joints(path, count)


def report(
    folder: Path,
    rows: dict[str, np.ndarray],
    target: np.ndarray,
    mesh: Frames,
    contact: np.ndarray | None = None,
    most: int = 24,
) -> dict[str, dict[str, float]]:
    """Write report.json, and of up to `most` frames errors.gif, a sheet of the worst one and its error as OBJ with
    vertex colours. rows: (F, V, 3) by name, `skinned` first and the model of interest last. Gives the figures."""
    skinned, last = rows["skinned"], list(rows)[-1]
    figures = {name: measure.measure(points, skinned, target, contact) for name, points in rows.items()}
    folder.mkdir(parents=True, exist_ok=True)
    said = {"figures": figures, "units": measure.FIGURES, "frames": len(target), "vertices": target.shape[1]}
    atomic_write(folder / "report.json", json.dumps(said, indent=1).encode())
    some = np.unique(np.linspace(0, len(target) - 1, min(most, len(target))).astype(int))
    names = ("skinned", last, "truth", "error of skinned", f"error of {last}, red from 10 mm")
    sheets = pictures.sheet([(skinned[f], rows[last][f], target[f]) for f in some], mesh.triangles, names)
    pictures.save(folder / "errors.gif", sheets)
    worst = int(np.linalg.norm(skinned[some] - target[some], axis=2).mean(1).argmax())
    pictures.save(folder / "errors.png", [sheets[worst]])
    error = np.linalg.norm(rows[last][some[worst]] - target[some[worst]], axis=1)
    reading.write_obj(folder / "errors.obj", rows[last][some[worst]], mesh, pictures.colours(error))
    print(measure.table(figures))
    return figures
