"""A short run of the fuzzer, the same every time, and faults that must change nothing. tests/fuzz has the rest."""

from __future__ import annotations

from dataclasses import replace

import hypothesis
from hypothesis import strategies as st

from tests.fuzz import cases
from tests.fuzz.cases import KNOWN, OFF

SHAPES = ("vrc.v_aa", "vrc.v_pp", "vrc.blink_left", "joy")
# Of each of these an avatar may have all it likes.
HARMLESS = ("duplicate triangles", "loose vertices", "turned", "scaled", "mirrored", "any names", "seams")


@hypothesis.seed(0)
@hypothesis.settings(max_examples=25, deadline=None, database=None, phases=[hypothesis.Phase.generate],
                     suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip
@hypothesis.given(cases.cases(names=("mask", "mask with organs")))
def test_any_faults_end_in_shapes_or_in_a_sentence(case: cases.Case) -> None:
    if case.marks not in (KNOWN, OFF):
        case = replace(case, marks=KNOWN)
    outcome = cases.run(case)
    assert outcome.end != "failed", f"{outcome.words}: {case}"


@hypothesis.settings(max_examples=10, deadline=None, database=None, derandomize=True)
@hypothesis.given(
    st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=4, unique=True),
    st.integers(0, 2**32 - 1),
    st.text(max_size=9),
)
def test_harmless_faults_pass(faults: list[str], dice: int, word: str) -> None:
    case = cases.Case("mask with organs", tuple(faults), dice, word, KNOWN, SHAPES, "natural")
    assert cases.run(case) == cases.Outcome("passed")
