"""A clip drives an avatar: movies and folders as Blender reads them, Actions that are written, what is refused."""

import json
import shutil
import struct
import wave
from dataclasses import replace

import bpy
import numpy as np
import pytest
from helpers import add_human_bones, add_key, coordinates, fingerprint, key_names, select

from blendshape_addon import cli
from blendshape_addon.blender.io import clips, files, mesh_io
from blendshape_addon.blender.jobs import drive
from blendshape_addon.blender.keys.animation import curves_in
from blendshape_addon.blender.viewport import clip_picture, preview
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor, performance
from blendshape_addon.core.motion.clip import ClipReading
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.parameters import MOUTH_SHAPES
from blendshape_addon.core.vocabulary import ARKIT, BLINKS, VISEMES
from tests.faces import film
from training.motion import blender_movies as movies

FILM = str(film.FILE)
POSES = film.truth()
COUNT = len(POSES)


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory):
    """A file of what is read of the film, so that each test does not read it anew."""
    return tmp_path_factory.mktemp("film") / "film.npz"


@pytest.fixture
def avatar(figure):
    """The figure with a human's bones and keys of the 52 shapes, which move one vertex each, and a key of its own."""
    add_human_bones(figure["rig"])
    for name in (*ARKIT, "own"):
        add_key(figure["body"], name)
    for name in ("jawOpen", "tongueOut"):
        add_key(figure["teeth"], name)
    select(figure["body"])
    return figure


def curves(owner) -> dict:
    """(path, index) to the curve, of the action that an ID has."""
    return {(curve.data_path, curve.array_index): curve for curve in curves_in(owner.animation_data.action)}


def values(obj, name: str, frames) -> np.ndarray:
    curve = curves(obj.data.shape_keys)[f'key_blocks["{name}"].value', 0]
    return np.array([curve.evaluate(frame) for frame in frames])


def command(*arguments) -> int:
    return cli.main(["drive", *map(str, arguments)])


def test_a_movie_is_read_picture_by_picture():
    scenes = len(bpy.data.scenes)
    with clips.open_clip(film.FILE) as clip:
        assert (clip.count, clip.rate) == (COUNT, film.RATE)
        pictures = list(clip.pictures())
    assert len(bpy.data.scenes) == scenes, "nothing is left behind"
    assert len(pictures) == COUNT
    first = pictures[0]
    assert first.shape == (film.SIZE, film.SIZE, 3) and first.dtype == np.uint8
    assert (np.abs(np.diff(first[5, 5].astype(int))) < 12).all(), "a grey wall"
    assert first[film.SIZE // 2, film.SIZE // 2, 0] > first[film.SIZE // 2, film.SIZE // 2, 2] + 20, (
        "skin in the middle"
    )


