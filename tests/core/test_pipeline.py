"""The job as a whole: its progress, stopping it, and running it again on a face that is analysed."""

from dataclasses import replace

import numpy as np
import pytest
from test_recipes import known_face

from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import Cancelled
from blendshape_addon.core.face import colliders, drawn_eyes, features, slits, symmetry
from blendshape_addon.core.face.features import Features
from blendshape_addon.core.inference import deformer
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.style.tuning import Tuning
from blendshape_addon.core.vocabulary import ALL_SHAPES

OPTIONS = GenerateOptions(["vrc.v_aa", "vrc.blink", "joy"], provider="cpu")


@pytest.fixture(scope="module")
def first(face):
    avatar, marks = face
    return pipeline.generate(avatar, OPTIONS, face=known_face(marks))


def same(a, b):
    return all(
        one.name == other.name and np.array_equal(one.indices, other.indices) and np.allclose(one.deltas, other.deltas)
        for one, other in zip(a.shapes, b.shapes, strict=True)
    )


def test_progress_rises_from_nothing_to_the_end(face):
    avatar, marks = face
    calls = []
    pipeline.generate(avatar, OPTIONS, face=known_face(marks), progress=lambda *now: calls.append(now))
    fractions = [fraction for fraction, _ in calls]
    assert fractions == sorted(fractions) and fractions[0] == 0 and 0.9 <= fractions[-1] <= 1
    assert np.diff(fractions).max() < 0.31  # the search for the face, which is given here
    assert {"landmarks", "features", "network", "refining", "checking"} <= {stage for _, stage in calls}


@pytest.mark.parametrize("stage", ["landmarks", "network", "refining", "checking"])
def test_a_progress_that_raises_cancelled_ends_the_job_there(face, stage):
    avatar, marks = face
    calls = []

    def progress(fraction, now):
        calls.append(now)
        if now == stage:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        pipeline.generate(avatar, OPTIONS, face=known_face(marks), progress=progress)
    assert calls.count(stage) == 1 and calls[-1] == stage


def test_what_was_analysed_makes_the_same_shapes_with_nothing_computed_again(face, first, monkeypatch):
    avatar, _ = face

    def never(*_):
        raise AssertionError("computed again")

    with monkeypatch.context() as patched:
        patched.setattr(features, "compute", never)
        patched.setattr(deformer, "offsets", never)
        again = pipeline.generate(avatar, OPTIONS, analysis=first.analysis)
        half = pipeline.generate(avatar, replace(OPTIONS, intensity=0.5), analysis=first.analysis)
    assert same(first, again)
    for whole, part in zip(first.shapes, half.shapes, strict=True):
        assert np.allclose(part.deltas, whole.deltas / 2, atol=1e-6)


def test_one_shape_at_another_strength_comes_from_what_was_made_of_all(face, first, monkeypatch):
    """As a slider asks for it: also after other shapes were made, with a mask, and back from more than full."""
    avatar, _ = face
    mask = np.linspace(0, 1, len(avatar.vertices), dtype=np.float32)
    wanted = [
        replace(OPTIONS, expressions=["joy"], tuning=tuning)
        for tuning in (Tuning({"joy": 0.4}), Tuning(masks={"joy": mask}), Tuning({"emotions": 0.7}))
    ]
    for strength in (1.3, 1.4):
        pipeline.generate(avatar, replace(wanted[0], tuning=Tuning({"joy": strength})), analysis=first.analysis)
    assert {overdrive for name, overdrive in first.analysis.full if name == "joy"} == {1.0, 1.4}
    fresh = [pipeline.generate(avatar, options, face=first.face) for options in wanted]
    with monkeypatch.context() as patched:
        patched.setattr(deformer, "offsets", None)
        again = [pipeline.generate(avatar, options, analysis=first.analysis) for options in wanted]
    assert all(same(one, other) for one, other in zip(fresh, again, strict=True))


@pytest.mark.parametrize("change", [{"preset": "anime"}, {"expressions": ["vrc.v_oh"]}])
def test_other_shapes_are_made_anew_on_what_was_analysed(face, first, change):
    avatar, marks = face
    wanted = replace(OPTIONS, **{"preset": "natural", **change})
    fresh = pipeline.generate(avatar, wanted, face=known_face(marks))
    assert same(pipeline.generate(avatar, wanted, analysis=first.analysis), fresh)


def test_nothing_of_a_face_is_computed_twice_in_a_run(face, monkeypatch):
    """Slits, drawn eyes, colliders, the mirror and the triangles of each part: once, from refinement to the check."""
    avatar, marks = face
    calls = []

    def counted(owner, name, key=lambda *arguments: ()):
        original = getattr(owner, name)

        def call(*arguments):
            calls.append((name, *key(*arguments)))
            return original(*arguments)

        monkeypatch.setattr(owner, name, call)

    counted(slits, "find_slit", lambda known, field: (field,))
    counted(drawn_eyes, "find", lambda *_: ("drawn eyes",))
    counted(symmetry, "find", lambda *_: ("mirror",))
    counted(colliders, "teeth")
    counted(colliders, "eyes")
    counted(Features, "triangles", lambda known, avatar, *parts: parts)
    pipeline.generate(avatar, GenerateOptions(ALL_SHAPES, provider="cpu"), face=known_face(marks))
    assert len(calls) == len(set(calls)), sorted(call for call in set(calls) if calls.count(call) > 1)
    assert {
        ("find_slit", 0),
        ("find_slit", 1),
        ("find_slit", 2),
        ("find", "drawn eyes"),
        ("find", "mirror"),
        ("teeth",),
        ("eyes",),
    } <= set(calls)
