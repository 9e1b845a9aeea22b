"""HMR 2.0 with small weights that are made up, named as those of 4D-Humans; files that are none of it."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from blendshape_addon.core.errors import InputError
from tests.training.test_smpl import arrays
from training.body import command, hmr2, inference, networks, photo
from training.body.inference import HMR2Inference
from training.body.service import bodies
from training.body.service.settings import Settings

WIDTH, TOKEN, HIDDEN, DEPTH = 32, 48, 40, 2


def state() -> dict[str, torch.Tensor]:
    """A small checkpoint, and what else lies in one."""
    torch.manual_seed(0)
    encoder, decoder = hmr2.Encoder(WIDTH, DEPTH, 16), hmr2.Decoder(TOKEN, DEPTH, 2, HIDDEN, WIDTH)
    six = torch.eye(3)[:, :2].reshape(6).repeat(24)[None]
    decoder.init_body_pose.copy_(six)
    parts = {f"backbone.{name}": value for name, value in encoder.state_dict().items()}
    parts |= {f"smpl_head.{name}": value for name, value in decoder.state_dict().items()}
    return parts | {"discriminator.fc.weight": torch.zeros(2, 2), "initialized": torch.tensor(True)}


def test_weights_are_named_as_in_checkpoints_of_4d_humans():
    names = set(state())
    for name in (
        "backbone.pos_embed", "backbone.patch_embed.proj.bias", "backbone.blocks.1.attn.qkv.weight",
        "backbone.blocks.0.mlp.fc2.bias", "backbone.last_norm.weight",
        "smpl_head.transformer.to_token_embedding.weight", "smpl_head.transformer.pos_embedding",
        "smpl_head.transformer.transformer.layers.1.0.fn.to_qkv.weight",
        "smpl_head.transformer.transformer.layers.0.0.norm.bias",
        "smpl_head.transformer.transformer.layers.0.1.fn.to_kv.weight",
        "smpl_head.transformer.transformer.layers.0.1.fn.to_out.0.bias",
        "smpl_head.transformer.transformer.layers.0.2.fn.net.3.weight", "smpl_head.decpose.weight",
        "smpl_head.init_cam",
    ):  # fmt: skip
        assert name in names


def test_a_picture_becomes_rotations_and_a_shape():
    network = hmr2.from_checkpoint(state())
    with torch.inference_mode():
        turns, betas = network(torch.rand(2, 3, 256, 256))
    assert turns.shape == (2, 24, 3, 3) and betas.shape == (2, 10)
    assert torch.allclose(turns @ turns.transpose(-1, -2), torch.eye(3).expand(2, 24, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(2, 24), atol=1e-5)


def test_attention_is_what_its_paper_says():
    query, key, value = torch.randn(3, 1, 5, 8).unbind(0)
    found = hmr2._attend(query, key, value, 2)
    parts = [
        torch.softmax(query[..., one] @ key[..., one].transpose(-1, -2) / 2, -1) @ value[..., one]
        for one in (slice(0, 4), slice(4, 8))
    ]
    assert torch.allclose(found, torch.cat(parts, -1), atol=1e-6)


def test_vectors_of_rotations_turn_as_they_do():
    vectors = np.array([[0, 0, 0], [0.3, -0.2, 0.9], [np.pi / 2, 0, 0]])
    from blendshape_addon.core.motion.pose import to_matrices

    assert inference.rotation_vectors(to_matrices(vectors)) == pytest.approx(vectors, abs=1e-9)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"state_dict": {"backbone.x": torch.zeros(1)}}, "is none of HMR 2.0"),
        ("text", "cannot be read as weights alone"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_said(tmp_path, monkeypatch, data, says):
    path = tmp_path / "hmr2.ckpt"
    torch.save(data, path) if isinstance(data, dict) else path.write_text(data)
    monkeypatch.setenv("ML_HMR2_CHECKPOINT", str(path))
    with pytest.raises(InputError, match=says):
        HMR2Inference()


def test_a_device_that_there_is_not_is_said_before_files_are_read(monkeypatch):
    monkeypatch.setenv("ML_DEVICE", "gpu")
    monkeypatch.delenv("ML_HMR2_CHECKPOINT", raising=False)
    with pytest.raises(InputError, match="ML_DEVICE is none of cuda, cpu"):
        HMR2Inference()


def test_what_is_missing_is_said_with_where_it_comes_from(tmp_path, monkeypatch):
    monkeypatch.delenv("ML_HMR2_CHECKPOINT", raising=False)
    with pytest.raises(InputError, match="github.com/shubham-goel/4D-Humans under its licence"):
        HMR2Inference()
    monkeypatch.setenv("ML_HMR2_CHECKPOINT", str(tmp_path / "none.ckpt"))
    with pytest.raises(InputError, match="does not exist"):
        HMR2Inference()
    torch.save({"state_dict": state()}, tmp_path / "hmr2.ckpt")
    monkeypatch.setenv("ML_HMR2_CHECKPOINT", str(tmp_path / "hmr2.ckpt"))
    monkeypatch.delenv("ML_SMPL_MODEL", raising=False)
    with pytest.raises(InputError, match=r"smpl\.is\.tue\.mpg\.de under its licence"):
        HMR2Inference()


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    """Files of the user's, named by the settings."""
    torch.save({"state_dict": state()}, tmp_path / "hmr2.ckpt")
    for gender in ("neutral", "male"):
        np.savez(tmp_path / f"smpl_{gender}.npz", **arrays())
    monkeypatch.setenv("ML_HMR2_CHECKPOINT", str(tmp_path / "hmr2.ckpt"))
    monkeypatch.setenv("ML_SMPL_MODEL", str(tmp_path / "smpl_{gender}.npz"))
    HMR2Inference.shared.cache_clear()
    return tmp_path


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    from tests.training.test_body_fit import CAMERAS, studio

    rng = np.random.default_rng(0)
    return studio().draw(studio().subject(rng), CAMERAS[0], studio().stance(CAMERAS[0], rng), rng)


