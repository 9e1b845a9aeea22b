"""Where files of jobs are kept: a folder, or a store that speaks S3 such as MinIO. Names are JOB/FILE."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from blendshape_addon.core.errors import InputError

from ...learning.atomic_files import atomic_write
from .settings import Settings


class Storage(Protocol):
    """Files of jobs."""

    def write(self, job_id: str, name: str, data: bytes) -> None:
        """Whole, or not at all."""

    def read(self, job_id: str, name: str) -> bytes | None:
        """None where there is no such file."""

    def delete(self, job_id: str, *names: str) -> None:
        """Those files, or all of the job without names; none of them has to be there."""


class FolderStorage:
    """Files in a folder per job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, job_id: str, name: str, data: bytes) -> None:
        atomic_write(self._folder / job_id / name, data)

    def read(self, job_id: str, name: str) -> bytes | None:
        try:
            return (self._folder / job_id / name).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, job_id: str, *names: str) -> None:
        for name in names:
            (self._folder / job_id / name).unlink(missing_ok=True)
        if not names:
            shutil.rmtree(self._folder / job_id, ignore_errors=True)


class S3Storage:
    """Objects in a bucket, which is made if it is not there. Raises InputError where the store cannot be used."""

    def __init__(self, url: str, access_key: str, secret_key: str, bucket: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InputError("SERVICE_S3_URL has to begin with http:// or https://, not be {url}.", url=url)
        self._bucket = bucket
        try:
            self._client = Minio(
                parts.netloc, access_key=access_key, secret_key=secret_key, secure=parts.scheme == "https",
                region="us-east-1",
            )  # fmt: skip
            self._client.make_bucket(bucket)
        except (MinioException, HTTPError, ValueError) as error:
            if getattr(error, "code", "") not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise InputError("The store of SERVICE_S3_URL cannot be used: {reason}", reason=error) from error

    def write(self, job_id: str, name: str, data: bytes) -> None:
        self._client.put_object(self._bucket, f"{job_id}/{name}", io.BytesIO(data), len(data))

    def read(self, job_id: str, name: str) -> bytes | None:
        try:
            answer = self._client.get_object(self._bucket, f"{job_id}/{name}")
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise
        try:
            return answer.read()
        finally:
            answer.close()
            answer.release_conn()

    def delete(self, job_id: str, *names: str) -> None:
        found = [f"{job_id}/{name}" for name in names] or [
            one.object_name for one in self._client.list_objects(self._bucket, f"{job_id}/", recursive=True)
        ]
        for error in self._client.remove_objects(self._bucket, [DeleteObject(name) for name in found]):
            raise OSError(f"{error.name} cannot be deleted: {error.message}")


def storage(settings: Settings) -> Storage:
    """The one of the settings. Raises InputError for an address that is none."""
    if settings.s3_url:
        return S3Storage(settings.s3_url, settings.s3_access_key, settings.s3_secret_key, settings.s3_bucket)
    return FolderStorage(settings.folder / "files")
