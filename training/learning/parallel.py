"""Trainings beside each other: each in a process of its own on one thread, so that its result does not depend on how
many run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import torch

JOBS = 2


def each(function: Callable[..., object], rows: Sequence[tuple], jobs: int = JOBS) -> None:
    """Call `function(*row)` of each of `rows`, `jobs` at a time.

    function: of a module, for it is called in other processes. What it raises is raised here after the calls that run
    have ended; calls that have not begun are left out then.
    """
    if not rows:
        return
    workers = min(jobs, len(rows))
    pool = ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,), max_tasks_per_child=1)
    with pool:
        running = [pool.submit(function, *row) for row in rows]
        try:
            for one in as_completed(running):
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