def test_a_movie_with_uneven_times_is_said(tmp_path):
    """The film, of which every second picture lasts twice as long."""
    data = film.FILE.read_bytes()
    at = data.index(b"stts") + 8
    runs = struct.unpack(">III", data[at : at + 12])
    assert runs[:2] == (1, COUNT)
    rows = [struct.pack(">II", 1, runs[2] * (1 + number % 2)) for number in range(COUNT)]
    table = struct.pack(">I", COUNT) + b"".join(rows)
    more = len(table) - 12
    changed = bytearray(data[:at] + table + data[at + 12 :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):
        place = changed.rindex(kind, 0, at) - 4
        changed[place : place + 4] = struct.pack(">I", struct.unpack(">I", changed[place : place + 4])[0] + more)
    (tmp_path / "phone.mp4").write_bytes(changed)
    with clips.open_clip(tmp_path / "phone.mp4") as clip:
        (note,) = clip.notes
    assert "not evenly spaced" in note
    with clips.open_clip(film.FILE) as clip:
        assert clip.notes == []


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_movie_that_a_phone_notes_to_be_turned_is_read(tmp_path, quarters):
    """The film with a matrix in its track's header (ISO/IEC 14496-12, 8.3.2), as of a phone that was held otherwise."""
    data, one = bytearray(film.FILE.read_bytes()), 1 << 16
    place = data.index(b"tkhd") + 4 + 40  # version 0: times, numbers, layer and volume come before
    cosine, sine = ((0, one), (-one, 0), (0, -one))[quarters - 1]
    assert struct.unpack(">9i", data[place : place + 36]) == (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    data[place : place + 36] = struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    (tmp_path / "phone.mp4").write_bytes(data)
    read = []
    for file in (tmp_path / "phone.mp4", film.FILE):
        with clips.open_clip(file) as clip:
            reading = ClipReading(clip, FaceReader(provider="cpu"))
            for picture, _ in zip(clip.pictures(), range(4), strict=False):
                reading.add(picture)
            read.append(reading.finish())
    assert read[0].found.all()
    assert np.abs(read[0].scores[-1] - read[1].scores[-1]).max() < 0.15


def test_a_movie_that_is_cut_off_is_said(tmp_path):
    """Of Matroska, whose pictures lie one behind the other; Blender repeats the last one that is there."""
    rng = np.random.default_rng(0)
    pictures = [np.kron(rng.integers(0, 255, (12, 16, 3)), np.ones((10, 10, 1))).astype(np.uint8) for _ in range(40)]
    movies.encode(pictures, tmp_path / "take.mkv", 12, container="MKV")
    data = (tmp_path / "take.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    for name, notes in (("take.mkv", 0), ("cut.mkv", 1)):
        with clips.open_clip(tmp_path / name) as clip:
            assert len(list(clip.pictures())) == 40
            assert len([note for note in clip.notes if "cut off" in note]) == notes


def test_a_sequence_is_read_in_the_order_of_its_numbers(tmp_path):
    for number in (10, 2, 1):
        image = bpy.data.images.new("picture", 20, 10)
        image.pixels[:] = [number / 20, 0.5, 1.0, 1.0] * 200
        image.filepath_raw, image.file_format = str(tmp_path / f"f{number}.png"), "PNG"
        image.save()
    (tmp_path / "another.png").write_bytes((tmp_path / "f1.png").read_bytes())
    assert clips.open_clip(tmp_path).count == 4
    clip = clips.open_clip(tmp_path / "f2.png")
    pictures = list(clip.pictures())
    assert [picture[0, 0, 0] for picture in pictures] == [13, 26, 128]
    assert pictures[0].shape == (10, 20, 3) and pictures[0][3, 3].tolist() == [13, 128, 255]


def test_the_button_keys_what_the_person_does(avatar):
    body = avatar["body"]
    before = [coordinates(key.data) for key in body.data.shape_keys.key_blocks]
    assert bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM) == {"FINISHED"}
    after = [coordinates(key.data) for key in body.data.shape_keys.key_blocks]
    assert np.array_equal(before, after), "keys themselves stay as they were"
    rate = bpy.context.scene.render.fps
    frames = bpy.context.scene.frame_current + np.arange(COUNT) * rate / film.RATE

    for name, least in (("jawOpen", 0.7), ("mouthSmileLeft", 0.7), ("eyeBlinkLeft", 0.6), ("eyeBlinkRight", 0.6)):
        true = np.array([pose.units.get(name, 0.0) for pose in POSES])
        found = values(body, name, frames)
        assert 1 - ((found - true) ** 2).sum() / ((true - true.mean()) ** 2).sum() > least, name
    keyed = {path for path, _ in curves(body.data.shape_keys)}
    assert keyed == {f'key_blocks["{name}"].value' for name in performance.READ}
    assert {path for path, _ in curves(avatar["teeth"].data.shape_keys)} == {'key_blocks["jawOpen"].value'}
    assert bpy.context.scene.frame_end >= int(frames[-1])
    said = bpy.context.window_manager.vrc_blendshape.said
    assert f"{len(performance.READ)} shapes of “{body.name}” are keyed" in said, "the tab says what was done"


def test_the_head_follows(avatar):
    rig = avatar["rig"]
    assert bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM, smoothing=0.0) == {"FINISHED"}
    scene, bone = bpy.context.scene, rig.pose.bones["head"]
    true, found = [], []
    for number in range(0, COUNT, 5):
        scene.frame_set(1 + round(number * scene.render.fps / film.RATE))
        turn = (rig.matrix_world @ bone.matrix).to_3x3() @ (
            rig.matrix_world @ bone.bone.matrix_local
        ).to_3x3().inverted()
        true.append(POSES[number].head[1])
        found.append(np.degrees(turn.to_euler("XYZ").z))
    # To the avatar's left: it looks along -Y, so that a turn about Z by a positive angle is one to +X, its left.
    assert np.corrcoef(true, found)[0, 1] > 0.95
    assert np.abs(np.ptp(found) - np.ptp(true)) < 8
    assert not [path for path, _ in curves(rig) if "head" not in path], "eyes are moved by their keys"


def test_a_still_head_and_strength(avatar):
    assert bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM, head=False, strength=0.5) == {"FINISHED"}
    assert avatar["rig"].animation_data is None or avatar["rig"].animation_data.action is None
    curve = curves(avatar["body"].data.shape_keys)['key_blocks["mouthSmileLeft"].value', 0]
    assert 0.3 < max(point.co.y for point in curve.keyframe_points) <= 0.5


