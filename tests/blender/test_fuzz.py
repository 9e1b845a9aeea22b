"""A short run of the fuzzer in real Blender: each fault that only objects can have, with another one; a few scenes."""

import numpy as np
import pytest

from tests.fuzz import in_blender, scenes
from tests.fuzz.cases import KNOWN, Case
from tests.fuzz.object_faults import OBJECT_FAULTS


@pytest.mark.parametrize("fault", OBJECT_FAULTS)
@pytest.mark.parametrize("other", ["creators keys", "far away"])
def test_no_fault_costs_a_key_or_the_base(fault, other):
    case = Case("mask", tuple(dict.fromkeys((fault, other))), 5, "ключ 🗝", KNOWN, (), "natural")
    outcome = in_blender.run(case)
    assert outcome.end != "failed", outcome.words


def test_a_mesh_that_is_refused_stays_as_it_was():
    outcome = in_blender.run(Case("mask", ("creators keys", "not numbers"), 5, "", KNOWN, (), "natural"))
    assert outcome.end == "refused" and "not numbers" in outcome.words


@pytest.mark.parametrize(
    "faults",
    [
        ("in place", "half with mirror", "keys that are on", "hidden backup"),
        ("to .blend", "join", "relative keys", "masked keys", "other spellings"),
        ("to .fbx", "muted keys", "masked keys", "broken modifiers", "parts on bone", "armature pose"),
        ("to .glb", "relative keys", "keys that are on", "other scene", "excluded collection"),
    ],
)
def test_no_scene_costs_a_key_or_a_file(faults):
    outcome = scenes.run(Case("mask with organs", faults, 4, "ключ 🗝", KNOWN, (), "natural"))
    assert outcome.end in ("passed", "in part"), outcome.words


def test_a_key_that_a_file_lost_is_told():
    base, offsets = np.eye(3), np.full((3, 3), 0.5)
    found = scenes.lost((base, {"smile": offsets, "wink": offsets}), (base, {"wink": -offsets}), "keep", 1e-3)
    assert [words.split("'")[2] for words in found] == ["smile", "wink"]
