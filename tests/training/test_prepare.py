"""The dataset: what is missing is made and nothing else, and the manifest says what is in it."""

import dataclasses
import json
import tomllib
import types

import numpy as np
import patches
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import LANDMARK_INDEX
from tests.core.pieces import mask
from training import __main__
from training.config import ModelConfig
from training.data import dataset, labels, manifest, prepare, rigs, sources
from training.deformer import export, train
from training.learning import arrays


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    """The mask with a jaw that opens and brows that rise."""
    avatar, marks = mask(31, 41)
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"], 1]
    jaw, brows = np.zeros((2, *avatar.vertices.shape), np.float32)
    jaw[avatar.vertices[:, 1] < seam - 0.01, 1] = -0.3
    brows[avatar.vertices[:, 1] > 0.3, 1] = 0.1
    return rigs.Rig(
        name="mask", family="numbers", folder=tmp_path_factory.getbasetemp(), vertices=avatar.vertices,
        triangles=avatar.triangles, part_id=avatar.object_id, part_names=("Face",),
        shapes={"jawOpen": jaw, "browInnerUp": brows}, real=frozenset({"jawOpen"}), hidden_parts=(), licence="CC0",
        digest="first", marks=labels.on_skin(avatar, marks),
    )  # fmt: skip


@pytest.fixture
def faces(monkeypatch, rig):
    """What each source gives: `mask` one rig, `two` another. Add to it to change what is there."""
    known = {"mask": [rig], "two": [dataclasses.replace(rig, name="two", digest="second")]}
    monkeypatch.setattr(sources, "read", lambda source, licence: known[source])
    return known


@pytest.fixture
def making(monkeypatch):
    """Names of the shards that are made."""
    made = []
    save = dataset.save

    def watched(instance, path):
        made.append(path.name)
        save(instance, path)

    monkeypatch.setattr(dataset, "save", watched)
    return made


def shards(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}


def test_the_manifest_names_source_licence_shapes_and_every_shards_hash(tmp_path, faces):
    prepare.prepare(tmp_path, ["mask"], 2)
    document = json.loads((tmp_path / "manifest.json").read_text())
    entry = document["sources"]["numbers__mask"]
    assert (entry["source"], entry["licence"], entry["sha256"]) == ("mask", "CC0", "first")
    assert (entry["shapes"], entry["real"], entry["instances"]) == (2, 1, 2)
    assert entry["shards"] == {path.name: manifest.hash_of(path) for path in tmp_path.glob("*.safetensors")}
    assert entry["versions"]["numpy"] == np.__version__


def test_again_makes_only_what_is_missing(tmp_path, faces, making):
    prepare.prepare(tmp_path, ["mask"], 1)
    prepare.prepare(tmp_path, ["mask"], 2)
    assert making == ["numbers__mask__0000.safetensors", "numbers__mask__0001.safetensors"]
    prepare.prepare(tmp_path, ["two"], 1)
    assert making[2:] == ["numbers__two__0000.safetensors"]
    assert set(manifest.read(tmp_path)) == {"numbers__mask", "numbers__two"}
    prepare.prepare(tmp_path, ["mask", "two"], 1)
    assert len(making) == 3 and len(shards(tmp_path)) == 3


def test_instances_do_not_depend_on_the_company(tmp_path, faces):
    prepare.prepare(tmp_path / "alone", ["mask"], 2)
    prepare.prepare(tmp_path / "both", ["two", "mask"], 2)
    assert shards(tmp_path / "alone").items() < shards(tmp_path / "both").items()


def test_a_damaged_shard_is_named_and_made_again(tmp_path, faces, making, capsys):
    prepare.prepare(tmp_path, ["mask"], 2)
    before = shards(tmp_path)
    path = tmp_path / "numbers__mask__0001.safetensors"
    path.write_bytes(before[path.name][:-500] + bytes(500))
    prepare.prepare(tmp_path, ["mask"], 2)
    assert "numbers__mask__0001.safetensors is damaged" in capsys.readouterr().err
    assert making[2:] == [path.name] and shards(tmp_path) == before


