"""The previewed keys speak a sentence along the timeline."""

from __future__ import annotations

import bpy

from ...core.motion import speech
from . import preview


def begin(context: bpy.types.Context) -> None:
    """Let the objects that the preview shows speak from the present frame on."""
    context.window_manager.vrc_blendshape.speak_from = context.scene.frame_current
    bpy.app.handlers.frame_change_pre.append(speak)
    if not bpy.app.background and not context.screen.is_animation_playing:
        bpy.ops.screen.animation_play()


def speak(scene: bpy.types.Scene, *_) -> None:
    """Handler of frame changes: set the previewed keys to the sentence at this frame."""
    shown = preview.shown()
    if not shown:
        bpy.app.handlers.frame_change_pre.remove(speak)
        return
    fps = scene.render.fps / scene.render.fps_base
    start = bpy.context.window_manager.vrc_blendshape.speak_from
    preview.show(shown, preview.mixed(scene.vrc_blendshape, speech.weights((scene.frame_current - start) / fps)))


def is_speaking() -> bool:
    """Whether the sentence plays."""
    return speak in bpy.app.handlers.frame_change_pre and bool(preview.shown())


def stop(context: bpy.types.Context) -> None:
    """Stop the sentence, if it plays, and go to the frame where it began."""
    if speak not in bpy.app.handlers.frame_change_pre:
        return
    bpy.app.handlers.frame_change_pre.remove(speak)
    if not bpy.app.background and context.screen.is_animation_playing:
        bpy.ops.screen.animation_cancel(restore_frame=False)
    context.scene.frame_set(context.window_manager.vrc_blendshape.speak_from)
