"""`python -m training corrective evaluate`: figures of models on frames that they did not learn."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from blendshape_addon.core.corrective import frames as reading
from blendshape_addon.core.errors import InputError

from . import infer, options


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training corrective evaluate",
        description="Measure models beside the skinned mesh: report.json, pictures and a map of the error.",
    )
    options.add_meshes(parser, target=True)
    options.add(
        parser, "load_saved_model", type=Path, nargs="+", required=True, help="EPOCH.pt or MODEL.onnx, one or more"
    )
    options.add(parser, "contact", type=Path, help="contact.npy of `synth`: measured apart")
    options.add(parser, "first", type=options.whole("first", 0), default=0, help="frames to pass over (default: 0)")
    options.add(parser, "out", type=Path, default=Path("report"), help="folder (default: %(default)s)")
    given = parser.parse_args(arguments)
    source, target = (reading.read(path) for path in (given.source_files_dir, given.target_files_dir))
    reading.check_pair(source, target, given.first + 1)
    some = slice(given.first, None)
    contact = None
    if given.contact:
        try:
            contact = np.load(given.contact, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(f"{given.contact} cannot be read: give contact.npy of `corrective synth`.") from error
        if contact.shape != source.positions.shape[:2]:
            raise InputError(
                f"{given.contact} is of other frames or another mesh: give the one made with these frames."
            )
        contact = contact[some]
    rows = {"skinned": source.positions[some]}
    for path in given.load_saved_model:
        model = infer.open_model(path)
        model.check_mesh(source.edges, source.positions.shape[1])
        reading.check_length(len(source.positions), model.frames)
        joints = infer.joints_for(model, given.joint_files_dir, len(source.positions))
        name = model.name if model.name not in rows else f"{model.name} {len(rows)}"
        rows[name] = model.correct_all(source.positions, joints)[some]
    infer.report(given.out, rows, target.positions[some], source, contact)
    return 0
