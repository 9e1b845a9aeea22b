"""The list of models in the preferences, with real cards and files."""

import bpy
import pytest

from blendshape_addon.blender import settings
from blendshape_addon.core.inference import registry


@pytest.fixture
def further(monkeypatch, tmp_path):
    """The folder of further models."""
    monkeypatch.setattr(settings, "learned_folder", lambda context: tmp_path)
    return tmp_path


def listed():
    """Unfold the list, as the creator does; its rows by the name of their file."""
    shown = bpy.context.window_manager.vrc_blendshape
    shown.show_models = True
    return {row.file.rpartition("/")[2]: row for row in shown.models}


def test_bundled_models_are_listed_with_what_their_cards_say(further):
    row = listed()["deformer.onnx"]
    assert (row.name, row.bundled, row.problem, row.licence) == ("VRChat deformer", True, "", "MIT")
    assert "vrm/seed_san: VRM Public License 1.0" in row.trained_on and "\n" in row.trained_on
    assert "makehuman left out, visemes: rel " in row.figures and ", cos 0." in row.figures


def test_models_put_into_the_folder_are_listed_and_why_some_cannot_be_used(further):
    model = registry.load("deformer")
    (further / "good.onnx").write_bytes(model.data)
    card = (registry.models_folder() / "deformer.toml").read_text().replace('"deformer.onnx"', '"good.onnx"')
    (further / "good.toml").write_text(card)
    (further / "damaged.onnx").write_bytes(model.data[:-1])
    (further / "damaged.toml").write_text(card.replace('"good.onnx"', '"damaged.onnx"'))
    (further / "bare.onnx").write_bytes(model.data)
    (further / "lost.toml").write_text(card.replace('"good.onnx"', '"lost.onnx"'))
    (further / "odd.toml").write_text('trained_on = "everything"')
    (further / "notes.txt").write_text("of no interest")
    rows = listed()
    problems = {name: row.problem for name, row in rows.items() if not row.bundled}
    assert problems.pop("good.onnx") == "" and not rows["good.onnx"].bundled
    for name, words in (("damaged", "is damaged"), ("bare", "bare.toml, is not beside it"), ("lost", "is missing"),
                        ("odd", "what the model was trained on")):  # fmt: skip
        assert words in problems.pop(f"{name}.onnx")
    assert not problems
    assert settings.learned(bpy.context).keys() >= {"good"}
