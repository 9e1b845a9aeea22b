"""The headless generator, on an avatar that Blender has read already: samples, resuming, processes, bad input."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import CONDITIONS, LANDMARK_INDEX
from tests.core.pieces import mask
from training import __main__, commands
from training.data import dataset, labels, manifest, prepare, rigs, sources
from training.data.sampler import Pool
from training.data.sources import blenders
from training.generate import avatar_cache, command, samples, views, work
from training.learning import workers

ROOT = Path(__file__).resolve().parents[2]
FACES = 6


@pytest.fixture(scope="module")
def rig():
    """The mask with a jaw that opens and brows that rise."""
    avatar, marks = mask(31, 41)
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"], 1]
    jaw, brows = np.zeros((2, *avatar.vertices.shape), np.float32)
    jaw[avatar.vertices[:, 1] < seam - 0.01, 1] = -0.3
    brows[avatar.vertices[:, 1] > 0.3, 1] = 0.1
    return rigs.Rig(
        name="mask", family="avatar_mask", folder=Path(), vertices=avatar.vertices, triangles=avatar.triangles,
        part_id=avatar.object_id, part_names=("Face",), shapes={"jawOpen": jaw, "browInnerUp": brows},
        real=frozenset({"jawOpen"}), distilled=frozenset({"browInnerUp"}), hidden_parts=(), licence="",
        marks=labels.on_skin(avatar, marks),
    )  # fmt: skip


def planned(place, rig, out="out", **changes):
    """A folder with the avatar mask.obj, which was read into place / out."""
    folder = place / "avatars"
    folder.mkdir(exist_ok=True)
    (folder / "mask.obj").write_text("# a mask\n")
    made = work.Plan(folder, place / out, "CC0", (sys.executable, "-c", "raise SystemExit('boom')"), **changes)
    rig.digest = work._digest(made, folder / "mask.obj")
    avatar_cache.save(made.out / "avatars" / "mask.safetensors", [rig])
    return made


@pytest.fixture
def plan(tmp_path, rig):
    """plan(out="out", **changes): `planned` in this test's folder."""
    return partial(planned, tmp_path, rig)


