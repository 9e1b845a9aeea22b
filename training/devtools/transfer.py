"""`make bench`, third part: the job beside a template transfer by non-rigid ICP, on a rig of a family left out.

A labelled face is drawn onto the rig's (Amberg, Romdhani and Vetter 2007, "Optimal Step Nonrigid ICP Algorithms for
Surface Registration", as trimesh has it), each vertex of the rig takes the motion of the nearest of the drawn face, and
both are judged against the artist's own units.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.face_space import FaceSpace
from blendshape_addon.core.landmarks import Face
from blendshape_addon.core.mesh import nearest_to
from blendshape_addon.core.parts import Part
from blendshape_addon.core.refine import nearest
from blendshape_addon.core.vocabulary import ARKIT

from .. import metrics, rigs
from ..heads import Head

REACH = 1.5  # eye distances from the eyes: the face


def main() -> None:
    parser = argparse.ArgumentParser(description="The job beside a template transfer by non-rigid ICP.")
    parser.add_argument(
        "--rig", default="rocketbox/Female_Adult_01", help="below the data folder; default: %(default)s"
    )
    parser.add_argument("--template", default="makehuman/base_hm08", help="default: %(default)s")
    parser.add_argument("--folds", type=Path, default=Path("out/train"), help="default: %(default)s")
    arguments = parser.parse_args()
    data = rigs.data_folder()
    try:
        import trimesh  # noqa: F401
    except ImportError:
        print("Template transfer: not run, for trimesh is not in this environment.")
        return
    if not (data / arguments.rig).is_dir():
        print(f"Template transfer: not run, for there is no {data / arguments.rig}.")
        return
    rig = rigs.load(data / arguments.rig)
    models = arguments.folds / f"without_{rig.family}"
    if not models.is_dir():
        print(f"Template transfer: not run, for there are no models without {rig.family} in {arguments.folds}.")
        return
    target, template = Head.of(rig), Head.of(rigs.load(data / arguments.template))
    names = [name for name in target.names if name in template.names and name in ARKIT]
    began = time.process_time()
    carried = transferred(target, template, names)
    took = {"non-rigid ICP": time.process_time() - began}
    avatar, marks = rig.avatar(), rigs.landmarks_of(rig, rig.vertices)
    space = FaceSpace.of(marks)
    made = {}
    for _ in range(2):  # the second is warm, as in a batch
        began = time.process_time()
        face = Face(marks, np.ones(len(marks)), 1.0, space.rotation, space.scale)
        run = pipeline.generate(avatar, names, models=models, provider="cpu", face=face)
        took["this"] = time.process_time() - began
    for shape in run.shapes:
        made[shape.name] = np.zeros_like(target.vertices)
        made[shape.name][shape.indices] = shape.deltas @ space.rotation.T / space.scale
    print(
        f"{rig.name}, {len(rig.vertices)} vertices, {len(names)} units, labelled landmarks for both, family left out; "
        "seconds of the processor"
    )
    judged = ~target.hidden
    for what, shapes in (("non-rigid ICP", carried), ("this", made)):
        found = [metrics.compare(shapes[n][judged], target.offsets[target.names.index(n)][judged]) for n in names]
        figures = ", ".join(f"{key} {np.median([one[key] for one in found]):.2f}" for key in ("rel", "cos", "mm"))
        print(f"{what:<15}{took[what]:>8.2f} s   median {figures}")
    print(f"{took['non-rigid ICP'] / took['this']:.0f} times as fast")


def transferred(target: Head, template: Head, names: Sequence[str]) -> dict[str, np.ndarray]:
    """(V, 3) face-space offsets of `names` on `target` from those of `template`, both labelled."""
    import trimesh
    from trimesh.registration import nricp_amberg

    near, triangles = _face(template)
    source = trimesh.Trimesh(template.vertices[near], triangles, process=False)
    other, faces = _face(target)
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
    return out


def _face(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (N,) of the skin of a face and its triangles (T, 3), numbered as they are there."""
    skin = np.zeros(len(head.vertices), bool)
    seen = head.features
    skin[seen.index[seen.part == Part.SKIN]] = True
    skin &= (np.abs(head.vertices) < REACH).all(1) | (np.abs(head.vertices + [0, 1, 0]) < REACH).all(1)
    used, local = np.unique(head.triangles[skin[head.triangles].all(1)], return_inverse=True)
    return used, local.reshape(-1, 3)


if __name__ == "__main__":
    main()
