"""A film drives the demo avatar in a real window: progress and Esc, the clip beside the avatar, one undo."""

from __future__ import annotations

import bpy

from . import story, window
from .window import Folds, Waiting, key, picture, settled, state, until

FILM = "/mnt/repo/tests/faces/film.mp4"
BUTTON = "vrc_blendshape.drive_from_clip("


def tell() -> Waiting:
    """The whole play, as pauses in seconds."""
    yield from story.open_avatar()
    folds = Folds()
    with window.at():
        bpy.ops.vrc_blendshape.generate_face_tracking("EXEC_DEFAULT")
    yield from settled()
    settings = bpy.context.scene.vrc_blendshape
    settings.clip, settings.clip_beside = FILM, True
    yield from folds.turn("Drive from Clip")
    yield from settled()
    yield from picture("d1_panel")
    yield from _stop(folds)
    yield from _drive(folds)
    yield from _undo()


def _stop(folds: Folds) -> Waiting:
    window.forget_gaps()
    yield from folds.button(BUTTON)
    yield from until(lambda: state().running and state().fraction > 0.05, "the clip is being read")
    yield from picture("d2_progress")
    scenes = len(bpy.data.scenes)
    yield from story.into_view()
    yield from key("Escape")
    yield from until(lambda: not state().running, "Esc stops it")
    yield 0.5
    assert not bpy.data.actions and len(bpy.data.scenes) == scenes - 1, "Esc left something behind"
    story.told("Esc stopped the clip and nothing was changed", gap=True)


def _drive(folds: Folds) -> Waiting:
    yield from folds.button(BUTTON)
    yield from until(lambda: state().running, "it begins")
    window.forget_gaps()
    yield from until(lambda: not state().running, "it ends", 300)
    body = bpy.data.objects["Body"].data.shape_keys
    assert body.animation_data.action and len(bpy.data.scenes) == 1
    assert any(obj.type == "EMPTY" for obj in bpy.context.scene.objects), "the clip does not lie beside the avatar"
    jaw = body.key_blocks["jawOpen"]
    values = []
    for frame in range(1, bpy.context.scene.frame_end, 4):
        bpy.context.scene.frame_set(frame)
        values.append((jaw.value, frame))
    most, frame = max(values)
    assert most > 0.4, f"the jaw opens by {most:.2f} at most"
    assert "Body" in state().said, state().said
    bpy.context.scene.frame_set(frame)
    yield from settled()
    yield from picture("d3_driven")
    story.told(f"the film drives the avatar, whose jaw opens by {most:.2f} at frame {frame}", gap=True)


def _undo() -> Waiting:
    yield from story.into_view()
    yield from key("ctrl+z")
    yield from until(lambda: not bpy.data.actions, "one undo takes all of it back", 10)
    assert not any(obj.type == "EMPTY" for obj in bpy.context.scene.objects)
    story.told("one undo took all of it back")
