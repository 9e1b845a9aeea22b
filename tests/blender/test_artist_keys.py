"""The creator's own keys under any name: used under VRChat's, kept, corrected; what is lacking follows their style."""

import json

import bpy
import numpy as np
import pytest
from helpers import add_key, coordinates, deltas, fingerprint, key_names, load_face, open_result, run, select

from blendshape_addon import cli
from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.blender.jobs import live, one_avatar
from blendshape_addon.blender.keys import artist_keys, key_blocks
from blendshape_addon.blender.stored import own_keys as stored
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import BLINKS, EMOTIONS, VISEMES
from tests import faces

buttons = bpy.ops.vrc_blendshape
# What an artist with Japanese keys drew, as sums of units.
DRAWN = {
    "あ": {"jawOpen": 0.7},
    "い": {"mouthStretchLeft": 0.7, "mouthStretchRight": 0.7},
    "う": {"mouthPucker": 0.8},
    "笑い": {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9},
    "まばたき": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
}
MEANT = {"あ": "vrc.v_aa", "い": "vrc.v_ih", "う": "vrc.v_ou", "笑い": "joy", "まばたき": "vrc.blink"}


def draw(obj, name: str, units: dict[str, float]) -> None:
    """A key of the face `proxy`, of its artist's units."""
    face = faces.load("proxy")
    motion = sum(weight * face.units[unit] for unit, weight in units.items())[face.avatar.object_id == 0]
    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    key = obj.shape_key_add(name=name, from_mix=False)
    turned = motion[:, [0, 2, 1]] * (1, -1, 1)
    key.points.foreach_set("co", (mesh_io.basis(obj) + turned).astype(np.float32).ravel())


@pytest.fixture
def drawn():
    """The objects of a face whose first has the keys DRAWN; they are selected."""
    objects = load_face("proxy")
    for name, units in DRAWN.items():
        draw(objects[0], name, units)
    select(*objects)
    return objects


def made_of(obj, name: str) -> np.ndarray:
    return coordinates(obj.data.shape_keys.key_blocks[name].data)


def test_own_keys_become_shapes_and_stay_as_they_are(drawn, capfd):
    body = drawn[0]
    before = fingerprint(body)
    assert buttons.generate_all() == {"FINISHED"}
    after = {row[0]: row for row in fingerprint(body)[1:]}
    assert all(after[row[0]] == row for row in before[1:])
    for key, shape in MEANT.items():
        assert made_of(body, shape).tobytes() == made_of(body, key).tobytes()
    assert {*VISEMES, *EMOTIONS, *BLINKS} <= set(key_names(body))
    said = "い = vrc.v_ih, う = vrc.v_ou, 笑い = joy, まばたき = vrc.blink."
    assert f"Uses 5 of your own keys: あ = vrc.v_aa, {said}" in capfd.readouterr().out
    assert set(MEANT.values()) <= key_blocks.made_by_us(body)


def test_the_blink_of_one_eye_is_half_of_the_own_blink(drawn):
    body = drawn[0]
    buttons.generate_blink()
    left = np.array([vertex.co.x for vertex in body.data.vertices]) > 0.02
    own, one = deltas(body, "まばたき"), deltas(body, "vrc.blink_left")
    moved = np.linalg.norm(own, axis=1) > 1e-3
    assert (moved & left).any() and (moved & ~left).any()
    same = (own[moved & left] * one[moved & left]).sum() / (own[moved & left] ** 2).sum()
    assert same == pytest.approx(1, abs=0.3)
    right = np.array([vertex.co.x for vertex in body.data.vertices]) < -0.02
    assert np.linalg.norm(one[right], axis=1).max() < 0.1 * np.linalg.norm(own[right], axis=1).max()


def test_what_is_lacking_follows_the_own_style(drawn):
    body = drawn[0]
    buttons.generate_visemes()
    own = {name: deltas(body, name) for name in VISEMES}
    buttons.generate_visemes(existing="KEEP")
    assert any(not np.allclose(own[name], deltas(body, name), atol=1e-4) for name in ("vrc.v_oh", "vrc.v_e"))
    assert not np.allclose(own["vrc.v_aa"], deltas(body, "vrc.v_aa"), atol=1e-4)


def test_one_step_of_undo_takes_it_all_back(drawn):
    before = fingerprint(drawn[0])
    name = drawn[0].name
    bpy.ops.ed.undo_push(message="before")
    buttons.generate_visemes()
    bpy.ops.ed.undo_push(message="generated")
    bpy.ops.ed.undo()
    assert fingerprint(bpy.data.objects[name]) == before


def test_copies_go_and_own_keys_stay_when_cleaned_up(drawn):
    before = fingerprint(drawn[0])
    buttons.generate_all()
    buttons.clean_up()
    assert fingerprint(drawn[0]) == before


def test_a_second_run_renews_the_copies(drawn):
    body = drawn[0]
    buttons.generate_visemes()
    body.data.shape_keys.key_blocks["あ"].data[5].co.z += 0.01
    buttons.generate_visemes()
    assert made_of(body, "vrc.v_aa").tobytes() == made_of(body, "あ").tobytes()
    assert not [name for name in key_names(body) if name.endswith(".backup")]


def test_pictures_show_own_keys_too(drawn):
    options = GenerateOptions(VISEMES, provider="cpu")
    done = one_avatar.run(drawn, options)
    assert [shape.name for shape in done.generated.shapes] == list(VISEMES)
    assert done.written.used == {shape: key for key, shape in MEANT.items() if shape in VISEMES}