@pytest.mark.skipif(not (networks.FOLDER / "pose_detector.onnx").is_file(), reason="body prepare was not run")
def test_the_command_measures_and_writes_by_hmr(files, photograph, capsys):
    Image.fromarray(photograph).save(files / "me.png")
    line = [str(files / "me.png"), "--engine", "hmr", "--height", "180", "--gender", "male"]
    out, table = files / "me.glb", files / "me.json"
    assert command.main([*line, "--out", str(out), "--measurements", str(table)]) == 0
    found = json.loads(table.read_text())
    assert found["measurements"]["height"] == 180 and len(found["body"]["betas"]) == 10
    assert "height" in capsys.readouterr().out
    data = out.read_bytes()
    (words,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + words])
    assert len(document["skins"][0]["joints"]) == 24
    box = document["accessors"][document["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    assert box["min"][1] == pytest.approx(0, abs=1e-6) and box["max"][1] == pytest.approx(1.8, abs=1e-5)
    for option in (["--side", "side.png"], ["--overlay", "o.png"], ["--clothes", "tight"]):
        with pytest.raises(InputError, match=f"{option[0]} is none of the engine hmr"):
            command.main([*line, *option])
    with pytest.raises(InputError, match="smpl_female.npz is missing"):
        command.main([*line[:-1], "female"])


@pytest.mark.skipif(not (networks.FOLDER / "pose_detector.onnx").is_file(), reason="body prepare was not run")
def test_the_service_makes_bodies_by_hmr(files, photograph):
    settings = Settings.read({"ML_ENGINE": "hmr"})
    body = bodies.extractor(settings).extract([photo.Photo("me", photograph, 700.0, False)], 1.75, None)
    assert body.result["smplx_engine"] == "hmr" and body.result["smplx_gender"] == "neutral"
    assert body.result["measurements_cm"]["height"] == 175 and not body.result["relative"]
    kept = np.load(io.BytesIO(body.files[bodies.PARAMETERS]))
    assert [kept[f"smplx_{name}"].shape for name in ("betas", "body_pose", "global_orient")] == [(10,), (1, 69), (1, 3)]
    mesh = body.files[bodies.MESH].decode().splitlines()
    assert sum(line.startswith("v ") for line in mesh) == 6890 and mesh[-1].startswith("f ")


def test_a_service_by_hmr_says_what_is_missing_before_there_is_a_job(monkeypatch):
    monkeypatch.delenv("ML_HMR2_CHECKPOINT", raising=False)
    HMR2Inference.shared.cache_clear()
    with pytest.raises(InputError, match=r"HMR 2\.0's checkpoint is missing"):
        bodies.require(Settings.read({"ML_ENGINE": "hmr"}))
    bodies.require(Settings())
    with pytest.raises(InputError, match="ML_ENGINE is none of makehuman, hmr"):
        Settings.read({"ML_ENGINE": "smplx"})


@pytest.mark.skipif(not (networks.FOLDER / "pose_detector.onnx").is_file(), reason="body prepare was not run")
def test_a_person_in_a_picture_gets_a_body(files, photograph):
    engine = HMR2Inference()
    found = engine.predict(photograph, "male")
    assert [part.shape for part in (found.betas, found.body_pose, found.global_orient)] == [(10,), (69,), (3,)]
    assert found.vertices.shape == (6890, 3) and found.joints.shape == (24, 3)
    with pytest.raises(InputError, match="No person detected in image"):
        engine.predict(np.full((300, 300, 3), 90, np.uint8), "male")
    with pytest.raises(InputError, match="is missing"):
        engine.predict(photograph, "female")
