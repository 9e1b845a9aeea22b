"""The buttons of the spoken line, drawn in the panel Preview."""

from ....core.vocabulary import VISEMES
from ...viewport import preview, speaking


def draw(context, layout, missing: set[str], face) -> None:
    """Speak and Stop, which line it is, and the way to the timeline. missing: shapes that the `face` lacks."""
    column = layout.column(align=True)
    row = column.row(align=True)
    speak = row.row(align=True)
    speak.enabled = face is not None and not set(VISEMES) <= missing
    speak.operator("vrc_blendshape.speak", icon="PLAY_SOUND", depress=speaking.is_speaking())
    stop = row.row(align=True)
    stop.enabled = preview.is_shown(face)
    stop.operator("vrc_blendshape.stop_preview", icon="LOOP_BACK")
    row = column.row(align=True)
    row.enabled = speak.enabled
    row.prop(context.scene.vrc_blendshape, "spoken_language", text="")
    row.operator("vrc_blendshape.speak_on_timeline", icon="ACTION")
