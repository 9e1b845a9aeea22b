"""The web application."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, HTTPException, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blendshape_addon.core.errors import InputError

from .. import photo
from ..command import FOUND, HMR, TIGHT, metres
from . import pictures
from .bodies import MESH, PARAMETERS, require
from .jobs import DONE, FAILED, Job, Jobs
from .pictures import PictureCheck
from .queues import DatabaseQueue, Keeper, RedisQueue, queue
from .settings import Settings
from .storage import Storage, storage
from .worker import FRONT, PHOTO, SIDE, Worker, pictures_of

USER, JOB = r"^[A-Za-z0-9_-]{1,64}$", r"^[0-9a-f]{32}$"
TYPES = {PARAMETERS: "application/octet-stream", MESH: "model/obj", FRONT: "image/png", SIDE: "image/png"}
HOUR = 3600.0

UserId = Annotated[str, Path(pattern=USER)]
JobId = Annotated[str, Path(pattern=JOB)]


class AvatarRequest(BaseModel):
    """What a body is made from."""

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field(pattern=USER)
    image_base64: str = Field(min_length=1, description="The whole person from the front: JPEG, PNG or WebP.")
    side_image_base64: str | None = Field(None, description="The same person from the side.")
    gender: Literal["female", "male"] | None = Field(None, description="Body type; without it, it is found.")
    height_cm: float | None = Field(
        None, allow_inf_nan=False, description="Without it figures are of a person of 170 cm."
    )
    clothes: Literal["found", "tight"] = Field(
        FOUND, description="tight, or none: measured more exactly; else it is found how thick they are."
    )
    keep_image: bool = Field(False, description="Whether the pictures are kept with the body.")


class Service:
    """What the application works with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.jobs = Jobs(settings.database, settings.lease_seconds)
        self.storage: Storage = storage(settings)
        self.queue = queue(settings)
        self._check = PictureCheck(settings.networks, settings.image_megabytes)

    def submit(self, asked: AvatarRequest) -> Job:
        """The job of a request; the same one for the same request. Raises InputError for what cannot be done."""
        height = None if asked.height_cm is None else metres(asked.height_cm)
        if self.settings.engine == HMR and (asked.side_image_base64 is not None or asked.clothes == TIGHT):
            raise InputError("This service reads the front alone: leave side_image_base64 and clothes out.")
        given = {FRONT: self._check.read(asked.image_base64, "image_base64")}
        if asked.side_image_base64 is not None:
            given[SIDE] = self._check.read(asked.side_image_base64, "side_image_base64", side=True)
        told = {
            "height": height, "gender": asked.gender, "tight": asked.clothes == TIGHT, "keep_image": asked.keep_image,
            "lenses": [[one.focal, one.said_focal] for one in given.values()],
        }  # fmt: skip
        job_id = _digest(asked.user_id, told, list(given.values()))
        known = self.jobs.get(job_id)
        if known is None or known["status"] == FAILED:
            for name, one in given.items():
                self.storage.write(job_id, name, pictures.encoded(one))
            known = self.jobs.add(job_id, asked.user_id, PHOTO, told)
            self.queue.put(job_id)
        return known

    def delete(self, user_id: str) -> int:
        """How many jobs of a user there are no more."""
        found = self.jobs.delete(user_id)
        for job_id in found:
            self.storage.delete(job_id)
        return len(found)


def _digest(user_id: str, told: dict[str, Any], given: list[photo.Photo]) -> str:
    """The name of a job: a hash of all that it is made from."""
    digest = hashlib.sha256(json.dumps([user_id, told, [one.pixels.shape for one in given]], sort_keys=True).encode())
    for one in given:
        digest.update(one.pixels.tobytes())
    return digest.hexdigest()[:32]


