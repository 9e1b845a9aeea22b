"""Work beside the main thread, and running again on what is known. A window is not needed to see these."""

import threading
import time

import bpy
import pytest
from helpers import deltas, fingerprint

from blendshape_addon.blender.io import mesh_io
from blendshape_addon.blender.jobs import one_avatar
from blendshape_addon.blender.jobs.thread import Task
from blendshape_addon.core import pipeline
from blendshape_addon.core.detection import detect
from blendshape_addon.core.errors import Cancelled, InputError
from blendshape_addon.core.options import GenerateOptions

operators = bpy.ops.vrc_blendshape
OPTIONS = GenerateOptions(["vrc.v_aa"], provider="cpu")


def ended(task):
    deadline = time.monotonic() + 60
    while not task.done and time.monotonic() < deadline:
        time.sleep(0.01)
    return task.done


def test_a_task_runs_on_a_thread_of_its_own_and_says_how_far_it_is():
    go, seen = threading.Event(), []

    def work(progress):
        progress(0.5, "half")
        seen.append(threading.current_thread())
        go.wait(10)
        return 42

    task = Task(work)
    while not seen:
        time.sleep(0.001)
    assert (task.fraction, task.stage, task.done) == (0.5, "half", False)
    assert seen[0] is not threading.current_thread()
    go.set()
    assert ended(task) and task.result() == 42


def test_a_task_passes_on_what_went_wrong():
    def work(progress):
        raise InputError("The mesh is a lie.")

    with pytest.raises(InputError, match="a lie"):
        Task(work).result()


def test_a_stopped_task_ends_at_its_next_step():
    steps = []

    def work(progress):
        for step in range(10_000):
            steps.append(step)
            progress(step / 10_000, "counting")
            time.sleep(0.001)

    task = Task(work)
    task.stop()
    with pytest.raises(Cancelled):
        task.result()
    assert len(steps) < 10_000


def test_shapes_are_the_same_from_a_thread(person):
    objects = [obj for obj in person.values() if obj.type == "MESH"]
    avatar = mesh_io.read(objects)
    task = Task(lambda progress: one_avatar.compute(avatar, OPTIONS, progress))
    made = task.result()
    assert task.fraction > 0.9
    one_avatar.write(objects, avatar, made, OPTIONS)
    beside = deltas(person["Body"], "vrc.v_aa")
    one_avatar.forget()
    one_avatar.run(objects, OPTIONS)
    assert (deltas(person["Body"], "vrc.v_aa") == beside).all()


def test_stopping_changes_nothing(person):
    objects = [obj for obj in person.values() if obj.type == "MESH"]
    before = [fingerprint(obj) for obj in objects]
    avatar = mesh_io.read(objects)
    task = Task(lambda progress: one_avatar.compute(avatar, OPTIONS, progress))
    task.stop()
    with pytest.raises(Cancelled, match="nothing was changed"):
        task.result()
    assert [fingerprint(obj) for obj in objects] == before


def test_another_strength_finds_no_face_again(person, monkeypatch):
    operators.generate_blink()
    whole = deltas(person["Body"], "vrc.blink")

    def never(*_, **__):
        raise AssertionError("computed again")

    monkeypatch.setattr(detect, "find", never)
    monkeypatch.setattr(pipeline.deformer, "offsets", never)
    operators.generate_blink(intensity=0.5)
    half = deltas(person["Body"], "vrc.blink")
    assert abs(half - whole / 2).max() < 1e-4  # the hidden mark keeps its size


def test_a_changed_mesh_is_looked_at_again(person, monkeypatch):
    looked = []
    find = detect.find
    monkeypatch.setattr(detect, "find", lambda *a, **k: looked.append(1) or find(*a, **k))
    operators.generate_blink()
    operators.generate_blink(intensity=0.8)
    assert len(looked) == 1
    person["Body"].data.vertices[0].co.x += 0.001
    person["Body"].data.shape_keys.reference_key.points[0].co.x += 0.001
    operators.generate_blink()
    assert len(looked) == 2
