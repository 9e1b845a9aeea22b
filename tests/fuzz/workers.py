"""Cases in processes of their own, so that a crash or a hang costs one case and is counted."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection

from .cases import Case, Outcome


def run_all(
    runner: Callable[[Case], Outcome], cases: Sequence[Case], jobs: int, limit: float
) -> Iterator[tuple[Case, Outcome]]:
    """The outcome of each case as `runner` (a function that can be pickled) has it, in the order of `cases`.

    limit: seconds after which a case hangs.
    """
    local, workers = threading.local(), []

    def run(case: Case) -> tuple[Case, Outcome]:
        if getattr(local, "worker", None) is None:
            local.worker = _Worker(runner)
            workers.append(local.worker)
        outcome = local.worker.run(case, limit)
        if not local.worker.process.is_alive():
            local.worker = None
        return case, outcome

    with ThreadPoolExecutor(jobs) as threads:
        try:
            yield from threads.map(run, cases)
        finally:
            for worker in workers:
                worker.process.kill()  # Blender as a module may hang in a clean exit


class _Worker:
    """One process that runs a case at a time."""

    def __init__(self, runner: Callable[[Case], Outcome]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=partial(_serve, runner, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def run(self, case: Case, limit: float) -> Outcome:
        try:
            self._pipe.send(case)
            if self._pipe.poll(limit):
                return self._pipe.recv()
            self.process.kill()
            words = f"no end after {limit:g} seconds"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            words = "the process died"
        self.process.join()
        return Outcome("failed", words)


def _serve(runner: Callable[[Case], Outcome], pipe: Connection) -> None:
    while True:
        pipe.send(runner(pipe.recv()))