def test_eyes_are_turned_by_bones_where_no_keys_are(figure):
    add_human_bones(figure["rig"])
    for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight"):
        add_key(figure["body"], name)
    select(figure["body"])
    assert bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM, smoothing=0.0) == {"FINISHED"}
    scene, rig = bpy.context.scene, figure["rig"]
    found = []
    for number in range(COUNT):
        scene.frame_set(1 + round(number * scene.render.fps / film.RATE))
        bone = rig.pose.bones["leftEye"]
        turn = bone.bone.matrix_local.to_3x3() @ bone.matrix_basis.to_3x3() @ bone.bone.matrix_local.to_3x3().inverted()
        found.append(np.degrees(turn.to_euler().z))
    true = [pose.gaze[0] for pose in POSES]
    assert np.corrcoef(true, found)[0, 1] > 0.8


def test_visemes_alone_are_driven_where_there_is_no_more(figure):
    for name in (*VISEMES, *BLINKS):
        add_key(figure["body"], name)
    select(figure["body"])
    assert bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM) == {"FINISHED"}
    frames = 1 + np.arange(COUNT) * bpy.context.scene.render.fps / film.RATE
    jaw = np.array([pose.units["jawOpen"] for pose in POSES])
    body = figure["body"]
    opened = sum(values(body, f"vrc.v_{sound}", frames) * shape[0] for sound, shape in MOUTH_SHAPES.sounds.items())
    assert np.corrcoef(jaw, opened)[0, 1] > 0.7
    assert values(body, "vrc.blink_left", frames).max() > 0.6
    keyed = {path for path, _ in curves(body.data.shape_keys)}
    assert 'key_blocks["vrc.blink"].value' not in keyed, "the halves of a blink are driven, not their sum as well"


def test_an_action_that_was_there_is_kept(avatar):
    keys = avatar["body"].data.shape_keys
    keys.key_blocks["own"].keyframe_insert("value", frame=1)
    mine = keys.animation_data.action
    keys.key_blocks["jawOpen"].driver_add("value")
    assert bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM) == {"FINISHED"}
    assert mine.use_fake_user and keys.animation_data.action != mine and mine in bpy.data.actions[:]
    assert 'key_blocks["jawOpen"].value' not in {path for path, _ in curves(keys)}, "its driver moves it"


def test_one_undo_takes_all_back(avatar):
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.vrc_blendshape.drive_from_clip("EXEC_DEFAULT", True, filepath=FILM) == {"FINISHED"}
    assert bpy.data.actions
    bpy.ops.ed.undo()
    assert not bpy.data.actions and len(bpy.data.scenes) == 1


