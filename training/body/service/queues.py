"""How workers learn of jobs. The database alone says what is to be done: a queue that loses its memory costs time."""

from __future__ import annotations

import logging
import threading
import uuid
from typing import Protocol

import redis
import rq

from blendshape_addon.core.errors import InputError

from .jobs import Jobs
from .settings import Settings

TASK = "training.body.service.worker.extract_body_shape"
LOG = logging.getLogger(__name__)


class Queue(Protocol):
    """What the server puts jobs into."""

    def put(self, job_id: str) -> None:
        """Somebody will soon do it. Does not fail: who keeps the queue finds what was not put."""


class DatabaseQueue:
    """No queue beside the table of jobs, in which workers look from time to time."""

    def __init__(self) -> None:
        self.news = threading.Event()

    def put(self, job_id: str) -> None:
        self.news.set()


class RedisQueue:
    """A queue of rq. Its entries are named JOB-NUMBER: a job may be put again while rq still knows an older entry.
    Raises InputError for an address that is none."""

    def __init__(self, url: str, name: str = "bodies") -> None:
        try:
            self.connection = redis.Redis.from_url(url)
        except ValueError as error:
            raise InputError("SERVICE_REDIS_URL is none of Redis: {reason}", reason=error) from error
        self.queue = rq.Queue(name, connection=self.connection)

    def put(self, job_id: str) -> None:
        try:
            self._put(job_id)
        except redis.RedisError as error:
            LOG.warning("Redis does not take job %s, which is put later: %s", job_id, error)

    def put_due(self, jobs: Jobs) -> None:
        """Put again what may be done and is not in the queue: of workers that are gone, or of a Redis that lost it."""
        if due := jobs.due():
            waiting = {entry.partition("-")[0] for entry in self.queue.job_ids}
            for job_id in due:
                if job_id not in waiting:
                    self._put(job_id)

    def _put(self, job_id: str) -> None:
        self.queue.enqueue_call(
            TASK, (job_id,), job_id=f"{job_id}-{uuid.uuid4().hex[:8]}", timeout=-1, result_ttl=0, failure_ttl=3600
        )


class Keeper(threading.Thread):
    """Puts again what is due, from time to time, until it is stopped."""

    def __init__(self, queue: RedisQueue, jobs: Jobs, every: float) -> None:
        super().__init__(daemon=True, name="queue keeper")
        self._queue, self._jobs, self._every = queue, jobs, every
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.wait(self._every):
            try:
                self._queue.put_due(self._jobs)
            except Exception as error:  # database or Redis away for a while
                LOG.warning("The queue cannot be looked after just now: %s", error)


def queue(settings: Settings) -> DatabaseQueue | RedisQueue:
    """The one of the settings."""
    return RedisQueue(settings.redis_url) if settings.redis_url else DatabaseQueue()