def test_a_source_that_has_changed_is_made_again(tmp_path, faces, rig, making, capsys):
    prepare.prepare(tmp_path, ["mask"], 2)
    faces["mask"] = [dataclasses.replace(rig, digest="later", licence="CC BY 4.0")]
    prepare.prepare(tmp_path, ["mask"], 1)
    assert "has changed" in capsys.readouterr().err
    assert making[2:] == ["numbers__mask__0000.safetensors"] and list(shards(tmp_path)) == making[2:]
    assert manifest.read(tmp_path)["numbers__mask"].licence == "CC BY 4.0"


def test_a_run_that_was_killed_goes_on_and_gives_the_same_bytes(tmp_path, faces, monkeypatch):
    prepare.prepare(tmp_path / "whole", ["mask"], 3)
    save = dataset.save
    count = 0

    def dying(instance, path):
        nonlocal count
        count += 1
        if count == 2:
            path.with_name(f"{path.name}.part").write_bytes(b"half of it")
            raise KeyboardInterrupt
        save(instance, path)

    with monkeypatch.context() as patch:
        patch.setattr(dataset, "save", dying)
        with pytest.raises(KeyboardInterrupt):
            prepare.prepare(tmp_path / "killed", ["mask"], 3)
    (tmp_path / "killed" / "manifest.json").unlink()  # as if the kill had come before it was written
    prepare.prepare(tmp_path / "killed", ["mask"], 3)
    assert shards(tmp_path / "killed") == shards(tmp_path / "whole")
    assert not list((tmp_path / "killed").glob("*.part"))
    assert manifest.read(tmp_path / "killed") == manifest.read(tmp_path / "whole")


def test_training_reads_the_dataset(tmp_path, faces):
    prepare.prepare(tmp_path, ["mask", "two"], 2)
    pool = train.Pool(tmp_path, None)
    assert {name: len(group) for name, group in pool.groups.items()} == {"numbers__mask": 2, "numbers__two": 2}


def test_a_model_learns_from_what_its_card_lists(tmp_path, faces):
    prepare.prepare(tmp_path, ["mask", "two"], 1)
    listed = [{"name": f"numbers/{name}", "licence": "CC0"} for name in ("mask", "two")]
    assert manifest.trained_on(tmp_path) == listed and manifest.trained_on(tmp_path, "numbers") == []
    (tmp_path / "numbers__mask__0000.safetensors").rename(tmp_path / "other__mask__0000.safetensors")
    with pytest.raises(InputError, match="other__mask"):
        manifest.trained_on(tmp_path)
    (tmp_path / "manifest.json").unlink()
    assert manifest.trained_on(tmp_path) == []


def test_weights_and_card_carry_the_licences(tmp_path, faces):
    prepare.prepare(tmp_path / "data", ["mask"], 2)
    config = train.TrainConfig(steps=2, batch=2, vertices=50, model=ModelConfig(width=16, blocks=1))
    weights = train.train(config, tmp_path / "data", tmp_path / "deformer.safetensors")
    export.export(weights, tmp_path / "deformer.onnx", {}, tmp_path / "data")
    card = tomllib.loads((tmp_path / "deformer.toml").read_text())
    assert card["trained_on"] == [{"name": "numbers/mask", "licence": "CC0"}]


def test_bad_input_is_a_sentence_and_changes_nothing(tmp_path, faces):
    with pytest.raises(InputError, match="numbers__mask"):
        prepare.prepare(tmp_path / "out", ["mask", "mask"], 1)
    with pytest.raises(InputError, match="per-rig"):
        prepare.prepare(tmp_path / "out", ["mask"], 0)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        prepare.prepare(tmp_path / "file", ["mask"], 1)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json is damaged"):
        prepare.prepare(tmp_path, ["mask"], 1)


