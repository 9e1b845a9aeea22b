"""`python -m training.body.service.load`: whether jobs get lost, and how many are done per minute.

Jobs of kind `check` go through database, queue and storage of the settings, and workers are killed on the way; with
--people, people who are made up go through the real work instead.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import resource
import signal
import subprocess
import sys
import time
import uuid

import numpy as np
from PIL import Image

from blendshape_addon.core.errors import InputError

from ... import commands
from ..synthetic import CAMERAS, Studio
from .app import AvatarRequest, Service
from .jobs import RUNNING, Job
from .settings import Settings
from .worker import CHECK

LEASE = "5"  # seconds, if nothing else is set: for so long nobody does the job of a worker that was killed
POLL = 0.01  # seconds between looks for a worker to kill


def main(arguments: list[str]) -> int:
    """1 if a job was lost or failed. Raises InputError for settings that are none, or what cannot be done."""
    given = _parser().parse_args(arguments)
    if min(given.jobs, given.workers) < 1 or min(given.kills, given.people) < 0:
        raise InputError("At least one job and one worker, and no number below 0, are needed.")
    os.environ.setdefault("SERVICE_LEASE_SECONDS", LEASE)
    settings = Settings.read(os.environ)
    settings.folder.mkdir(parents=True, exist_ok=True)
    service, user = Service(settings), f"load-{uuid.uuid4().hex[:12]}"
    ids = _people(service, user, given.people) if given.people else _checks(service, user, given.jobs)
    workers = [_start() for _ in range(given.workers)]
    start, killed = time.monotonic(), 0
    try:
        while any(job["finished"] is None for job in _mine(service, ids)):
            if killed < given.kills:
                killed += _kill_one(service, ids, workers)
            if all(worker.poll() is not None for worker in workers):
                raise InputError("All workers stopped: what they said stands above.")
            time.sleep(POLL if killed < given.kills else 0.2)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()
    return _report(_mine(service, ids), len(ids), time.monotonic() - start, killed, given.workers)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.body.service.load", description=__doc__)
    parser.add_argument("--jobs", type=int, default=500, help="jobs of kind check (default: %(default)s)")
    parser.add_argument("--people", type=int, default=0, help="people who are made up, instead of jobs of kind check")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--kills", type=int, default=2, help="workers killed in the middle of a job")
    return parser


def _checks(service: Service, user: str, count: int) -> list[str]:
    ids = [uuid.uuid4().hex for _ in range(count)]
    for number, job_id in enumerate(ids):
        service.jobs.add(job_id, user, CHECK, {"seed": number})
        service.queue.put(job_id)
    return ids


def _people(service: Service, user: str, count: int) -> list[str]:
    """Ids of jobs of people from the front, each as tall as it is."""
    studio, ids = Studio(), []
    for number in range(count):
        rng, camera = np.random.default_rng(number), CAMERAS[number % len(CAMERAS)]
        subject = studio.subject(rng)
        data = io.BytesIO()
        Image.fromarray(studio.draw(subject, camera, studio.stance(camera, rng), rng)).save(data, "PNG")
        asked = AvatarRequest(
            user_id=user,
            image_base64=base64.b64encode(data.getvalue()).decode(),
            height_cm=subject.centimetres["height"],
        )
        ids.append(service.submit(asked)["id"])
    return ids


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "training.body.service", "work"], start_new_session=True)


def _mine(service: Service, ids: list[str]) -> list[Job]:
    wanted = set(ids)
    return [job for job in service.jobs.rows() if job["id"] in wanted]


def _kill_one(service: Service, ids: list[str], workers: list[subprocess.Popen[bytes]]) -> bool:
    """Kill a worker that is in the middle of a job, and start another one; whether the job was left there."""
    for job in _mine(service, ids):
        number = next((n for n, one in enumerate(workers) if str(one.pid) in (job["holder"] or "").split(":")), None)
        if job["status"] == RUNNING and number is not None:
            workers[number].send_signal(signal.SIGKILL)
            workers[number].wait()
            workers[number] = _start()
            after = service.jobs.get(job["id"])
            return after is not None and after["holder"] == job["holder"]
    return False


def _report(found: list[Job], count: int, seconds: float, killed: int, workers: int) -> int:
    done = [job for job in found if job["status"] == "done"]
    again = sum(job["attempts"] > 1 for job in found)
    print(f"{len(done)} of {count} jobs done, {count - len(found)} lost, {len(found) - len(done)} failed")
    print(f"{killed} workers killed in the middle of a job; {again} jobs were taken up again")
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = usage.ru_utime + usage.ru_stime  # of workers, their start included
    print(f"{seconds:.1f} s, {60 * len(done) / seconds / workers:.1f} jobs per minute and worker")
    print(f"{cpu:.1f} s of processor time, {60 * len(done) / cpu:.1f} jobs per minute of one core")
    for job in found:
        if job["error"]:
            print(f"{job['id']}: {job['error']}")
    return 0 if len(done) == count else 1


if __name__ == "__main__":
    os.environ.update({name: os.environ.get(name, value) for name, value in commands.ONE_THREAD.items()})
    sys.exit(commands.run(lambda: main(sys.argv[1:])))
