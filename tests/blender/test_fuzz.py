"""A short run of the fuzzer in real Blender: each fault that only objects can have, with another one."""

import pytest

from tests.fuzz import in_blender
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
