"""The shapes of the faces that ship with the tests are those of the golden table."""

from __future__ import annotations

import copy

import pytest

from blendshape_addon.core.vocabulary import ALL_SHAPES
from tests import faces, golden


@pytest.fixture(scope="module", params=faces.NAMES)
def pair(request: pytest.FixtureRequest) -> tuple[golden.Rows, golden.Rows]:
    """A face's rows in the table, and those measured now."""
    return golden.read()[request.param], golden.measure(faces.load(request.param))


def test_every_shape_is_as_in_the_table(pair: tuple[golden.Rows, golden.Rows]) -> None:
    pinned, rows = pair
    assert list(pinned) == list(ALL_SHAPES)
    assert not list(golden.differences(pinned, rows).values())


@pytest.mark.parametrize("figure", golden.FLOORS)
def test_a_figure_that_is_off_by_more_than_its_share_is_reported(
    pair: tuple[golden.Rows, golden.Rows], figure: str
) -> None:
    pinned, rows = pair[0], copy.deepcopy(pair[0])
    rows["jawOpen"][figure] *= 1.04
    assert list(golden.differences(pinned, rows)) == ["jawOpen"]
    rows["jawOpen"][figure] = pinned["jawOpen"][figure] * 1.02
    assert not golden.differences(pinned, rows)


def test_a_shape_that_is_refused_or_new_is_reported(pair: tuple[golden.Rows, golden.Rows]) -> None:
    pinned = pair[0]
    differing = golden.differences(pinned, pinned | {"joy": {}, "new": {"peak_mm": 1.0}})
    assert list(differing) == ["joy", "new"]
    assert "refused now" in differing["joy"]


def test_writing_the_table_again_changes_nothing_but_what_changed(
    pair: tuple[golden.Rows, golden.Rows], tmp_path
) -> None:
    pinned, rows = pair[0], copy.deepcopy(pair[0])
    rows["joy"]["peak_mm"] *= 1.001
    rows["fun"]["peak_mm"] *= 2
    golden.write({"face": golden.renewed(pinned, rows)}, tmp_path / "table.toml")
    assert golden.read(tmp_path / "table.toml") == {"face": pinned | {"fun": rows["fun"]}}
