"""The avatar speaks a line: with its sound in the preview, and on the timeline."""

import bpy
import numpy as np
import pytest
from helpers import fingerprint

from blendshape_addon.blender import session
from blendshape_addon.blender.keys.animation import curves_of
from blendshape_addon.blender.viewport import preview, speaking
from blendshape_addon.core.motion import speech
from blendshape_addon.core.vocabulary import VISEMES

pytestmark = pytest.mark.usefixtures("planted")
operators = bpy.ops.vrc_blendshape
LINE = speech.line("en")


@pytest.fixture
def made(figure):
    """The figure with visemes, one set by its creator."""
    operators.generate_visemes()
    operators.generate_emotions()
    body = figure["body"]
    body.data.shape_keys.key_blocks["vrc.v_oh"].value = 0.3
    body.shape_key_add(name="own", from_mix=False).value = 0.7
    yield figure
    speaking.stop()
    bpy.context.scene.sequence_editor_clear()


@pytest.fixture
def spoken(made):
    """The figure as it speaks, and what it was before."""
    before = state_of(made)
    operators.speak()
    return made, before


def values(obj):
    return {key.name: pytest.approx(key.value) for key in obj.data.shape_keys.key_blocks if key.value}


def strips(scene):
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def state_of(figure):
    objects = [figure["body"], figure["teeth"]]
    return [(fingerprint(obj), list(obj.keys()), obj.data.shape_keys.animation_data) for obj in objects]


def test_the_mouth_is_where_the_line_is_and_no_keyframes_are_made(spoken):
    made, before = spoken
    for seconds in np.arange(0, LINE.duration, 0.1):
        speaking.pose(bpy.context, seconds)
        assert values(made["body"]) == LINE.weights(seconds) | {"own": 0.7}
        assert values(made["teeth"]).items() <= LINE.weights(seconds).items()
    operators.stop_preview()
    assert state_of(made) == before and not bpy.data.actions
    assert not speaking.is_speaking() and not bpy.app.timers.is_registered(speaking.tick)


def test_time_goes_by_the_clock_where_nothing_sounds_and_what_has_passed_is_skipped(spoken):
    made, before = spoken
    held = session.current().spoken
    assert held.sound is None, "Blender as a Python module has no sound device"
    held.began -= 2.0  # as if the viewport had taken two seconds for a frame
    assert speaking.tick() is not None
    assert "vrc.v_sil" not in values(made["body"]) or values(made["body"])["vrc.v_sil"].expected < 1
    assert held.seconds() >= 2.0
    held.began -= LINE.duration
    assert speaking.tick() is None
    assert state_of(made) == before and not speaking.is_speaking()


class Device:
    """As a sound device counts, of which Blender as a Python module has none: it begins late, and has always read the
    buffer that is heard."""

    late, buffer, status = 0.12, 2048 / 48000, True

    def __init__(self, clock):
        self.clock = clock

    @property
    def heard(self):
        return max(0.0, self.clock[0] - self.late)

    @property
    def position(self):
        return (self.heard // self.buffer + 1) * self.buffer if self.heard else 0.0


@pytest.mark.parametrize("tick", [1 / 60, 0.1, 0.31])
def test_the_mouth_is_with_the_sound_however_slow_the_viewport_is(tick, monkeypatch):
    clock = [0.0]
    device = Device(clock)
    held = speaking.Spoken(LINE, device, clock[0])
    monkeypatch.setattr(speaking.time, "monotonic", lambda: clock[0])
    apart = []
    while device.heard < LINE.duration:
        clock[0] += 2.0 if 1.5 < clock[0] < 1.5 + tick else tick  # once Blender does something else
        apart.append(held.seconds() - device.heard)
    assert np.abs(apart[3:]).max() < 0.05


def test_it_speaks_with_the_emotion_and_in_the_language_that_are_chosen(made):
    settings = bpy.context.scene.vrc_blendshape
    settings.emotion, settings.spoken_language = "angry", "JA"
    operators.speak()
    assert session.current().spoken.line == speech.line("ja")
    speaking.pose(bpy.context, 1.0)
    assert values(made["body"])["angry"] == 1.0 and len(values(made["body"])) > 2


def test_speaking_twice_is_speaking_once_and_a_shape_ends_it(made):
    operators.speak()
    first = session.current().spoken
    operators.speak()
    assert session.current().spoken is not first
    operators.show_shape(shape="joy")
    assert not speaking.is_speaking()
    assert values(made["body"]) == {"joy": 1.0, "own": 0.7}


def test_what_ends_the_preview_ends_the_line(spoken):
    made, before = spoken
    preview.stop()  # as saving and exporting do
    assert speaking.tick() is None and not speaking.is_speaking()
    assert state_of(made) == before


def test_the_line_on_the_timeline_is_keyframes_and_sound(made):
    scene = bpy.context.scene
    scene.render.fps, scene.frame_end = 30, 50
    scene.frame_set(40)
    assert operators.speak_on_timeline() == {"FINISHED"}
    body = made["body"]
    for frame in range(40, 40 + int(LINE.duration * 30)):
        scene.frame_set(frame)
        wanted = LINE.weights((frame - 40) / 30)
        for name in VISEMES:
            key = body.data.shape_keys.key_blocks[name]
            assert key.value == pytest.approx(wanted.get(name, 0), abs=0.025), (frame, name)
    (strip,) = strips(scene)
    assert strip.frame_final_start == 40 and strip.sound.packed_file and strip.type == "SOUND"
    assert scene.sync_mode == "AUDIO_SYNC" and scene.frame_end >= 40 + LINE.duration * 30
    assert values(body)["own"] == 0.7
    keyed = {curve.data_path for curve in curves_of(made["teeth"].data.shape_keys)}
    assert keyed and all("vrc.v_" in path for path in keyed)


def test_a_second_line_has_to_find_room(made):
    scene = bpy.context.scene
    scene.frame_set(1)
    operators.speak_on_timeline()
    curves = [len(curve.keyframe_points) for curve in curves_of(made["body"].data.shape_keys)]
    with pytest.raises(RuntimeError, match="has keyframes between the frames 1 and"):
        operators.speak_on_timeline()
    assert curves == [len(curve.keyframe_points) for curve in curves_of(made["body"].data.shape_keys)]
    scene.frame_set(500)
    assert operators.speak_on_timeline() == {"FINISHED"}
    assert [strip.channel for strip in strips(scene)] == [1, 1]


def test_a_driven_viseme_is_named(made):
    made["body"].data.shape_keys.key_blocks["vrc.v_aa"].driver_add("value")
    with pytest.raises(RuntimeError, match="vrc.v_aa.*has a driver"):
        operators.speak_on_timeline()
    assert not curves_of(made["body"].data.shape_keys) and not strips(bpy.context.scene)


@pytest.mark.parametrize("press", [operators.speak, operators.speak_on_timeline])
def test_an_avatar_without_shapes_is_refused(figure, press):
    with pytest.raises(RuntimeError, match="no shapes to look at yet"):
        press()
    assert not speaking.is_speaking() and not preview.shown()
