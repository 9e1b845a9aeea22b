"""Processes to work in: this machine's cores, or those of a Dask scheduler."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from tqdm import tqdm

from blendshape_addon.core.errors import InputError, OutputError

from ..commands import ONE_THREAD

LOCAL = "local"
SCHEDULER_TIMEOUT = 10  # seconds that a scheduler has to answer
_stopped = threading.Event()


@contextmanager
def stoppable() -> Iterator[None]:
    """Within the block Ctrl-C and SIGTERM, which is what a Cancel button sends, raise KeyboardInterrupt, and so does
    `raise_if_stopped` after them.

    Python drops an exception that comes up in a finaliser or a callback of the garbage collector, and Dask has one of
    those that runs in this thread.
    """

    def stop(number: int, frame: object) -> None:
        _stopped.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _stopped.clear()


def raise_if_stopped() -> None:
    """Raises KeyboardInterrupt after a Ctrl-C in the block of `stoppable`, which may have been dropped."""
    if _stopped.is_set():
        raise KeyboardInterrupt


@contextmanager
def processes(jobs: int, scheduler: str | None) -> Iterator[Executor]:
    """`jobs` worker processes of one thread each; scheduler: the address of a Dask scheduler to use its workers
    instead, `local` for a Dask cluster of `jobs` processes here.

    Leaving it by an exception ends local workers at once. Raises InputError when Dask is not installed, when the
    scheduler does not answer, and when a worker has died.
    """
    try:
        with _one_thread(), _dask(jobs, scheduler) if scheduler else _own(jobs) as executor:
            yield executor
    except BrokenProcessPool as error:
        raise InputError(
            "A worker process has died, perhaps for lack of memory: run the same command again with fewer --jobs; "
            "it goes on where it was."
        ) from error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that are started in here compute on one thread, whatever the environment says."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a command that works so."""
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), metavar="N",
        help="worker processes (default: %(default)s, all cores)",
    )  # fmt: skip
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="work on the workers of this Dask scheduler; `local` starts one here"
    )


def each(executor: Executor, what: str, task: Callable, rows: Sequence[tuple]) -> Iterator[tuple[tuple, Any]]:
    """Each row with what task(*row) gives, or the exception that it ends in, as they come; with the time left. What no
    other row can escape is raised: a full disk, a dead worker."""
    futures = submit_all(executor, task, rows)
    with tqdm(total=len(rows), desc=what, unit=what.split()[-1].removesuffix("s")) as bar:
        for future in as_completed(futures):
            raise_if_stopped()
            error = future.exception()
            if isinstance(error, OSError | OutputError | BrokenExecutor | CancelledError):
                raise error
            yield futures[future], error if error else future.result()
            bar.update()


def submit_all(executor: Executor, work: Callable, rows: Sequence[tuple]) -> dict[Future, tuple]:
    """Hand in `work(*row)` for every row; which future is which row's."""
    with _ctrl_c_for_this_process():
        return {executor.submit(work, *row): row for row in rows}


@contextmanager
def _ctrl_c_for_this_process() -> Iterator[None]:
    """Processes that are started in here never see Ctrl-C; this one sees it after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started with the first process, it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _own(jobs: int) -> Iterator[Executor]:
    executor = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_prepare_worker)
    try:
        yield executor
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()
        executor.shutdown(wait=True, cancel_futures=True)
        raise
    executor.shutdown()


def _prepare_worker() -> None:
    """A worker leaves Ctrl-C to its parent, and does not outlive it even if that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _dask(jobs: int, scheduler: str) -> Iterator[Executor]:
    try:
        import distributed
    except ImportError as error:
        raise InputError("--scheduler needs Dask, which is missing: pip install distributed") from error
    # What fails in a task comes back with its result; a worker's own log would only say that Ctrl-C ended the rest.
    options: dict[str, Any] = {"silence_logs": "CRITICAL", "dashboard_address": None}
    try:
        with _ctrl_c_for_this_process():
            if scheduler == LOCAL:
                client = distributed.Client(n_workers=jobs, threads_per_worker=1, processes=True, **options)
            else:
                client = distributed.Client(scheduler, timeout=SCHEDULER_TIMEOUT)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(f"No Dask scheduler answers at {scheduler}: start one with `dask scheduler`.") from error
    try:
        with client:
            try:
                yield client.get_executor()
            except BaseException:
                logging.disable()  # Dask reports with tracebacks that it is left with work half done
                raise
    finally:
        logging.disable(logging.NOTSET)
