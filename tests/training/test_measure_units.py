"""Figures of units on renders: what is keyed, beside the head; weights that are fitted without a family."""

import json
from dataclasses import replace

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference.face_format import POINTS, SCORES
from blendshape_addon.core.motion import units as unit_values
from blendshape_addon.core.vocabulary import ARKIT
from training.motion import figures, measure_units, readings

rng = np.random.default_rng(0)
UNIT = "browInnerUp"


def data(people: int = 12, frames: int = 30) -> readings.Readings:
    """Readings of people whose brows rise, of which the score sees the half; two folds."""
    count = people * frames
    neutral = np.arange(count) % frames == 0
    units = np.zeros((count, len(ARKIT)), np.float32)
    units[:, ARKIT.index(UNIT)] = raised = np.where(neutral, 0, rng.random(count))
    scores = np.zeros((count, len(SCORES)), np.float32)
    scores[:, SCORES.index(UNIT)] = 0.5 * raised + 0.1
    landmarks = np.zeros((count, POINTS, 3), np.float16)
    landmarks[:, [55, 107, 285, 336], 1] = (0.05 + 0.2 * raised)[:, None]
    person = np.repeat(np.arange(people, dtype=np.int32), frames)
    return readings.Readings(
        eyes=np.full((count, 2, 32, 48, 3), 128, np.uint8), points=np.zeros((count, 24, 2), np.float32),
        mouths=np.zeros((count, 64, 64, 3), np.uint8), scores=scores,
        landmarks=landmarks, rotation=np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)),
        iris=np.zeros((count, 2, 2), np.float32), units=units, known=np.ones((count, 52), bool),
        distilled=np.zeros((count, 52), bool), gaze=np.zeros((count, 2, 2), np.float32),
        blink=np.zeros((count, 2), np.float32), neutral=neutral, person=person, fold=person % 2,
        people=tuple(map(str, range(people))), folds=("a", "b"), pictures={"a": 1, "b": 1},
    )  # fmt: skip


def test_what_is_keyed_counts_what_the_score_does_not_see() -> None:
    measured = measure_units.Measured(data())
    row = measure_units.measure(measured, np.ones(measured.data.count, bool))[UNIT]
    assert set(row) == set(measure_units.READERS)
    weights = unit_values.weights(UNIT)
    truth = measured.truth(UNIT)
    assert np.allclose(measured.keyed(UNIT), (0.5 * weights["score"] + 0.2 * weights["brow_inner"]) * truth, atol=2e-3)
    assert row["keyed"]["R2"] > row["head less neutral"]["R2"] > row["still face"]["R2"]
    assert row["head less neutral"]["MAE"] == pytest.approx(0.5 * truth[~measured.data.neutral].mean(), rel=1e-3)


def test_weights_are_fitted_without_the_family_that_is_left_out() -> None:
    rows = data()
    landmarks = rows.landmarks.copy()
    landmarks[rows.fold == 0] = 0  # of the first family nothing but scores tells
    measured = measure_units.Measured(replace(rows, landmarks=landmarks))
    brow = list(unit_values.weights(UNIT)).index("brow_inner")
    assert measure_units.fit(measured, [UNIT], [1])[brow] > 0
    alone = measure_units.fit(measured, [UNIT], [0])
    assert alone[0] == 1 and measured.keyed(UNIT, alone) == pytest.approx(
        unit_values.weights(UNIT)["score"] * measured.head(UNIT), abs=1e-3
    )
    found = measure_units.left_out(measured)
    assert set(found) == {UNIT} and set(found[UNIT]) == {"a", "b"}


def test_a_unit_that_is_worse_than_the_head_is_named() -> None:
    folds = {"jawOpen": {"a": {"head": 0.8, "keyed": 0.7}, "b": {"head": 0.8, "keyed": 0.9}}}
    (said,) = measure_units.worse(folds)
    assert "jawOpen on a" in said


def test_people_whose_neutral_face_was_not_read_are_left_out() -> None:
    rows = data()
    lost = replace(rows, neutral=rows.neutral & (rows.person != 3))
    assert 3 not in measure_units.Measured(lost).data.person


def test_eyes_are_keyed_by_what_another_network_reads() -> None:
    rows = data()
    away = np.where(rows.neutral[:, None, None], 0, rng.uniform(-8, 8, (rows.count, 1, 2)).repeat(2, 1))
    blink = np.where(rows.neutral[:, None], 0, rng.random((rows.count, 2)))
    measured = measure_units.Measured(rows, lambda _: (away, blink))
    assert np.allclose(measured.keyed("eyeBlinkRight"), blink[:, 1])
    out, inwards = measured.keyed("eyeLookOutLeft"), measured.keyed("eyeLookInLeft")
    assert ((out > 0) == (away[:, 0, 0] > 0)).all() and ((inwards > 0) == (away[:, 0, 0] < 0)).all()


def test_figures_are_written_between_their_marks_and_nowhere_else(tmp_path) -> None:
    row = {reader: {"MAE": 0.1, "R2": 0.25} for reader in measure_units.READERS}
    second = {"mm": 1.5, "still mm": 2.5, "cos": 0.9}
    second |= {"read back: units, MAE": 0.03, "read back: head, correlation": 0.95}
    content = {
        "clips": {"people": ["a", "b"], "units": {"jawOpen": row}, "second": second,
                  "degrees": {"head": 3.0, "gaze across": 2.0, "gaze up": 2.5}},
        "units": {"new people": {"jawOpen": row}, "left out": {"jawOpen": {"ict": {"head": 0.6, "keyed": 0.8}}}},
        "gaze": {where: {reader: {"gaze across, deg": 2.2, "gaze up, deg": 3.1, "blink R2": 0.9}
                         for reader in ("network", "head", "mean")} for where in ("new people", "without ict")},
        "gaze-units": {"without ict": {"eyeBlink": {"keyed": 0.7, "head": 0.75}}},
    }  # fmt: skip
    document = tmp_path / "drive.md"
    document.write_text(f"# Title\n{figures.BEGIN}\nold\n{figures.END}\nlast\n")
    line = ["--doc", str(document)]
    for name, value in content.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
        line += [f"--{name}", str(tmp_path / f"{name}.json")]
    for _ in range(2):
        figures.main(line)
    text = document.read_text()
    assert text.startswith("# Title\n") and text.endswith("\nlast\n") and "old" not in text
    assert "| jawOpen | 0.25, 0.25, 0.25, **0.25** | 0.100 | 0.25, **0.25** | ict: 0.80 (0.60) |" in text
    assert "left out: eyeBlink on ict." in text and "1.50 mm" in text and text.count(figures.BEGIN) == 1
    assert "| ict | 2.20, 3.10, 0.90 | 2.20, 3.10, 0.90 | eyeBlink 0.70 (0.75) |" in text
    document.write_text("# Title\n")
    with pytest.raises(InputError, match="no place for figures"):
        figures.main(line)
    (tmp_path / "gaze.json").unlink()
    with pytest.raises(InputError, match="holds no figures"):
        figures.main(line)
