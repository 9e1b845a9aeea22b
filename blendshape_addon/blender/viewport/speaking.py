"""The previewed keys speak a line in wall-clock time, together with its sound.

A timer poses the mouth for the moment that is heard; where the viewport is slow, it skips what has passed meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import bpy

from ...core.motion import speech
from .. import session
from . import preview

try:
    import aud
except ImportError:  # builds without sound, such as Debian's, have none
    aud = None

_PAUSE = 1 / 60  # seconds from one pose to the next, at most; a screen shows no more
# Seconds by which clock and sound may differ before the clock is set: what is heard is known no better than to a tick.
_DRIFT = 0.02
_BUFFER = 0.05  # seconds, at most, that a device reads at once: 2048 samples at 44.1 kHz are 46 ms


@dataclass
class Spoken:
    """A line while it is spoken. sound: None where no device plays it. began: when, in seconds of time.monotonic.

    read: how much of the sound, in seconds, the device had read as it last read on, which it does buffer by buffer;
    buffer: the least that it read at once.
    """

    line: speech.Line
    sound: aud.Handle | None
    began: float
    read: float = 0.0
    buffer: float = _BUFFER

    def seconds(self) -> float:
        """How much of the line has been heard: by the clock, which is set by the sound where they differ. What a device
        reads is heard one buffer later."""
        now = time.monotonic() - self.began
        if self.sound is not None and self.sound.status:
            read = self.sound.position
            if read == self.read and read > 0:
                return now
            self.buffer = min(self.buffer, read - self.read or _BUFFER)
            self.read = read
            heard = max(0.0, read - self.buffer)
            if abs(heard - now) > _DRIFT:
                self.began += now - heard
                now = heard
        return now

    def end(self) -> None:
        if self.sound is not None and self.sound.status:
            self.sound.stop()


def begin(context: bpy.types.Context, language: str) -> bool:
    """Let the objects that the preview shows speak the line of a language of speech.LANGUAGES; whether it is heard."""
    stop()
    line = speech.line(language)
    sound = _play(line)
    session.current().spoken = Spoken(line, sound, time.monotonic())
    pose(context, 0.0)
    bpy.app.timers.register(tick, first_interval=_PAUSE)
    return sound is not None


def tick() -> float | None:
    """Run by a timer: pose the mouth for what is heard now. The preview ends with the line."""
    spoken = session.current().spoken
    if spoken is None:
        return None
    seconds = spoken.seconds()
    if not preview.shown() or seconds >= spoken.line.duration:
        stop()
        preview.stop()
        return None
    pose(bpy.context, seconds)
    return _PAUSE


def pose(context: bpy.types.Context, seconds: float) -> None:
    """Set the previewed keys to the line at a time of it, with the emotion that is chosen."""
    weights = session.current().spoken.line.weights(seconds)
    preview.show(preview.shown(), preview.mixed(context.scene.vrc_blendshape, weights))


def is_speaking() -> bool:
    """Whether a line is spoken."""
    return session.current().spoken is not None


def stop() -> None:
    """End the line and its sound; the preview stays."""
    held = session.current()
    if held.spoken is not None:
        held.spoken.end()
        held.spoken = None
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)


def _play(line: speech.Line) -> aud.Handle | None:
    """The sound as it begins to play; None where there is no device, or Blender's preferences choose none."""
    if aud is None:
        return None
    try:
        sound = aud.Device().play(aud.Sound(str(line.sound)))
    except aud.error:
        return None
    return sound if sound.status else None
