"""`make bench`, third part: the job beside a template transfer by non-rigid ICP, on a rig of a family left out.

A labelled face is drawn onto the rig's (Amberg, Romdhani and Vetter 2007, "Optimal Step Nonrigid ICP Algorithms for
Surface Registration", as trimesh has it), each vertex of the rig takes the motion of the nearest of the drawn face, and
both are judged against the artist's own units.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection.detect import Face
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.nearest import nearest, nearest_to
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ARKIT

from ..data import metrics, rigs
from ..data.labelled_face import LabelledFace

REACH = 1.5  # eye distances from the eyes: the face
TEMPLATES = "makehuman/base_hm08", "ict/generic_neutral"  # below the data folder; the second is the denser


def main() -> None:
    parser = argparse.ArgumentParser(description="The job beside a template transfer by non-rigid ICP.")
    parser.add_argument(
        "--rig", default="rocketbox/Female_Adult_01", help="below the data folder; default: %(default)s"
    )
    parser.add_argument("--templates", default=",".join(TEMPLATES), help="default: %(default)s")
    parser.add_argument("--folds", type=Path, default=Path("out/train"), help="default: %(default)s")
    arguments = parser.parse_args()
    templates = arguments.templates.split(",")
    data = rigs.data_folder()
    if missing := why_not(arguments.rig, *templates):
        print(f"Template transfer: not run, for {missing}.")
        return
    rig = rigs.load(data / arguments.rig)
    models = arguments.folds / f"without_{rig.family}"
    if not models.is_dir():
        print(f"Template transfer: not run, for there are no models without {rig.family} in {arguments.folds}.")
        return
    target = LabelledFace.of(rig)
    names = [name for name in target.names if name in ARKIT]
    print(
        f"{rig.name}, {len(rig.vertices)} vertices, {len(names)} units, labelled landmarks for both, family left out; "
        "seconds of the processor"
    )
    took, made = _ours(rig, models, names)
    _judge("this", took, target, made)
    for name in templates:
        template = LabelledFace.of(rigs.load(data / name))
        carried, spent = transferred(target, template, [unit for unit in names if unit in template.names])
        _judge(f"ICP {name}", spent, target, carried)
        print(f"{spent / took:.0f} times as fast")


def why_not(*wanted: str) -> str:
    """What a template transfer between these rigs, paths below the data folder, lacks here; empty for nothing."""
    if find_spec("trimesh") is None:
        return "trimesh is not in this environment"
    missing = [name for name in wanted if not (rigs.data_folder() / name).is_dir()]
    return f"there is no {rigs.data_folder() / missing[0]}" if missing else ""


def seconds_on(avatar: Avatar, analysis: pipeline.FaceAnalysis) -> float:
    """Seconds of the processor that the first of TEMPLATES takes to be drawn over the face that `analysis` has of
    `avatar`, and its units to be carried over."""
    template = LabelledFace.of(rigs.load(rigs.data_folder() / TEMPLATES[0]))
    known = analysis.anatomy.features
    space, count = known.space, len(avatar.vertices)
    target = LabelledFace(
        vertices=space.to_face(avatar.vertices), triangles=avatar.triangles, part_id=avatar.object_id,
        part_names=avatar.object_names, names=(), offsets=np.empty((0, count, 3), np.float32),
        hidden=np.zeros(count, bool), marks=known.landmarks,
        mark_offsets=np.empty((0, *known.landmarks.shape), np.float32),
    )  # fmt: skip
    return transferred(target, template, [name for name in ARKIT if name in template.names])[1]


def _ours(rig: rigs.Rig, models: Path, names: Sequence[str]) -> tuple[float, dict[str, np.ndarray]]:
    """Seconds of the processor that the job takes, and (V, 3) face-space offsets by unit."""
    avatar, marks = rig.avatar(), rigs.landmarks_of(rig, rig.vertices)
    space = FaceSpace.of(marks)
    for _ in range(2):  # the second is warm, as in a batch
        began = time.process_time()
        face = Face(marks, np.ones(len(marks)), 1.0, space.rotation, space.scale)
        run = pipeline.generate(avatar, GenerateOptions(names, models=models, provider="cpu"), face=face)
        took = time.process_time() - began
    made = {name: np.zeros_like(rig.vertices, float) for name in names}
    for shape in run.shapes:
        made[shape.name][shape.indices] = shape.deltas @ space.rotation.T / space.scale
    return took, made


def _judge(what: str, seconds: float, target: LabelledFace, shapes: dict[str, np.ndarray]) -> None:
    judged = ~target.hidden
    found = [
        metrics.compare(made[judged], target.offsets[target.names.index(name)][judged]) for name, made in shapes.items()
    ]
    figures = ", ".join(f"{key} {np.median([one[key] for one in found]):.2f}" for key in ("rel", "cos", "mm"))
    print(f"{what:<24}{seconds:>8.2f} s   median over {len(found)} units: {figures}", flush=True)


def transferred(
    target: LabelledFace, template: LabelledFace, names: Sequence[str]
) -> tuple[dict[str, np.ndarray], float]:
    """(V, 3) face-space offsets of `names` on `target` from those of `template`, both labelled, and the seconds of the
    processor that this took once it was known what of both is skin."""
    import trimesh
    from trimesh.registration import nricp_amberg

    near, triangles = _face(template)
    other, faces = _face(target)
    began = time.process_time()
    source = trimesh.Trimesh(template.vertices[near], triangles, process=False)
    goal = trimesh.Trimesh(target.vertices[other], faces, process=False)
    labelled = nearest_to(template.marks, template.vertices[near])
    drawn = nricp_amberg(
        source, goal, source_landmarks=labelled, target_positions=target.marks, use_faces=False, distance_threshold=0.3
    )
    reached = np.flatnonzero((np.abs(target.vertices) < 2 * REACH).all(1))
    match = near[nearest(np.asarray(drawn), target.vertices[reached], 1)[0][:, 0]]
    out = {name: np.zeros_like(target.vertices) for name in names}
    for name, carried in out.items():
        carried[reached] = template.offsets[template.names.index(name)][match]
    return out, time.process_time() - began


def _face(face: LabelledFace) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N,) of the skin of a face and its triangles (T, 3), numbered as they are there."""
    skin = np.zeros(len(face.vertices), bool)
    features = face.features
    skin[features.index[features.part == Part.SKIN]] = True
    skin &= (np.abs(face.vertices) < REACH).all(1) | (np.abs(face.vertices + [0, 1, 0]) < REACH).all(1)
    used, local = np.unique(face.triangles[skin[face.triangles].all(1)], return_inverse=True)
    return used, local.reshape(-1, 3)


if __name__ == "__main__":
    main()
