"""Settings of the service, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from blendshape_addon.core.errors import InputError

from ..command import ENGINES, MAKEHUMAN
from ..networks import FOLDER

_MODELS = ("networks", "engine")


@dataclass(frozen=True)
class Settings:
    """Each field is set by SERVICE_ and its name in capitals; `networks` and `engine` by ML_ and that."""

    host: str = "127.0.0.1"
    port: int = 8000
    folder: Path = Path("out/body/service")  # of the database and the files, where no other place is said
    networks: Path = FOLDER  # of the networks that `python -m training body prepare` makes
    engine: str = MAKEHUMAN  # or hmr, from the files that ML_HMR2_CHECKPOINT and ML_SMPL_MODEL name
    database_url: str = ""  # as SQLAlchemy reads it; SQLite in `folder` without it
    redis_url: str = ""  # of the queue; the queue is in the database without it
    s3_url: str = ""  # of MinIO or another store of that kind; files lie in `folder` without it
    s3_access_key: str = ""
    s3_secret_key: str = ""
    s3_bucket: str = "bodies"
    token: str = ""  # that each request has to bring, if there is one
    workers: int = 1  # threads of the server that do jobs where no Redis is; 0 leaves them to `work` processes
    requests_per_hour: int = 60  # of one user
    image_megabytes: float = 15.0  # of a picture's file
    lease_seconds: float = 60.0  # without a sign of life, after which a worker's job goes to another one
    attempts: int = 5  # after which a job whose worker stops or breaks is given up
    retry_seconds: float = 10.0  # before a job that broke is tried again, times the attempts so far

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises InputError for a setting that there is not, or whose value is none of its kind."""
        known = {("ML_" if one.name in _MODELS else "SERVICE_") + one.name.upper(): one for one in fields(cls)}
        found = {}
        for name, text in environment.items():
            if name not in known:
                if name.startswith("SERVICE_"):
                    raise InputError(
                        "There is no setting {name}: there are {known}.", name=name, known=", ".join(known)
                    )
                continue
            kind = type(known[name].default)
            try:
                found[known[name].name] = kind(text)
            except ValueError as error:
                raise InputError("{name} is {text}, which is no number.", name=name, text=text) from error
        settings = cls(**found)
        if settings.engine not in ENGINES:
            raise InputError("ML_ENGINE is none of {choices}.", choices=", ".join(ENGINES))
        for name in ("requests_per_hour", "image_megabytes", "lease_seconds", "attempts", "retry_seconds"):
            if not getattr(settings, name) > 0:
                raise InputError("SERVICE_{name} has to be more than 0.", name=name.upper())
        if settings.s3_url and not (settings.s3_access_key and settings.s3_secret_key):
            raise InputError("SERVICE_S3_URL needs SERVICE_S3_ACCESS_KEY and SERVICE_S3_SECRET_KEY.")
        return settings

    @property
    def database(self) -> str:
        """URL of the database."""
        return self.database_url or f"sqlite:///{self.folder.resolve() / 'service.db'}"