@pytest.mark.parametrize("suffix", ["blend", "fbx", "glb"])
def test_the_command_line_writes_what_moves(avatar, tmp_path, descriptors, suffix):
    source, target, report = tmp_path / "avatar.blend", tmp_path / f"out.{suffix}", tmp_path / "report.json"
    files.save(source, [avatar["body"], avatar["teeth"]])
    status = command(source, "--clip", FILM, "--out", target, "--report", report, "--descriptors", descriptors)
    assert status == 0 and descriptors.is_file()
    document = json.loads(report.read_text(encoding="utf-8"))
    (entry,) = document["avatars"]
    assert document["ok"] and document["clip"]["found"] == document["clip"]["frames"] == COUNT
    assert set(entry["keyed"]) == set(performance.READ) and entry["head"] == "head" and entry["eyes"] == "keys"
    assert set(document["clip"]["not_read"]) == set(performance.UNREAD)
    files.load(target)
    assert any(action.name for action in bpy.data.actions)
    if suffix == "glb":
        data = target.read_bytes()
        (animation,) = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])["animations"]
        assert animation["name"] == "out" and len(animation["channels"]) >= 3, "one motion of both meshes and the head"
    if suffix == "fbx":
        body = next(obj for obj in bpy.data.objects if obj.type == "MESH" and "own" in key_names(obj))
        key, seen = body.data.shape_keys.key_blocks["mouthSmileLeft"], []
        for frame in range(1, 110, 4):
            bpy.context.scene.frame_set(frame)
            seen.append(key.value)
        assert max(seen) > 0.6 and min(seen) < 0.1


def test_a_vrm_which_holds_no_motion_is_not_written(avatar, tmp_path, descriptors, capsys):
    files.save(tmp_path / "avatar.blend", [avatar["body"]])
    capsys.readouterr()
    options = ("--clip", FILM, "--descriptors", descriptors)
    assert command(tmp_path / "avatar.blend", *options, "--out", tmp_path / "out.vrm") == 2
    assert "out.vrm cannot be written: give the output one of .blend .glb .fbx." in capsys.readouterr().err
    assert not (tmp_path / "out.vrm").exists()


def test_what_was_read_once_is_not_read_again(avatar, tmp_path, descriptors, monkeypatch):
    source = tmp_path / "avatar.blend"
    files.save(source, [avatar["body"]])
    if not descriptors.is_file():
        assert command(source, "--clip", FILM, "--out", tmp_path / "a.blend", "--descriptors", descriptors) == 0

    def never(*arguments):
        raise AssertionError("the clip was read again")

    monkeypatch.setattr(drive, "descriptors_of", never)
    assert command(source, "--clip", FILM, "--out", tmp_path / "b.blend", "--descriptors", descriptors) == 0
    other = tmp_path / "other.npz"
    other.write_bytes(descriptor.to_bytes(replace(descriptor.load(descriptors), networks="other networks")))
    with pytest.raises(AssertionError, match="read again"):
        command(source, "--clip", FILM, "--out", tmp_path / "c.blend", "--descriptors", other)


def test_several_avatars_follow_one_clip(avatar, tmp_path, descriptors):
    (tmp_path / "in").mkdir()
    files.save(tmp_path / "in" / "a.blend", [avatar["body"]])
    shutil.copy(tmp_path / "in" / "a.blend", tmp_path / "in" / "b.blend")
    options = ("--clip", FILM, "--out", tmp_path / "out", "--descriptors", descriptors)
    assert command(tmp_path / "in", *options) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.blend", "b.blend"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nothing.mp4", "does not exist"),
        (lambda folder: _write(folder / "text.txt", b"text"), "is no clip that this tool can read"),
        (lambda folder: _write(folder / "one.png", b"png"), "is one picture"),
        (lambda folder: _write(folder / "cut.mp4", film.FILE.read_bytes()[:2000]), "cannot be read as a movie"),
        (lambda folder: folder, "holds no pictures"),
    ],
)
def test_what_is_no_clip_is_refused(avatar, tmp_path, make, said, capsys):
    (tmp_path / "clip").mkdir()
    clip = make(tmp_path / "clip")
    before = fingerprint(avatar["body"])
    with pytest.raises(RuntimeError, match=said):
        bpy.ops.vrc_blendshape.drive_from_clip(filepath=str(clip))
    assert fingerprint(avatar["body"]) == before and not bpy.data.actions and len(bpy.data.scenes) == 1
    files.save(tmp_path / "avatar.blend", [avatar["body"]])
    capsys.readouterr()
    assert command(tmp_path / "avatar.blend", "--clip", clip, "--out", tmp_path / "out.blend") == 2
    assert said in capsys.readouterr().err and not (tmp_path / "out.blend").exists()


def _write(path, data: bytes):
    path.write_bytes(data)
    return path


