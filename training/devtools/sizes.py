"""`make bench`, second part: the job and its stages over sizes of one face, without Blender.

The demo avatar's triangles are cut or joined, so that it stays the same face at every size. Each run is a process of
its own: its seconds are the processor's, so that what else runs does not count, its memory is Python, numpy and
onnxruntime with the job.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import pickle
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.geometry.mesh import edges_of
from blendshape_addon.core.inference.session import Session
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ALL_SHAPES

from . import transfer

STAGES = ("landmarks", "features", "network", "refining", "checking")
SHAPES = (20, len(ALL_SHAPES))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the job over sizes of the demo avatar.")
    parser.add_argument(
        "--sizes", type=_numbers, default="1000,5000,20000,70000", help="vertices, about; default: %(default)s"
    )
    parser.add_argument("--out", type=Path, default=Path("out/bench"), help="default: %(default)s")
    parser.add_argument("--make", nargs=2, metavar=("FILE", "SIZE"), help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, metavar=("FILE", "SHAPES"), help=argparse.SUPPRESS)
    parser.add_argument("--transfer", nargs=1, metavar="FILE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        Path(arguments.make[0]).write_bytes(pickle.dumps(resized(_demo(), int(arguments.make[1]))))
        sys.stdout.flush()
        os._exit(0)  # bpy as a module may hang in a clean exit
    if arguments.measure:
        print(json.dumps(_measured(Path(arguments.measure[0]), int(arguments.measure[1]))))
    elif arguments.transfer:
        avatar: Avatar = pickle.loads(Path(arguments.transfer[0]).read_bytes())
        print(transfer.seconds_on(avatar, pipeline.analyse(avatar, provider="cpu")))
    else:
        _table(arguments.sizes, arguments.out)


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no list of whole numbers, as 1000,5000 is") from None


def _table(sizes: list[int], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    missing = transfer.why_not(transfer.TEMPLATES[0])
    if missing:
        print(f"ICP, a template transfer, is not run, for {missing}.")
    print(f"{'vertices':>9}{'of face':>9}{'shapes':>7}{'whole s':>9}{'MB':>7}{'× network':>10}{'ICP ×':>8}", end="")
    print("".join(f"{stage:>11}" for stage in STAGES))
    rows = []
    for size in sizes:
        file = out / f"avatar_{size}.pickle"
        _child("--make", file, size)
        icp = math.nan if missing else float(_child("--transfer", file))
        for shapes in SHAPES:
            row = json.loads(_child("--measure", file, shapes))
            rows.append(row)
            print(
                f"{row['vertices']:>9}{row['face']:>9}{shapes:>7}{row['whole']:>9.2f}{row['megabytes']:>7.0f}"
                f"{row['whole'] / row['bare']:>10.1f}{icp / row['whole']:>8.1f}"
                + "".join(f"{row[stage]:>11.3f}" for stage in STAGES),
                flush=True,
            )
        file.unlink()
    for shapes in SHAPES:
        some = [row for row in rows if row["shapes"] == shapes]
        if len(some) > 2:
            print(f"growth with the vertices, {shapes} shapes: " + ", ".join(_growth(some)))


def _child(what: str, file: Path, *number: int) -> str:
    """What this module prints in a process of its own: Blender, which makes the avatar, is not in the one measured."""
    command = [sys.executable, "-m", "training.devtools.sizes", what, str(file), *map(str, number)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _growth(rows: list[dict]) -> list[str]:
    """Exponents fitted over the upper half of the sizes, where constant costs no longer count, and over all."""
    out = []
    for what in ("whole", *STAGES, "bare"):
        size, spent = (np.log([row[key] for row in rows]) for key in ("vertices", what))
        upper = len(rows) // 2
        name = "onnxruntime alone" if what == "bare" else what
        out.append(f"{name} {np.polyfit(size, spent, 1)[0]:.2f} ({np.polyfit(size[upper:], spent[upper:], 1)[0]:.2f})")
    return [*out, "in brackets: the larger half of the sizes"]


def _demo() -> Avatar:
    """The demo avatar as the extension reads it."""
    import bpy

    from blendshape_addon.blender.io import mesh_io

    from . import avatar

    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    return mesh_io.read(avatar.add())


def resized(avatar: Avatar, vertices: int) -> Avatar:
    """`avatar` with about as many vertices: within half as many more or a third fewer."""
    while len(avatar.vertices) < vertices / 1.5:
        avatar = _finer(avatar)
    return _coarser(avatar, vertices) if len(avatar.vertices) > vertices * 1.5 else avatar


def _finer(avatar: Avatar) -> Avatar:
    """Every triangle cut into four at the middle of its edges."""
    edges, count = edges_of(avatar.triangles), len(avatar.vertices)
    code = edges[:, 0] * count + edges[:, 1]
    a, b, c = avatar.triangles.astype(np.int64).T
    ab, bc, ca = (
        count + np.searchsorted(code, np.minimum(i, j) * count + np.maximum(i, j)) for i, j in ((a, b), (b, c), (c, a))
    )
    return replace(
        avatar,
        vertices=np.concatenate([avatar.vertices, avatar.vertices[edges].mean(1)]),
        triangles=np.concatenate(
            [np.stack(corner, 1) for corner in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
        ).astype(np.int32),
        object_id=np.concatenate([avatar.object_id, avatar.object_id[edges[:, 0]]]),
    )


def _coarser(avatar: Avatar, vertices: int) -> Avatar:
    """Each object's edges collapsed, those first that change its shape least."""
    import fast_simplification

    share = vertices / len(avatar.vertices)
    parts, start = [], 0
    for number in range(len(avatar.object_names)):
        triangles = avatar.triangles[avatar.object_id[avatar.triangles[:, 0]] == number]
        used, local = np.unique(triangles, return_inverse=True)
        where, faces = fast_simplification.simplify(
            avatar.vertices[used].astype(np.float32), local.reshape(-1, 3), target_reduction=1 - share
        )
        parts.append((where, faces + start, np.full(len(where), number, np.int32)))
        start += len(where)
    where, faces, number = map(np.concatenate, zip(*parts, strict=True))
    return replace(avatar, vertices=where.astype(float), triangles=faces.astype(np.int32), object_id=number)


def _measured(file: Path, shapes: int) -> dict:
    """Seconds and megabytes of one run in this process, the second where that is quick: the first loads libraries."""
    time.perf_counter = time.process_time  # as the pipeline's stages see it too
    avatar: Avatar = pickle.loads(file.read_bytes())
    bare = {"deformer": 0.0}
    opened = Session.run

    def run(session: Session, names: list[str] | None, inputs: dict) -> list:
        began = time.perf_counter()
        made = opened(session, names, inputs)
        if "expression" in inputs:
            bare["deformer"] += time.perf_counter() - began
        return made

    Session.run = run
    for _ in range(2 if len(avatar.vertices) < 30_000 else 1):
        bare["deformer"] = 0.0
        began = time.perf_counter()
        made = pipeline.generate(replace(avatar), GenerateOptions(ALL_SHAPES[:shapes], provider="cpu"))
        whole = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {
        "vertices": len(avatar.vertices), "face": len(made.analysis.anatomy.features.index), "shapes": shapes,
        "whole": whole, "bare": bare["deformer"], "megabytes": peak, **{stage: made.seconds[stage] for stage in STAGES},
    }  # fmt: skip


if __name__ == "__main__":
    main()
