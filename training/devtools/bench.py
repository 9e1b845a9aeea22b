"""`make bench`: seconds and memory of the extension's Generate All on the demo avatar, stage by stage.

Each stage is the median of several runs, in milliseconds and as a multiple of the bare onnxruntime call inside them.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from statistics import median
from typing import Any

from . import installed, package

OUT = package.ROOT / "out" / "bench"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time Generate All on the demo avatar.")
    parser.add_argument("--runs", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--cuts", type=int, default=0, help="cut each face in four so many times: 3 is a million vertices"
    )
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    installed.install(OUT)
    import bpy

    from . import avatar

    quiet = installed.module("blender.io.files").quiet
    bare = _Stopwatch(installed.module("core.inference.session").Session)
    before = _peak_memory()
    timings: list[dict[str, float]] = []
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}", file=sys.stderr, flush=True)
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        _cut(avatar.add(), options.cuts)
        bare.seconds = 0.0
        installed.module("blender.jobs.one_avatar").forget()
        began, used = time.perf_counter(), time.process_time()
        with quiet():
            done = installed.press("generate_all")
        whole, used = time.perf_counter() - began, time.process_time() - used
        timings.append(
            {**done.generated.seconds, "whole": whole, "of processors": used, "onnxruntime alone": bare.seconds}
        )
    unit = median(run["onnxruntime alone"] for run in timings)
    size = f"{len(done.generated.shapes)} shapes, {len(done.avatar.vertices)} vertices"
    print(f"generate_all: {size}, median of {options.runs} runs")
    print(f"{'stage':<20}{'ms':>10}{'× network':>12}")
    for stage in timings[0]:
        spent = median(run[stage] for run in timings)
        print(f"{stage:<20}{spent * 1000:>10.1f}{spent / unit:>12.2f}")
    print(f"{'first run, whole':<20}{timings[0]['whole'] * 1000:>10.1f}{timings[0]['whole'] / unit:>12.2f}")
    print(f"peak memory {_peak_memory():.0f} MB, of which Blender alone {before:.0f} MB")


def _cut(objects: list[Any], times: int) -> None:
    """Cut each face of `objects` in four, `times` over, as Subdivide does it; seams stay closed, corners sharp."""
    import bmesh

    for obj in objects if times else ():
        mesh = bmesh.new()
        mesh.from_mesh(obj.data)
        bmesh.ops.subdivide_edges(mesh, edges=mesh.edges[:], cuts=2**times - 1, use_grid_fill=True)
        mesh.to_mesh(obj.data)
        mesh.free()


class _Stopwatch:
    """Adds up the seconds spent inside onnxruntime by every session of the class `session` from here on."""

    def __init__(self, session: Any) -> None:
        self.seconds = 0.0
        run = session.run

        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            result = run(*arguments)
            self.seconds += time.perf_counter() - began
            return result

        session.run = timed


def _peak_memory() -> float:
    """Most memory this process ever had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # bpy as a module may hang in a clean exit