def run(plan, faces=FACES, jobs=1, **options):
    return command.generate(plan, command.names_in(plan.folder, plan.out), faces, jobs, **options)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def start(plan, faces, *more):
    """The command itself in a process group of its own, with nothing for Blender to read."""
    code = (
        "import sys; from training import __main__; from training.data.sources import blenders\n"
        "blenders.command = lambda given: ()\n"
        "if __name__ == '__main__': sys.exit(__main__.main(sys.argv[1:]))"
    )
    script = plan.out.with_suffix(".py")
    script.write_text(code)
    arguments = [str(plan.folder), "--out", str(plan.out), "--licence", "CC0", "--faces", str(faces), "--jobs", "2"]
    line = [sys.executable, str(script), "generate", *arguments, *more]
    own = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")
    }  # it would be stopped too
    env = own | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(line, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def whole(tmp_path_factory, rig):
    """What an uninterrupted run leaves; only to be looked at."""
    made = planned(tmp_path_factory.mktemp("whole"), rig)
    assert run(made) == command.OK
    return made


@pytest.fixture
def done(plan, whole):
    """The same, to be changed."""
    made = plan()
    shutil.copytree(whole.out, made.out, dirs_exist_ok=True)
    return made


def test_samples_are_every_expression_at_every_intensity(whole):
    for number in range(FACES):
        path = whole.out / "samples" / f"avatar_mask__mask__{number:04d}.safetensors"
        found = list(samples.samples(path))
        assert [(s.expression, round(s.intensity, 3)) for s in found] == [
            (name, step / 10) for name in ("vrc.v_sil", "jawOpen", "browInnerUp") for step in range(1, 11)
        ]
        for one in found:
            assert np.array_equal(one.target, one.base + one.offsets)
            assert np.flatnonzero(one.condition).tolist() == [CONDITIONS.index(one.expression)]
            assert one.condition.max() == np.float32(one.intensity)
        still, full, half = found[9], found[19], found[14]
        assert not still.offsets.any() and full.offsets.any()
        assert half.offsets == pytest.approx(full.offsets / 2, abs=1e-7)
        chin = LANDMARK_INDEX["chin_tip"]
        assert full.landmarks[chin, 1] < half.landmarks[chin, 1] - 0.05 < still.landmarks[chin, 1]
        assert full.base.std() > 0.1 and samples.load(path).origin == ("neutral", "key", "deformer")


def prepare_beside(rig, folder):
    """What `prepare` makes of the rig; to be called in a process of its own, with one thread as the command has."""
    sources.read = lambda source, licence: [rig]
    prepare.prepare(folder, ["avatar:mask.obj"], FACES)


def test_instances_are_those_that_prepare_makes_and_training_reads_them(tmp_path, whole, rig):
    with workers.processes(1, None) as executor:
        executor.submit(prepare_beside, rig, tmp_path / "prepared").result()
    made, prepared = files(whole.out), files(tmp_path / "prepared")
    assert {name: data for name, data in made.items() if name in prepared and name != manifest.NAME} == {
        name: data for name, data in prepared.items() if name != manifest.NAME
    }
    assert len(Pool(whole.out, None).groups["avatar_mask__mask"]) == FACES


def test_the_manifest_hashes_every_file_and_says_what_the_deformer_made(whole):
    entry = manifest.read(whole.out)["avatar_mask__mask"]
    assert (entry.source, entry.licence) == ("avatar:mask.obj", "CC0")
    assert (entry.shapes, entry.real, entry.distilled) == (2, 1, 1)
    recorded = entry.shards | entry.samples
    assert recorded == {path: manifest.hash_of(whole.out / path) for path in recorded} and len(recorded) == 2 * FACES
    (listed,) = manifest.trained_on(whole.out)
    assert listed == {"name": "avatar_mask/mask", "licence": "CC0", "distilled": "1 of 2 shapes"}


def test_a_killed_run_goes_on_and_leaves_the_same_bytes_and_no_process(plan, whole):
    killed = plan("killed")
    process = start(killed, FACES)
    wait_for(lambda: len(list(killed.out.glob("*.safetensors"))) >= 2)
    process.kill()
    process.wait()
    wait_for(lambda: not alive(process.pid))
    assert len(list((killed.out / "samples").glob("*.safetensors"))) < FACES
    assert not (killed.out / command.REPORT).exists()
    assert start(killed, FACES).wait() == 0
    assert files(killed.out) == files(whole.out)


@pytest.mark.parametrize("more", [[], ["--scheduler", "local"]])
def test_ctrl_c_is_a_sentence_and_leaves_no_process(plan, more):
    if more:
        pytest.importorskip("distributed")
    stopped = plan("stopped")
    process = start(stopped, 200, *more)
    wait_for(lambda: list(stopped.out.glob("*.safetensors")))
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130
    assert (
        said.splitlines()[-1] == "Stopped: what was finished is kept; the same command goes on from there."
        and "Traceback" not in said
    )
    wait_for(lambda: not alive(process.pid))
    assert not (stopped.out / command.REPORT).exists()


class Finalised:
    """An object in whose finaliser Ctrl-C comes, where Python drops the exception."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)  # the signal ends it


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_that_comes_where_python_drops_it_stops_the_run_too():
    rows = workers.each(ThreadPoolExecutor(1), "making faces", abs, [(-1,), (-2,), (-3,)])
    with workers.stoppable():
        next(rows)
        Finalised()
        with pytest.raises(KeyboardInterrupt):
            next(rows)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [result for _, result in workers.each(ThreadPoolExecutor(1), "making faces", abs, [(-1,)])] == [1]


def test_damaged_files_are_named_and_made_again(done, capsys):
    before = files(done.out)
    broken = ["avatar_mask__mask__0001.safetensors", "samples/avatar_mask__mask__0003.safetensors"]
    for name in broken:
        (done.out / name).write_bytes(before[name][:-300] + bytes(300))
    entry = manifest.read(done.out)["avatar_mask__mask"]
    for name, recorded in zip(broken, (entry.shards, entry.samples), strict=True):
        (said,) = work.check(done, Path(name).name, {name: recorded[name]}).problems
        assert f"{name} is damaged" in said
    assert run(done) == command.OK
    said = capsys.readouterr().err
    assert all(f"{name} is damaged: it is made again." in said for name in broken)
    assert files(done.out) == before


def test_another_setting_makes_faces_again(plan, done, rig, capsys):
    def meshes():
        return [samples.load(path).triangles for path in (done.out / "samples").glob("*.safetensors")]

    assert not all(np.array_equal(triangles, rig.triangles) for triangles in meshes())
    warped = plan(same_mesh=True)
    assert run(warped) == command.OK and "has changed" in capsys.readouterr().err
    assert all(np.array_equal(triangles, rig.triangles) for triangles in meshes())


def test_a_bad_avatar_is_reported_and_left_out(plan, capsys):
    made = plan()
    (made.folder / "crash.fbx").write_bytes(b"?")
    (made.folder / "mask.vrm").write_bytes(b"?")
    assert run(made, 1) == command.SOME_FAILED
    said = capsys.readouterr().err
    assert "crash.fbx makes Blender fail: boom" in said and "mask.vrm is called as mask.obj is" in said
    assert list(manifest.read(made.out)) == ["avatar_mask__mask"]
    (made.folder / "mask.obj").unlink()
    with pytest.raises(InputError, match=r"None of 2 .* makes Blender fail"):
        run(made, 1)


def test_dask_workers_make_the_same_bytes(plan, whole):
    pytest.importorskip("distributed")
    other = plan("dask")
    assert run(other, jobs=2, scheduler=workers.LOCAL) == command.OK
    assert files(other.out) == files(whole.out)


def test_views_show_every_expression_from_three_sides(plan):
    image = pytest.importorskip("PIL.Image")
    made = plan(views=64)
    assert run(made, 1) == command.OK
    picture = np.asarray(image.open(made.out / "views_64" / "avatar_mask__mask__0000.png")).astype(int)
    assert picture.shape == (4 * 64, 3 * 64, 3)
    neutral, silent, jaw, _ = picture.reshape(4, 64, 3 * 64, 3)
    assert np.array_equal(neutral, silent) and np.abs(neutral - jaw).max() > 50
    assert "views_64/avatar_mask__mask__0000.png" in manifest.read(made.out)["avatar_mask__mask"].samples


def test_a_view_is_drawn_of_a_file_of_samples(tmp_path, whole):
    image = pytest.importorskip("PIL.Image")
    face = samples.load(whole.out / "samples" / "avatar_mask__mask__0000.safetensors")
    views.save(face, tmp_path / "views" / "one.png", 32)
    picture = np.asarray(image.open(tmp_path / "views" / "one.png")).reshape(4, 32, 3, 32, 3).astype(int)
    left, front, right = picture[0].transpose(1, 0, 2, 3)
    assert np.abs(left - front).max() > 20 and np.abs(left - right).max() > 20, "three sides"
    assert np.abs(front - picture[2, :, 1]).max() > 20, "an open jaw"


def threads():
    return {name: os.environ.get(name) for name in commands.ONE_THREAD}


def test_workers_compute_on_one_thread_whatever_the_environment_says(monkeypatch):
    for given in ("8", None):
        for name in commands.ONE_THREAD:
            monkeypatch.delenv(name, raising=False)
            if given:
                monkeypatch.setenv(name, given)
        with workers.processes(1, None) as executor:
            assert executor.submit(threads).result() == commands.ONE_THREAD
        assert threads() == dict.fromkeys(commands.ONE_THREAD, given)


def test_what_another_machine_made_with_other_last_bits_is_kept(done):
    """The record of a shard is of its own bytes, and what decides whether it is made again is what was read."""
    path = done.out / "avatar_mask__mask__0001.safetensors"
    one = dataset.load(path)
    one.canonical = np.nextafter(one.canonical, np.float32(9))
    dataset.save(one, path)
    entries = manifest.read(done.out)
    entries["avatar_mask__mask"].shards[path.name] = manifest.hash_of(path)
    manifest.write(done.out, entries)
    (done.out / "avatar_mask__mask__0002.safetensors").unlink()
    before = path.read_bytes()
    assert run(done) == command.OK
    assert path.read_bytes() == before and len(manifest.read(done.out)["avatar_mask__mask"].shards) == FACES


def die():
    os._exit(1)


def test_a_worker_that_dies_is_reported():
    with (
        pytest.raises(InputError, match="worker process has died"),
        workers.processes(1, None) as executor,
    ):
        executor.submit(die).result()


def test_no_scheduler_is_reported(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(workers, "SCHEDULER_TIMEOUT", 0.5)
    with pytest.raises(InputError, match="No Dask scheduler"), workers.processes(1, "tcp://127.0.0.1:9"):
        pass


def test_bad_input_is_a_sentence_and_ends_with_2(tmp_path, capsys, monkeypatch):
    (tmp_path / "empty").mkdir()
    for arguments, expected in (
        ([tmp_path / "none", "--licence", "CC0"], "no folder"),
        ([tmp_path / "empty", "--licence", "CC0"], "holds no avatar file"),
        ([tmp_path / "empty"], "--licence"),
        ([tmp_path / "empty", "--licence", "CC0", "--faces", "0"], "--faces"),
    ):
        assert __main__.main(["generate", *map(str, arguments)]) == 2
        said = capsys.readouterr().err
        assert expected in said and len(said.splitlines()) == 1
    with pytest.raises(InputError, match="no Blender that runs"):
        blenders.command(str(tmp_path / "blender"))


def test_a_folder_that_cannot_be_written_to_is_reported(plan):
    made = plan()
    (made.out / "samples").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        run(made, 1)