def test_empty_keys_are_not_used(figure, planted):
    body = figure["body"]
    add_key(body, "あ", offset=0)
    add_key(body, "い")
    assert artist_keys.find([body]) == {"vrc.v_ih": "い"}
    buttons.generate_visemes()
    assert made_of(body, "vrc.v_ih").tobytes() == made_of(body, "い").tobytes()
    assert made_of(body, "vrc.v_aa").tobytes() != made_of(body, "あ").tobytes()


def test_a_key_of_the_teeth_alone_is_not_used(figure):
    """It would leave the face still."""
    add_key(figure["body"], "い")
    add_key(figure["body"], "う")
    add_key(figure["teeth"], "う")
    add_key(figure["teeth"], "あ")
    assert artist_keys.find(list(figure.values())[1:]) == {"vrc.v_ih": "い", "vrc.v_ou": "う"}


def test_keys_of_teeth_go_along(figure, planted):
    body, teeth = figure["body"], figure["teeth"]
    for obj in (body, teeth):
        add_key(obj, "う")
    buttons.generate_visemes()
    for obj in (body, teeth):
        assert made_of(obj, "vrc.v_ou").tobytes() == made_of(obj, "う").tobytes()


def test_tuning_leaves_an_own_key_alone(drawn):
    buttons.generate_visemes()
    assert "your own key あ" in str(live.update("vrc.v_aa"))
    assert made_of(drawn[0], "vrc.v_aa").tobytes() == made_of(drawn[0], "あ").tobytes()
    assert live.update("vrc.v_e") is None


def test_too_few_keys_are_used_and_said(drawn, capfd):
    body = drawn[0]
    for name in ("う", "い", "まばたき"):
        body.shape_key_remove(body.data.shape_keys.key_blocks[name])
    buttons.generate_visemes()
    said = capfd.readouterr().out
    assert "Uses 2 of your own keys: あ = vrc.v_aa, 笑い = joy." in said and "too few to learn a style from" in said


def test_all_that_is_asked_for_may_be_there(drawn):
    """Nothing is left to be made."""
    body = drawn[0]
    for name, side in (("ウィンク２", "Left"), ("ウィンク右", "Right")):
        draw(body, name, {f"eyeBlink{side}": 0.9})
    assert buttons.generate_blink() == {"FINISHED"}
    assert [made_of(body, name).tobytes() for name in BLINKS] == [
        made_of(body, name).tobytes() for name in ("まばたき", "ウィンク２", "ウィンク右")
    ]


def test_what_is_taken_for_what_is_corrected_and_kept(drawn, tmp_path):
    body = drawn[0]
    assert buttons.choose_own_key(shape="joy", key="") == {"FINISHED"}
    assert buttons.choose_own_key(shape="vrc.v_oh", key="う") == {"FINISHED"}
    expected = {"vrc.v_aa": "あ", "vrc.v_ih": "い", "vrc.v_oh": "う", "vrc.v_ou": "う", "vrc.blink": "まばたき"}
    assert artist_keys.find(drawn) == expected
    path, name = tmp_path / "kept.blend", body.name
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    body = bpy.data.objects[name]
    assert stored.read([body]) == {"joy": "", "vrc.v_oh": "う"}
    select(body)
    buttons.generate_visemes()
    assert made_of(body, "vrc.v_oh").tobytes() == made_of(body, "う").tobytes()
    buttons.choose_own_key(shape="joy", key="笑い")
    assert stored.read([body]) == {"vrc.v_oh": "う"}


def test_a_key_that_is_not_there_is_refused(drawn):
    with pytest.raises(RuntimeError, match="moves nothing or is not there"):
        buttons.choose_own_key(shape="joy", key="nothing")


def test_a_choice_over_an_own_key_of_that_name_leaves_a_backup(figure, planted):
    body = figure["body"]
    add_key(body, "vrc.v_aa", offset=0.02)
    add_key(body, "open", offset=0.01)
    buttons.choose_own_key(shape="vrc.v_aa", key="open")
    buttons.generate_visemes()
    assert np.abs(deltas(body, "vrc.v_aa")).max() == pytest.approx(0.01, abs=1e-5)
    assert np.abs(deltas(body, "vrc.v_aa.backup")).max() == pytest.approx(0.02, abs=1e-5)


def test_a_key_over_another_moves_as_it_is_played(figure, planted):
    body = figure["body"]
    add_key(body, "base", offset=0.01)
    key = add_key(body, "あ", offset=0.03)
    key.relative_key = body.data.shape_keys.key_blocks["base"]
    buttons.generate_visemes()
    assert np.abs(deltas(body, "vrc.v_aa")).max() == pytest.approx(0.02, abs=1e-5)


def test_the_command_line_uses_them(drawn, tmp_path, capfd):
    source, out, report = tmp_path / "drawn.blend", tmp_path / "out.blend", tmp_path / "report.json"
    files.save(source, drawn)
    arguments = (source, "--output", out, "--shapes", "visemes,blink", "--report", report)
    assert run(*arguments) == cli.OK
    entry = json.loads(report.read_text(encoding="utf-8"))["avatars"][0]
    assert entry["own"]["used"] == {shape: key for key, shape in MEANT.items()}
    assert "Uses 5 of your own keys" in capfd.readouterr().out
    body = open_result(out)
    assert made_of(body, "vrc.v_aa").tobytes() == made_of(body, "あ").tobytes()
    assert run(*arguments, "--existing", "keep") == cli.OK
    entry = json.loads(report.read_text(encoding="utf-8"))["avatars"][0]
    assert entry["own"]["used"] == {}