@pytest.mark.parametrize(("factor", "said"), [(100, "units"), (1 / 100, "units"), (np.nan, "no numbers")])
def test_shapes_in_other_units_than_the_face_are_reported(monkeypatch, rig, factor, said):
    adapter = types.SimpleNamespace(read=lambda path, licence: [rig])
    monkeypatch.setattr(sources, "import_module", lambda name: adapter)
    assert sources.read("rigs", None) == [rig]
    rig = dataclasses.replace(rig, shapes={name: offset * factor for name, offset in rig.shapes.items()})
    with pytest.raises(InputError, match=f"numbers/mask.*{said}"):
        sources.read("rigs", None)


def test_a_face_in_other_units_gives_the_same_instances(rig):
    large = dataclasses.replace(
        rig, vertices=rig.vertices * 100, shapes={name: offset * 100 for name, offset in rig.shapes.items()}
    )
    one, other = (dataset.make_instance(face, np.random.default_rng(0), 0.0) for face in (rig, large))
    assert np.allclose(one.canonical, other.canonical, atol=1e-4)
    assert np.allclose(one.targets, other.targets, atol=1e-3)


def test_a_shard_of_other_shapes_is_reported(tmp_path):
    one = patches.instance()
    one.targets = one.targets[:, :5]
    dataset.save(one, tmp_path / "a__b__0000.safetensors")
    with pytest.raises(InputError, match="a__b__0000.*other shapes"):
        dataset.load(tmp_path / "a__b__0000.safetensors")


def test_a_rig_folder_that_does_not_fit_together_is_reported(tmp_path):
    face = {"vertices": np.zeros((3, 3)), "triangles": np.array([[0, 1, 2]]), "part_id": np.zeros(3, int)}
    face |= {
        "part_names": np.array(["head"]),
        "shape_names": np.array(["jawOpen"]),
        "shape_offsets": np.zeros((1, 3, 3)),
    }
    (tmp_path / "meta.json").write_text("{}")
    wrong = {"shape_offsets": np.zeros((1, 2, 3)), "triangles": np.array([[0, 1, 3]]), "part_id": np.zeros(2, int)}
    for name, value in wrong.items():
        np.savez(tmp_path / "rig.npz", **face | {name: value})
        with pytest.raises(InputError, match=r"no rig folder.*vertices"):
            rigs.load(tmp_path)
    np.savez(tmp_path / "rig.npz", vertices=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="no rig folder"):
        rigs.load(tmp_path)


def test_an_empty_folder_is_a_sentence(tmp_path, capsys):
    for verb in (["prepare", "--source", f"rigs:{tmp_path}"], ["train", "--dataset", str(tmp_path)]):
        assert __main__.main([*verb, "--out", str(tmp_path / "out.safetensors")]) == 2
        assert str(tmp_path) in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_shard_that_is_none_is_reported(tmp_path):
    for content in (b"", b"PK\x03\x04", b"\x93NUMPY"):
        (tmp_path / "a__b__0000.safetensors").write_bytes(content)
        with pytest.raises(InputError, match="a__b__0000"):
            dataset.load(tmp_path / "a__b__0000.safetensors")
    path = tmp_path / "a__b__0000.safetensors"
    arrays.save(path, arrays.Format("file of samples", 1, "generate it"), {"weights": np.zeros(3)})
    with pytest.raises(InputError, match="a__b__0000.*is a file of samples and no face to train on"):
        dataset.load(path)
    later = dataclasses.replace(dataset.FORMAT, version=dataset.FORMAT.version + 1)
    arrays.save(path, later, {"weights": np.zeros(3)})
    with pytest.raises(InputError, match=r"another version.*run `python -m training prepare` again"):
        dataset.load(path)


def test_a_dataset_of_an_older_version_is_reported(tmp_path):
    (tmp_path / "a__b__0000.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"older version.*run `python -m training prepare` again"):
        train.Pool(tmp_path, None)
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "sources": {}}))
    with pytest.raises(InputError, match="another version"):
        prepare.prepare(tmp_path, ["anny"], 1)


def test_the_command_says_what_is_wrong_and_ends_with_2(capsys):
    assert __main__.main(["prepare", "--source", "avatar:face.vrm"]) == 2
    assert "--licence" in capsys.readouterr().err
    assert __main__.main(["prepare", "--source", "faces"]) == 2
    assert "avatar:FILE" in capsys.readouterr().err
