"""A clip of a person's face drives the avatar."""

from functools import partial
from pathlib import Path

import bpy

from ....core.errors import InputError
from ....core.messages import Message
from ....core.motion.performance import DriveOptions, perform
from ... import session, settings
from ...io import clips, selection
from ...jobs import drive
from ...keys import performance_keys
from ...translations import translate
from ...viewport import clip_picture, preview
from .. import properties
from .background import Background


class VRC_BLENDSHAPE_OT_drive_from_clip(Background, bpy.types.Operator):
    """Key the avatar's shapes, head and eyes as a person's face moves in a movie, which stays on this computer"""

    bl_idname = "vrc_blendshape.drive_from_clip"
    bl_label = "Drive from Clip"
    bl_options = {"REGISTER", "UNDO"}

    filepath: properties.clip()
    strength: properties.clip_strength()
    smoothing: properties.clip_smoothing()
    head: properties.clip_head()
    neutral: properties.clip_neutral()
    beside: properties.clip_beside()

    _direct = False  # whether the clip is read here and now, on the main thread
    _feed = _clip = None

    def execute(self, context):
        self._direct = True
        try:
            return super().execute(context)
        finally:
            self._close()

    def modal(self, context, event):
        if event.type == "TIMER" and self._feed:
            self._feed.draw()
        result = super().modal(context, event)
        if not result & {"PASS_THROUGH", "RUNNING_MODAL"}:
            self._close()
        return result

    def cancel(self, context):
        super().cancel(context)
        self._close()

    def work(self, context, avatar):
        if not self.filepath:
            raise InputError("No clip is chosen: give a movie or a folder of pictures.")
        performance_keys.require_drivable(selection.avatar_from_selection(context))
        self._options = DriveOptions(
            neutral=self.neutral - 1 if self.neutral else None, strength=self.strength, smoothing=self.smoothing
        )
        self._clip = clip = clips.open_clip(Path(bpy.path.abspath(self.filepath)))
        found = session.current().clip
        if found is not None and found.content == clip.content:  # another strength takes no time
            return lambda progress: found
        provider = settings.provider(context)
        if self._direct:
            return partial(drive.descriptors_of, clip, None, provider)
        self._feed = drive.Feed(clip)
        return partial(self._feed.read, None, provider)

    def finish(self, context, objects, avatar, result):
        session.current().clip = result
        clip, scene = self._clip, context.scene
        performance = perform(result, self._options, clip.name)
        start = scene.frame_current
        preview.stop()  # what it shows would lie over the performance
        done = drive.write(scene, objects, performance, avatar.hints, clip.name, clip.sound, start, self.head)
        if self.beside and not clip_picture.show(
            scene, clip.picture, clip.is_movie, clip.count, clip.rate, start, avatar.hints, avatar.vertices
        ):
            message = Message(
                "The clip cannot be shown beside the avatar: number its pictures one by one, as 0001.png and 0002.png."
            )
            self.report({"WARNING"}, translate(message))
        notes = [translate(note) for note in (*clip.notes, *performance.notes, *done.written.notes)]
        for note in notes:
            self.report({"WARNING"}, note)
        message = Message(
            "{count} shapes of “{name}” are keyed on the frames {first} to {last}; frame {neutral} of the clip is "
            "neutral.",
            count=len(done.written.shapes),
            name=done.name,
            first=done.written.first,
            last=done.written.last,
            neutral=performance.neutral + 1,
        )
        self.report({"INFO"}, translate(message))
        context.window_manager.vrc_blendshape.said = " ".join([translate(message), *notes])

    def _close(self) -> None:
        if self._clip is not None:
            if self._feed is not None:
                self._feed.close()
            self._clip.close()
        self._clip, self._feed = None, None


class VRC_BLENDSHAPE_OT_remove_clip(bpy.types.Operator):
    """Take the clip that lies beside the avatar out of the scene; keyframes stay"""

    bl_idname = "vrc_blendshape.remove_clip"
    bl_label = "Remove the Clip"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return clip_picture.find(context.scene) is not None

    def execute(self, context):
        clip_picture.remove(context.scene)
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_drive_from_clip, VRC_BLENDSHAPE_OT_remove_clip)