def test_an_avatar_without_shape_keys_is_told_what_to_press(figure, tmp_path, descriptors, capsys):
    with pytest.raises(RuntimeError, match="press Generate Face Tracking"):
        bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM)
    files.save(tmp_path / "avatar.blend", [figure["body"]])
    capsys.readouterr()
    status = command(
        tmp_path / "avatar.blend", "--clip", FILM, "--out", tmp_path / "out.blend", "--descriptors", descriptors
    )
    assert status == 2 and not (tmp_path / "out.blend").exists()
    assert "press Generate Face Tracking" in capsys.readouterr().err


def test_a_lost_face_is_marked_on_the_timeline(avatar):
    scene = bpy.context.scene
    write(avatar, done(), start=10)
    marks = {marker.name: marker.frame for marker in scene.timeline_markers}
    assert marks == {"Face lost": 10 + round(0.2 * scene.render.fps), "Face back": 10 + round(0.5 * scene.render.fps)}


def gif(frames: int, side: int) -> bytes:
    """A GIF (89a) of squares, one brightness per picture; its code words are never longer than 8 bits."""
    data = b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF6, 0, 0) + bytes(n for n in range(128) for _ in range(3))
    for number in range(frames):
        pixels = bytes([20 + 10 * number]) * side**2
        codes = b"".join(b"\x80" + pixels[at : at + 100] for at in range(0, len(pixels), 100)) + b"\x81"
        blocks = b"".join(
            bytes([len(part)]) + part for part in (codes[at : at + 250] for at in range(0, len(codes), 250))
        )
        data += b"\x21\xf9\x04\x04\x0a\x00\x00\x00" + b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0)
        data += b"\x07" + blocks + b"\x00"
    return data + b";"


def test_an_animated_gif_is_a_movie(tmp_path):
    (tmp_path / "take.gif").write_bytes(gif(5, 40))
    with clips.open_clip(tmp_path / "take.gif") as clip:
        assert (clip.count, clip.rate) == (5, pytest.approx(10))
        found = [int(picture.mean()) for picture in clip.pictures()]
    assert np.allclose(np.diff(found), 10, atol=2) and len(found) == 5


def done(lost=((2, 4),), jaw=(0.0, 1.0)) -> performance.Performance:
    """A second in which the jaw opens, the head nods and the face is lost."""
    units = {"jawOpen": np.linspace(*jaw, 11), "mouthSmileLeft": np.linspace(1, 0, 11)}
    head = np.linspace(0, 0.3, 11)[:, None] * [1.0, 0.0, 0.0]
    return performance.Performance(np.arange(11) / 10, units, head, np.zeros((11, 2)), 0, lost)


def write(avatar, performed, clip="clip.mp4", sound=None, start=1):
    objects = [avatar["body"], avatar["teeth"]]
    hints = mesh_io.read(objects).hints
    return drive.write(bpy.context.scene, objects, performed, hints, clip, sound, start, True).written


@pytest.fixture
def sound(tmp_path):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000))
    return tmp_path / "sound.wav"


def strips() -> list:
    editor = bpy.context.scene.sequence_editor
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def test_a_second_clip_takes_the_place_of_the_first(avatar, sound):
    scene = bpy.context.scene
    scene.timeline_markers.new("mine", frame=3)
    first = write(avatar, done(), sound=sound)
    again = write(avatar, done(lost=((5, 6),), jaw=(1.0, 0.0)), sound=sound, start=100)
    assert sorted(action.name for action in bpy.data.actions) == sorted(again.actions) == sorted(first.actions)
    assert again.notes == []
    rate = scene.render.fps
    marks = {marker.name: marker.frame for marker in scene.timeline_markers}
    assert marks == {"mine": 3, "Face lost": 100 + round(0.5 * rate), "Face back": 100 + round(0.7 * rate)}
    (strip,) = strips()
    assert strip.frame_final_start == 100


def test_what_somebody_did_to_a_clips_keyframes_is_kept(avatar):
    write(avatar, done())
    keys = avatar["body"].data.shape_keys
    mine = keys.animation_data.action
    curves(keys)['key_blocks["jawOpen"].value', 0].keyframe_points[3].co.y = 0.123
    (note,) = write(avatar, done()).notes
    assert mine.name in note and mine in bpy.data.actions[:] and keys.animation_data.action != mine


