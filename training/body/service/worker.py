"""Workers: they take jobs that are due, one at a time, and give signs of life while they work."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import redis
from rq.worker import SimpleWorker

from blendshape_addon.core.errors import InputError

from . import pictures
from .bodies import Body, Extractor, extractor, require
from .jobs import Job, Jobs
from .queues import DatabaseQueue, Keeper, RedisQueue, queue
from .settings import Settings
from .storage import Storage, storage

LOG = logging.getLogger(__name__)
FRONT, SIDE = "front.png", "side.png"
PHOTO, CHECK = "photo", "check"  # kinds of jobs
IDLE = 0.5  # seconds between looks into the database
_CHECKED = 64 * 1024  # random numbers that a job of kind CHECK keeps and reads back


def pictures_of(job: Job) -> tuple[str, ...]:
    """Files of the pictures that a job of kind PHOTO came with."""
    return (FRONT, SIDE)[: len(job["asked"]["lenses"])]


class Worker:
    """Does jobs of one database."""

    def __init__(self, settings: Settings, jobs: Jobs, kept: Storage) -> None:
        self._settings, self._jobs, self._kept = settings, jobs, kept
        self._extractor: Extractor | None = None

    def run(self, job_id: str) -> bool:
        """Do a job, unless another one has it or it is done; False then. What breaks is tried again later."""
        job = self._jobs.take(job_id)
        if job is None:
            return False
        if job["attempts"] > self._settings.attempts:
            self._finish(job, error=f"The work stopped {self._settings.attempts} times on this picture: try another.")
            return True
        with self._alive(job):
            try:
                body = self._photo(job) if job["kind"] == PHOTO else self._check(job)
                for name, data in body.files.items():
                    self._kept.write(job_id, name, data)
            except InputError as error:
                self._finish(job, error=str(error))
            except Exception:
                LOG.exception("Job %s broke at attempt %d", job_id, job["attempts"])
                self._jobs.give_back(job, self._settings.retry_seconds * job["attempts"])
            else:
                self._finish(job, body.result)
        return True

    def run_due(self, queue: DatabaseQueue, stop: threading.Event) -> None:
        """Do what the database has, until stopped."""
        while not stop.is_set():
            try:
                if any(self.run(job_id) for job_id in self._jobs.due(1)):
                    continue
            except Exception as error:  # the database is away for a while
                LOG.warning("Jobs cannot be taken just now: %s", error)
            queue.news.wait(IDLE)
            queue.news.clear()

    def _photo(self, job: Job) -> Body:
        asked, given = job["asked"], []
        for name, (focal, said) in zip(pictures_of(job), asked["lenses"], strict=True):
            data = self._kept.read(job["id"], name)
            if data is None:
                raise FileNotFoundError(f"{name} of job {job['id']} is not in the storage")
            given.append(pictures.decoded(data, name, focal, said))
        self._extractor = self._extractor or extractor(self._settings)
        return self._extractor.extract(given, asked["height"], asked["gender"], asked.get("tight", False))

    def _check(self, job: Job) -> Body:
        """Bytes that are kept and read back: whether database, queue and storage work together."""
        data = np.random.default_rng(job["asked"]["seed"]).bytes(_CHECKED)
        self._kept.write(job["id"], "check.bin", data)
        if self._kept.read(job["id"], "check.bin") != data:
            raise OSError("the storage gives other bytes than it was given")
        return Body({}, {"seed": job["asked"]["seed"]})

    def _finish(self, job: Job, result: dict | None = None, error: str | None = None) -> None:
        if self._jobs.finish(job, result, error):
            if job["kind"] == PHOTO and not job["asked"]["keep_image"]:
                self._kept.delete(job["id"], *pictures_of(job))
        elif self._jobs.get(job["id"]) is None:  # its user deleted it meanwhile
            self._kept.delete(job["id"])

    @contextmanager
    def _alive(self, job: Job) -> Iterator[None]:
        """Signs of life while a job is done."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(self._settings.lease_seconds / 4):
                try:
                    self._jobs.prolong(job)
                except Exception as error:
                    LOG.warning("No sign of life of job %s: %s", job["id"], error)

        thread = threading.Thread(target=beat, daemon=True, name=f"signs of life of {job['id']}")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@cache
def _worker() -> Worker:
    settings = Settings.read(os.environ)
    return Worker(settings, Jobs(settings.database, settings.lease_seconds), storage(settings))


def extract_body_shape(job_id: str) -> None:
    """What rq's workers run."""
    _worker().run(job_id)


def work(settings: Settings) -> None:
    """A process that does jobs until it is stopped. Raises InputError where a server cannot be used, or files of the
    engine are missing."""
    require(settings)
    jobs, waiting = Jobs(settings.database, settings.lease_seconds), queue(settings)
    if isinstance(waiting, RedisQueue):
        Keeper(waiting, jobs, settings.lease_seconds / 4).start()
        try:
            SimpleWorker([waiting.queue], connection=waiting.connection).work(logging_level="WARNING")
        except redis.RedisError as error:
            raise InputError("Redis at SERVICE_REDIS_URL cannot be used: {reason}", reason=error) from error
    else:
        Worker(settings, jobs, storage(settings)).run_due(waiting, threading.Event())