def create(settings: Settings) -> FastAPI:
    """The application, with workers in threads of its own where there is no Redis. Raises InputError where the networks
    are missing or a setting is none."""
    service = Service(settings)
    if settings.workers and not settings.redis_url:
        require(settings)  # says what is missing before there is a job

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        threads: list[threading.Thread] = []
        if isinstance(service.queue, RedisQueue):
            keeper = Keeper(service.queue, service.jobs, settings.lease_seconds / 4)
            stop, threads = keeper.stop, [keeper]
        else:
            threads = [_worker_thread(service, service.queue, stop) for _ in range(settings.workers)]
        for thread in threads:
            thread.start()
        yield
        stop.set()

    app = FastAPI(title="Bodies from photos", lifespan=lifespan)
    # Two pictures as base64, which is 4/3 of their size, and some names.
    app.add_middleware(BodyLimit, most=int(settings.image_megabytes * 1e6 * 8 / 3) + 10_000)

    def known(authorization: Annotated[str, Header()] = "") -> None:
        if settings.token and not hmac.compare_digest(authorization.encode(), f"Bearer {settings.token}".encode()):
            raise HTTPException(401, "The token is missing or wrong.", {"WWW-Authenticate": "Bearer"})

    @app.exception_handler(InputError)
    def refused(_: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.post("/api/v1/avatar", status_code=202, dependencies=[Depends(known)])
    def post(asked: AvatarRequest) -> dict[str, Any]:
        if service.jobs.requests(asked.user_id, HOUR) > settings.requests_per_hour:
            raise HTTPException(
                429, f"More than {settings.requests_per_hour} requests in an hour: try later.", {"Retry-After": "600"}
            )
        return _told(service.submit(asked))

    @app.get("/api/v1/avatar/job/{job_id}", dependencies=[Depends(known)])
    def job(job_id: JobId) -> dict[str, Any]:
        found = service.jobs.get(job_id)
        if found is None:
            raise HTTPException(404, "There is no such job.")
        return _told(found)

    @app.get("/api/v1/avatar/job/{job_id}/{name}", dependencies=[Depends(known)])
    def file(job_id: JobId, name: Literal["params.npz", "mesh.obj", "front.png", "side.png"]) -> Response:
        found = service.jobs.get(job_id)
        data = service.storage.read(job_id, name) if found and found["status"] == DONE else None
        if data is None:
            raise HTTPException(404, "There is no such file.")
        return Response(data, media_type=TYPES[name])

    @app.get("/api/v1/avatar/{user_id}", dependencies=[Depends(known)])
    def avatar(user_id: UserId) -> dict[str, Any]:
        found = service.jobs.latest(user_id)
        if found is None:
            raise HTTPException(404, "There is no finished avatar of this user.")
        return _told(found)

    @app.delete("/api/v1/avatar/{user_id}", dependencies=[Depends(known)])
    def delete(user_id: UserId) -> dict[str, int]:
        return {"deleted_jobs": service.delete(user_id)}

    return app


def _worker_thread(service: Service, waiting: DatabaseQueue, stop: threading.Event) -> threading.Thread:
    worker = Worker(service.settings, service.jobs, service.storage)
    return threading.Thread(target=worker.run_due, args=(waiting, stop), daemon=True, name="worker")


def _told(job: Job) -> dict[str, Any]:
    """What is said of a job."""
    told = {"job_id": job["id"], "user_id": job["user_id"], "status": job["status"]}
    if job["error"]:
        told["error"] = job["error"]
    if job["result"]:
        base = f"/api/v1/avatar/job/{job['id']}"
        told["result"] = {
            **job["result"],
            "smplx_params_url": f"{base}/{PARAMETERS}",
            "smplx_mesh_url": f"{base}/{MESH}",
            "image_urls": [f"{base}/{name}" for name in pictures_of(job)] if job["asked"]["keep_image"] else [],
        }
    return told


class BodyLimit:
    """Refuses requests whose body is larger than `most` bytes, before it is read whole."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            await self._refuse(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise HTTPException(413, "The request is too large.")
            return message

        await self._app(scope, counted, send)

    @staticmethod
    async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({"detail": "The request is too large."}, 413)(scope, receive, send)
