"""Write a trained corrective model as ONNX with its card."""

from __future__ import annotations

import argparse
import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from blendshape_addon.core.corrective import model as runtime
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry
from blendshape_addon.core.inference.corrective_format import NEIGHBOURS, OUTPUT

from ..learning import model_card, onnx_files
from ..learning.atomic_files import check_name
from ..learning.model_card import OPSET
from . import corrector
from .corrector import Corrector


def graph(model: Corrector) -> bytes:
    """The model as ONNX, with what the runtime has to know of the mesh as further outputs, checked."""
    kind, bones = model.kind, model.bones
    sizes = {
        "positions": (kind.vertices, 3 * kind.frames),
        "local": (kind.vertices, 3 * kind.frames),
        "pose": (kind.frames, bones.count, 3 * NEIGHBOURS),
        "joints": (kind.frames, kind.joints, 3),
        "near": (kind.vertices, 3 * NEIGHBOURS * kind.frames),
    }
    data = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), tuple(torch.zeros(sizes[name]) for name in kind.inputs), data, opset_version=OPSET,
            dynamo=False, input_names=list(kind.inputs), output_names=[OUTPUT],
        )  # fmt: skip
    made = onnx.load_from_string(data.getvalue())
    onnx_files.halve(made.graph)
    constants = {
        "rest": bones.rest.astype(np.float32),
        "bone_index": bones.index.astype(np.int64),
        "bone_weight": bones.weight.astype(np.float32),
        "bone_near": bones.near.astype(np.int64),
    }
    if "near" in kind.inputs:
        constants["joint_near"] = model.joint_near.astype(np.int64)
    for name, value in constants.items():
        made.graph.initializer.append(numpy_helper.from_array(value, f"{name}_kept"))
        made.graph.node.append(helper.make_node("Identity", [f"{name}_kept"], [name]))
        element = helper.np_dtype_to_tensor_dtype(value.dtype)
        made.graph.output.append(helper.make_tensor_value_info(name, element, value.shape))
    onnx.checker.check_model(made)
    return made.SerializeToString()


def write(model: Corrector, out: Path, figures: dict[str, float]) -> None:
    """OUT.onnx and its card, which `core.corrective.model.load` reads. Raises InputError when the disk is full and for
    a model that is too large to be loaded."""
    kind, data = model.kind, graph(model)
    if len(data) > registry.MAX_BYTES:
        raise InputError(
            f"The model of {kind.vertices} vertices has {len(data) / 2**20:.0f} MB, and {registry.MAX_BYTES >> 20} MB "
            "can be loaded: choose fewer condition frames, or --model_type linear."
        )
    fields = {
        "name": f"Corrective {kind.model_type}",
        "kind": runtime.KIND,
        "file": out.name,
        "licence": "as the frames that it learned on",
        "what": "Moves a skinned mesh to the surface that it learned, frame by frame.",
        "model_type": kind.model_type,
        "space": kind.space,
        "frames": kind.frames,
        "vertices": kind.vertices,
        "topology": kind.topology,
        "joints": kind.joints,
        "bones": model.bones.count,
    }
    model_card.write(out, data, fields, figures)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training corrective export",
        description="Write a trained model as ONNX with its card, for Blender and `blendshape_addon corrective bake`.",
    )
    parser.add_argument("model", type=Path, help="EPOCH.pt that `train` wrote")
    parser.add_argument("--out", type=Path, required=True, help="MODEL.onnx to write")
    given = parser.parse_args(arguments)
    check_name(given.out, ".onnx")
    model, _, notes = corrector.load(given.model)
    write(model, given.out, notes.get("figures", {}))
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.1f} MB")
    return 0
