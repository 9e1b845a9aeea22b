"""A model is used only by code that feeds it what it learned on: the hash on its card is that of the running code."""

import dataclasses
import enum
import shutil

import onnxruntime
import pytest

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.face import features, parts
from blendshape_addon.core.inference import contract, registry
from blendshape_addon.core.vocabulary import LANDMARKS

KINDS = ("deformer", "landmarks")
SENTENCE = "was made for another version of the add-on and would make wrong shapes"


def swapped(names: tuple) -> tuple:
    """The first two in each other's place."""
    return (names[1], names[0], *names[2:])


def one_frequency(monkeypatch) -> None:
    monkeypatch.setattr(features, "FREQUENCIES", (*features.FREQUENCIES[:-1], 25.0))


def column_order(monkeypatch) -> None:
    monkeypatch.setattr(features, "COLUMNS", swapped(features.COLUMNS))


def clipping(monkeypatch) -> None:
    monkeypatch.setattr(features, "CLIP", 4.0)


def canonical_face(monkeypatch) -> None:
    moved = features.canonical_landmarks() + [0, 1e-6, 0]
    monkeypatch.setattr(features, "canonical_landmarks", lambda: moved)


def landmark_order(monkeypatch) -> None:
    monkeypatch.setattr(features, "LANDMARKS", swapped(LANDMARKS))


def part_order(monkeypatch) -> None:
    names = swapped([part.name for part in parts.Part])
    monkeypatch.setattr(features, "Part", enum.IntEnum("Part", names, start=0))


def expression_order(monkeypatch) -> None:
    monkeypatch.setattr(contract, "CONDITIONS", swapped(contract.CONDITIONS))


def order_of_the_finder(monkeypatch) -> None:
    monkeypatch.setattr(contract, "LANDMARKS", swapped(LANDMARKS))


def picture(field: str, value: object):
    def change(monkeypatch) -> None:
        monkeypatch.setattr(contract, "PICTURE", dataclasses.replace(contract.PICTURE, **{field: value}))

    change.__name__ = f"picture_{field}"
    return change


CHANGES = [
    *(("deformer", change) for change in (
        one_frequency, column_order, clipping, canonical_face, landmark_order, part_order, expression_order,
    )),
    *(("landmarks", change) for change in (
        order_of_the_finder, picture("size", 128), picture("empty", -2.0), picture("face_half_width", 1.8),
        picture("channels", swapped(contract.PICTURE.channels)),
    )),
]  # fmt: skip


@pytest.mark.parametrize("kind", contract.KINDS)
def test_the_bundled_models_learned_on_what_this_version_feeds_them(kind):
    card = registry.load(kind).card
    assert card["contract"] == contract.of(kind)
    assert len(card["contract"]) == 16 and int(card["contract"], 16)


@pytest.mark.parametrize("kind", KINDS)
def test_the_layout_names_the_inputs_of_the_bundled_network(kind):
    inputs = {one.name: one.shape for one in onnxruntime.InferenceSession(registry.load(kind).data).get_inputs()}
    assert set(inputs) <= set(contract.KINDS[kind]()["inputs"])
    if kind == "deformer":
        assert inputs["inputs"][1] == features.INPUTS == features.layout()["count"]
    else:
        size = contract.PICTURE.size
        assert inputs["image"][1:] == [len(contract.PICTURE.channels), size, size]


@pytest.mark.parametrize(("kind", "change"), CHANGES, ids=lambda one: getattr(one, "__name__", one))
def test_a_change_of_what_a_network_is_fed_refuses_its_models(monkeypatch, kind, change):
    before = {name: contract.of(name) for name in KINDS}
    change(monkeypatch)
    assert [name for name in KINDS if contract.of(name) != before[name]] == [kind]
    with pytest.raises(ModelError, match=SENTENCE):
        registry.load(kind)


@pytest.fixture
def models(tmp_path):
    """The bundled models in a folder, and edit(kind, text, other text) for their cards."""
    shutil.copytree(registry.models_folder(), tmp_path / "models")

    def edit(kind: str, old: str, new: str):
        card = tmp_path / "models" / f"{kind}.toml"
        text = card.read_text(encoding="utf-8")
        assert old in text
        card.write_text(text.replace(old, new), encoding="utf-8")
        return tmp_path / "models"

    return edit


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_without_a_contract_is_of_the_first_release(monkeypatch, models, kind):
    folder = models(kind, f'contract = "{contract.of(kind)}"\n', "")
    monkeypatch.setitem(contract.FIRST, kind, contract.of(kind))
    assert "contract" not in registry.load(kind, folder).card
    monkeypatch.setitem(contract.FIRST, kind, "0123456789abcdef")
    with pytest.raises(ModelError, match=SENTENCE):
        registry.load(kind, folder)


def test_a_model_of_another_contract_is_listed_with_its_reason(models):
    folder = models("deformer", contract.of("deformer"), "0123456789abcdef")
    problems = {listed.path.stem: listed.problem for listed in registry.list_models(folder)}
    assert SENTENCE in str(problems["deformer"]) and problems["landmarks"] is None


def test_a_model_of_a_kind_that_this_version_does_not_know_is_refused(models):
    folder = models("deformer", 'kind = "deformer"', 'kind = "smell"')
    with pytest.raises(ModelError, match=SENTENCE):
        registry.load_file(folder / "deformer.onnx")