def test_another_avatars_clip_stays(avatar, sound):
    scene = bpy.context.scene
    write(avatar, done(), sound=sound)
    marks = len(scene.timeline_markers)
    drive.performance_keys.remove_of(scene, "Somebody else")
    assert len(scene.timeline_markers) == marks == 2 and len(strips()) == 1


def test_keys_that_are_off_pinned_or_limited_are_seen(avatar):
    body = avatar["body"]
    keys = body.data.shape_keys.key_blocks
    keys["jawOpen"].mute, keys["jawOpen"].slider_max, body.show_only_shape_key = True, 0.3, True
    write(avatar, done())
    bpy.context.scene.frame_set(1 + bpy.context.scene.render.fps)
    assert keys["jawOpen"].value == pytest.approx(1.0, abs=0.01)
    assert not keys["jawOpen"].mute and not body.show_only_shape_key


def test_a_shape_that_is_previewed_does_not_lie_over_the_performance(avatar):
    body = avatar["body"]
    add_key(body, "vrc.v_aa")
    keys = body.data.shape_keys.key_blocks
    keys["own"].value, keys["jawOpen"].mute = 0.3, True
    preview.show([body], {"vrc.v_aa": 1.0})
    write(avatar, done())
    bpy.context.scene.frame_set(1 + bpy.context.scene.render.fps)
    assert keys["vrc.v_aa"].value == 0 and keys["own"].value == pytest.approx(0.3)
    preview.stop()
    assert keys["jawOpen"].value == pytest.approx(1.0, abs=0.01) and not keys["jawOpen"].mute


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "AXIS_ANGLE"])
def test_a_head_that_drivers_turn_is_left_to_them(avatar, mode):
    bone = avatar["rig"].pose.bones["head"]
    bone.rotation_mode = mode
    assert write(avatar, done()).head == "head"
    prop = {"QUATERNION": "rotation_quaternion", "XYZ": "rotation_euler"}.get(mode, "rotation_axis_angle")
    bone.driver_add(prop, 1)
    written = write(avatar, done())
    assert written.head == "" and any("head" in note and "drivers" in note for note in written.notes)


def test_a_strip_in_tweak_mode_is_said_before_anything_changes(avatar):
    keys = avatar["body"].data.shape_keys
    write(avatar, done())
    data = keys.animation_data
    data.nla_tracks.new().strips.new("strip", 1, data.action)
    data.action = None
    data.use_tweak_mode = True
    before = {action.name for action in bpy.data.actions}
    with pytest.raises(RuntimeError, match="is in tweak mode: leave it"):
        bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM)
    assert {action.name for action in bpy.data.actions} == before and data.use_tweak_mode


def test_pictures_of_several_sizes_are_refused(tmp_path):
    for number, side in enumerate((20, 30)):
        image = bpy.data.images.new("picture", side, 10)
        image.filepath_raw, image.file_format = str(tmp_path / f"f{number}.png"), "PNG"
        image.save()
    with pytest.raises(InputError, match=r"f1\.png has another size .* in one size"):
        list(clips.open_clip(tmp_path).pictures())


def test_a_feed_gives_another_thread_the_same_pictures():
    with clips.open_clip(film.FILE) as clip:
        direct = [picture.mean() for picture in clip.pictures()]
        feed = drive.Feed(clip)
        task = drive_in_thread(feed)
        while not task.done:
            feed.draw()
        assert np.allclose(task.result(), direct)


def drive_in_thread(feed: drive.Feed):
    from blendshape_addon.blender.jobs.thread import Task

    return Task(lambda progress: [picture.mean() for picture in feed.waiting(progress)])


def test_a_feed_passes_on_a_damaged_picture(tmp_path):
    (tmp_path / "f1.png").write_bytes(b"no picture")
    (tmp_path / "f2.png").write_bytes(b"no picture")
    feed = drive.Feed(clips.open_clip(tmp_path))
    feed.draw()
    with pytest.raises(InputError, match=r"f1\.png cannot be read as a picture"):
        list(feed.waiting(lambda fraction, stage: None))


