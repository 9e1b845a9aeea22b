"""Jobs and who does them, in a database that server and workers share.

A job is open while it waits or somebody works on it. Whoever takes an open job that is due holds it for some time, and
longer with each sign of life; a job whose holder is gone becomes due again. Clocks of all machines have to agree to a
part of that time.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from blendshape_addon.core.errors import InputError

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"

_METADATA = sql.MetaData()
_JOBS = sql.Table(
    "jobs",
    _METADATA,
    sql.Column("id", sql.String(32), primary_key=True),
    sql.Column("user_id", sql.String(64), nullable=False, index=True),
    sql.Column("kind", sql.String(16), nullable=False),
    sql.Column("status", sql.String(16), nullable=False),
    sql.Column("asked", sql.JSON, nullable=False),  # what the worker is told
    sql.Column("result", sql.JSON),
    sql.Column("error", sql.Text),
    sql.Column("holder", sql.String(160)),
    sql.Column("attempts", sql.Integer, nullable=False),
    sql.Column("due", sql.Float, nullable=False),  # seconds since 1970, as all times
    sql.Column("created", sql.Float, nullable=False),
    sql.Column("finished", sql.Float),
    sql.Index("open_jobs", "status", "due"),
)
_REQUESTS = sql.Table(
    "requests",
    _METADATA,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("user_id", sql.String(64), nullable=False, index=True),
    sql.Column("at", sql.Float, nullable=False),
)
_OPEN = _JOBS.c.status.in_((QUEUED, RUNNING))

Job = Mapping[str, Any]  # a row of `jobs`


class Jobs:
    """The tables of one database; processes and threads may share it. lease: seconds for which a job is held. Raises
    InputError where the database cannot be used."""

    def __init__(self, url: str, lease: float) -> None:
        self._lease = lease
        try:
            self._engine = sql.create_engine(url, pool_pre_ping=True)
            if self._engine.dialect.name == "sqlite":
                sql.event.listen(self._engine, "connect", _prepare_sqlite)
            try:
                _METADATA.create_all(self._engine)
            except DBAPIError:  # another process made the tables at the same time
                _METADATA.create_all(self._engine)
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            reason = getattr(error, "orig", None) or error
            raise InputError("The database of SERVICE_DATABASE_URL cannot be used: {reason}", reason=reason) from error

    def add(self, job_id: str, user_id: str, kind: str, asked: dict[str, Any]) -> Job:
        """A job that waits; the one of that name if there is one already, anew if it failed."""
        now = time.time()
        fresh = {"status": QUEUED, "attempts": 0, "due": now, "created": now}
        row = {"id": job_id, "user_id": user_id, "kind": kind, "asked": asked, **fresh}
        try:
            with self._engine.begin() as connection:
                connection.execute(_JOBS.insert().values(row))
        except IntegrityError:
            failed = (_JOBS.c.id == job_id) & (_JOBS.c.status == FAILED)
            self._update(failed, error=None, holder=None, finished=None, **fresh)
        return self.get(job_id) or {**row, "result": None, "error": None}  # it was deleted at once

    def get(self, job_id: str) -> Job | None:
        return self._first(sql.select(_JOBS).where(_JOBS.c.id == job_id))

    def latest(self, user_id: str) -> Job | None:
        """The user's job that was done last."""
        done = (_JOBS.c.user_id == user_id) & (_JOBS.c.status == DONE)
        return self._first(sql.select(_JOBS).where(done).order_by(_JOBS.c.finished.desc()).limit(1))

    def delete(self, user_id: str) -> list[str]:
        """Ids of the user's jobs, which there are no more."""
        mine = _JOBS.c.user_id == user_id
        with self._engine.begin() as connection:
            found = list(connection.scalars(sql.select(_JOBS.c.id).where(mine)))
            connection.execute(_JOBS.delete().where(_JOBS.c.id.in_(found)))
        return found

    def due(self, most: int = 100) -> list[str]:
        """Ids of open jobs that somebody may take, the oldest first."""
        chosen = sql.select(_JOBS.c.id).where(_OPEN, _JOBS.c.due <= time.time())
        with self._engine.connect() as connection:
            return list(connection.scalars(chosen.order_by(_JOBS.c.created).limit(most)))

    def take(self, job_id: str) -> Job | None:
        """The job, which now is the caller's; None where it is another one's, or not open."""
        now = time.time()
        holder = f"{socket.gethostname()[:100]}:{os.getpid()}:{uuid.uuid4().hex}"
        taken = self._update(
            (_JOBS.c.id == job_id) & _OPEN & (_JOBS.c.due <= now),
            status=RUNNING, holder=holder, due=now + self._lease, attempts=_JOBS.c.attempts + 1,
        )  # fmt: skip
        found = self.get(job_id) if taken else None
        return found if found and found["holder"] == holder else None

    def prolong(self, job: Job) -> bool:
        """A sign of life; False where the job is the caller's no more."""
        return self._update(_held(job), due=time.time() + self._lease)

    def finish(self, job: Job, result: dict[str, Any] | None = None, error: str | None = None) -> bool:
        """Done with a result, or failed with an error; False where the job is the caller's no more."""
        status = FAILED if error else DONE
        return self._update(_held(job), status=status, result=result, error=error, finished=time.time(), holder=None)

    def give_back(self, job: Job, seconds: float) -> None:
        """For anybody to take after some time."""
        self._update(_held(job), status=QUEUED, holder=None, due=time.time() + seconds)

    def counts(self) -> dict[str, int]:
        """Number of jobs by status."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(_JOBS.c.status, sql.func.count()).group_by(_JOBS.c.status))
            return dict(rows.tuples().all())

    def rows(self) -> list[Job]:
        with self._engine.connect() as connection:
            return list(connection.execute(sql.select(_JOBS)).mappings())

    def requests(self, user_id: str, seconds: float) -> int:
        """How often a user asked in the last seconds, this time included."""
        now = time.time()
        mine = _REQUESTS.c.user_id == user_id
        with self._engine.begin() as connection:
            connection.execute(_REQUESTS.insert().values(user_id=user_id, at=now))
            connection.execute(_REQUESTS.delete().where(_REQUESTS.c.at < now - seconds))
            return connection.scalar(sql.select(sql.func.count()).where(mine)) or 0

    def _first(self, query: sql.Select) -> Job | None:
        with self._engine.connect() as connection:
            return connection.execute(query).mappings().first()

    def _update(self, where: sql.ColumnElement[bool], **values: Any) -> bool:
        with self._engine.begin() as connection:
            return connection.execute(_JOBS.update().where(where).values(values)).rowcount == 1


def _held(job: Job) -> sql.ColumnElement[bool]:
    return (_JOBS.c.id == job["id"]) & (_JOBS.c.holder == job["holder"])


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Readers do not wait for writers, and writers wait for each other."""
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")