def shown(empty, frame: int) -> int:
    """Number of the movie's picture, from 1, that an empty shows in a frame of the scene."""
    bpy.context.scene.frame_set(frame)
    user = empty.evaluated_get(bpy.context.evaluated_depsgraph_get()).image_user
    return max(frame - user.frame_start + 1, 1) + user.frame_offset


def beside(avatar, picture, is_movie: bool, count: int, rate: float, start: int):
    read = mesh_io.read([avatar["body"], avatar["teeth"]])
    scene = bpy.context.scene
    return clip_picture.show(scene, picture, is_movie, count, rate, start, read.hints, read.vertices)


@pytest.mark.parametrize("fps", [10, 12, 24, 60])
def test_the_clip_lies_beside_the_avatar_in_time_with_the_keyframes(avatar, fps):
    scene = bpy.context.scene
    scene.render.fps = fps
    empty = beside(avatar, film.FILE, True, COUNT, film.RATE, 7)
    assert empty.data.source == "MOVIE" and empty.hide_render and not empty.image_user.use_cyclic
    for second in (0.0, 0.5, 2.0, 4.0):
        assert shown(empty, 7 + round(second * fps)) == pytest.approx(1 + second * film.RATE, abs=0.5 + film.RATE / fps)
    assert shown(empty, 1) == 1 and shown(empty, 7 + 20 * fps) == COUNT
    across, up, forward = (np.array(empty.matrix_world.col[axis][:3]) for axis in range(3))
    assert np.allclose(forward, (0, -1, 0), atol=0.01) and np.allclose(up, (0, 0, 1), atol=0.01), "seen with the face"
    reach = empty.empty_display_size / 2
    own = [np.array(avatar["body"].matrix_world @ vertex.co) @ across for vertex in avatar["body"].data.vertices]
    assert np.array(empty.location) @ across + reach < np.median(own), "beside the face, not before it"


def pictures() -> int:
    """How many images there are, beside the one that Blender keeps of whatever it renders."""
    return sum(image.type != "RENDER_RESULT" for image in bpy.data.images)


def test_a_clip_beside_the_avatar_is_replaced_and_removed_without_a_trace(avatar):
    scene, images = bpy.context.scene, pictures()
    beside(avatar, film.FILE, True, COUNT, film.RATE, 1)
    assert bpy.ops.vrc_blendshape.drive_from_clip(filepath=FILM, beside=True) == {"FINISHED"}
    assert pictures() == images + 1
    assert sum(obj.type == "EMPTY" for obj in scene.objects) == 1
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.vrc_blendshape.remove_clip("EXEC_DEFAULT", True) == {"FINISHED"}
    assert clip_picture.find(scene) is None and pictures() == images
    bpy.ops.ed.undo()
    assert clip_picture.find(bpy.context.scene) is not None
    bpy.ops.vrc_blendshape.remove_clip()
    assert not bpy.ops.vrc_blendshape.remove_clip.poll()


def test_a_folder_lies_beside_the_avatar_from_its_first_number_on(avatar, tmp_path):
    for number in range(41, 45):
        image = bpy.data.images.new("picture", 20, 10)
        image.filepath_raw, image.file_format = str(tmp_path / f"take_{number:04d}.png"), "PNG"
        image.save()
        bpy.data.images.remove(image)
    clip = clips.open_clip(tmp_path)
    bpy.context.scene.render.fps = int(clip.rate)
    empty = beside(avatar, clip.picture, clip.is_movie, clip.count, clip.rate, 1)
    assert empty.data.source == "SEQUENCE"
    assert [shown(empty, frame) for frame in (1, 2, 3, 4, 10)] == [41, 42, 43, 44, 44]
    wide = empty.empty_display_size
    square = beside(avatar, film.FILE, True, COUNT, film.RATE, 1).empty_display_size
    assert wide == pytest.approx(2 * square), "pictures of twice the width are as tall as those of a square movie"
    (tmp_path / "take_0043.png").rename(tmp_path / "take_0051.png")
    clip = clips.open_clip(tmp_path)
    assert beside(avatar, clip.picture, clip.is_movie, clip.count, clip.rate, 1) is None, "a number is missing"
    assert clip_picture.find(bpy.context.scene) is None
