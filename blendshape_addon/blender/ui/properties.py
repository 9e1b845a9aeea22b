"""Properties of the panels: settings, saved with the file, and the state that they show, kept with the window."""

import bpy

from ...core.avatar import proportions
from ...core.motion import speech
from ...core.vocabulary import KNOWN_SHAPES
from .. import session, settings
from ..translations import language
from ..viewport import preview
from . import model_list, state
from .items import BODY_ITEMS, CLOTHES_ITEMS, EMOTION_ITEMS, EXISTING_ITEMS, PRESET_ITEMS, PROPORTION_LABELS


def preset() -> bpy.props.EnumProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.EnumProperty(
        name="Style", description="Style that the shapes follow", items=PRESET_ITEMS, default="AUTO"
    )


def intensity() -> bpy.props.FloatProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.FloatProperty(
        name="Intensity", description="How strong the shapes are", default=1.0, min=0.0, max=1.0, subtype="FACTOR"
    )


def existing() -> bpy.props.EnumProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.EnumProperty(
        name="If a Key Exists",
        description="What happens when the avatar already has a shape key that is the same shape",
        items=EXISTING_ITEMS,
        default="MINE",
    )


def _learned(self, context, text: str) -> list[tuple[str, str]]:
    return list(settings.learned(context).items())


def model() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.StringProperty(
        name="Style Model", description="Model that learned an artist's style from an avatar. Empty: the bundled model",
        search=_learned, options={"HIDDEN"},
    )  # fmt: skip


def clip() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.StringProperty(
        name="Clip", description="A movie of a person's face, or a folder of pictures", subtype="FILE_PATH"
    )


def clip_strength() -> bpy.props.FloatProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.FloatProperty(
        name="Strength", description="How strongly the face moves the avatar", default=1.0, min=0.0, max=2.0
    )


def clip_smoothing() -> bpy.props.FloatProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.FloatProperty(
        name="Smoothing", description="How much trembling is taken out; 0 leaves all as it was read", default=1.0,
        min=0.0, max=5.0,
    )  # fmt: skip


def clip_head() -> bpy.props.BoolProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.BoolProperty(name="Turn the Head", description="Key the head bone, too", default=True)


def clip_beside() -> bpy.props.BoolProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.BoolProperty(
        name="Show the Clip", description="Lay the clip beside the avatar's head, in time with the keyframes",
        default=False,
    )  # fmt: skip


def clip_neutral() -> bpy.props.IntProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.IntProperty(
        name="Neutral Frame", description="Frame of the clip, from 1, in which the face is neutral; 0 finds one",
        default=0, min=0,
    )  # fmt: skip


def corrective_model() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.StringProperty(
        name="Corrective Model", description="Model (.onnx) that learned on this mesh. Empty: the target is baked",
        subtype="FILE_PATH",
    )  # fmt: skip


def corrective_path() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.StringProperty(
        name="Target Frames",
        description="A folder of OBJ files, or a cache (.abc .usd .pc2 .mdd), where no object is the target",
        subtype="FILE_PATH",
    )


def corrective_skinned() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.StringProperty(
        name="Skinned Frames",
        description="A folder of OBJ files, or a cache, to learn from. Empty: the selected mesh over its animation",
        subtype="FILE_PATH",
    )


def corrective_target_name() -> bpy.props.StringProperty:
    """Declared the same way by the operators."""
    return bpy.props.StringProperty(
        name="Target", description="Name of the object that moves as it should", options={"HIDDEN"}
    )


def corrective_keys() -> bpy.props.IntProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.IntProperty(
        name="Keys at Most", description="How many corrective keys are made at most", default=12, min=1, max=64
    )


def corrective_poses() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.StringProperty(
        name="Key Poses",
        description="Angles of bones in degrees, as lower_arm.L=60,120; lower_leg.L=90. Empty: those that matter most",
        options={"HIDDEN"},
    )


def body_photo() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.StringProperty(
        name="Photo", description="The whole person from the front, arms off the trunk, in clothes that are not wide",
        subtype="FILE_PATH",
    )  # fmt: skip


def body_side() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.StringProperty(
        name="Side Photo", description="The same person from the side, for better figures. May stay empty",
        subtype="FILE_PATH",
    )  # fmt: skip


def body_height() -> bpy.props.FloatProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.FloatProperty(
        name="Height (cm)", description="How tall the person is. 0: not known, then all figures are relative to 170 cm",
        default=0.0, min=0.0, max=300.0, precision=1,
    )  # fmt: skip


def body_kind() -> bpy.props.EnumProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.EnumProperty(
        name="Body Type", description="What kind of body it is", items=BODY_ITEMS, default="FOUND"
    )


def body_clothes() -> bpy.props.EnumProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.EnumProperty(
        name="Clothes", description="What the person wears", items=CLOTHES_ITEMS, default="FOUND"
    )


def portrait_picture() -> bpy.props.StringProperty:
    """Declared the same way by the panel's settings and by the operator."""
    return bpy.props.StringProperty(
        name="Picture", description="The portrait that is to move. Empty: the selected avatar's face",
        subtype="FILE_PATH",
    )  # fmt: skip


def proportion(length: str) -> bpy.props.FloatProperty:
    """Declared the same way by the panel's settings and by the operator; length: one of proportions.LENGTHS."""
    return bpy.props.FloatProperty(
        name=str(proportions.LENGTHS[length]), description=str(PROPORTION_LABELS[length]), default=0.0, min=0.0,
        max=1000.0, precision=1,
    )  # fmt: skip


def _is_armature(self, obj: bpy.types.Object) -> bool:
    return obj.type == "ARMATURE"


def _is_mesh(self, obj: bpy.types.Object) -> bool:
    return obj.type == "MESH"


def _remix(self, context: bpy.types.Context) -> None:
    preview.remix(context)


def _show_preview(self, context: bpy.types.Context) -> None:
    session.current().thumbnails.wake()


def _redraw(self, context: bpy.types.Context) -> None:
    state.redraw(context)


class Settings(bpy.types.PropertyGroup):
    """Scene.vrc_blendshape: the options that the panel's buttons pass to their operators."""

    preset: preset()
    intensity: intensity()
    existing: existing()
    model: model()
    emotion: bpy.props.EnumProperty(
        name="With Emotion", description="Emotion that is added to the visemes in the preview", items=EMOTION_ITEMS,
        default="NONE", update=_remix,
    )  # fmt: skip
    emotion_strength: bpy.props.FloatProperty(
        name="Emotion", description="How much of the emotion is mixed in", default=1.0, min=0.0, max=1.0,
        subtype="FACTOR", update=_remix,
    )  # fmt: skip
    spoken_language: bpy.props.EnumProperty(
        name="Spoken Line", description="Language of the line that Speak says",
        items=[(code.upper(), name, "") for code, name in speech.LANGUAGES.items()],
        default=next((code.upper() for code in speech.LANGUAGES if language().startswith(code)), "EN"),
    )  # fmt: skip
    clip: clip()
    clip_strength: clip_strength()
    clip_smoothing: clip_smoothing()
    clip_head: clip_head()
    clip_neutral: clip_neutral()
    clip_beside: clip_beside()
    corrective_target: bpy.props.PointerProperty(
        name="Target", description="The mesh that moves as it should, in the same frames", type=bpy.types.Object,
        poll=_is_mesh,
    )  # fmt: skip
    corrective_path: corrective_path()
    corrective_skinned: corrective_skinned()
    corrective_model: corrective_model()
    corrective_keys: corrective_keys()
    corrective_poses: corrective_poses()
    body_photo: body_photo()
    body_side: body_side()
    body_height: body_height()
    body_kind: body_kind()
    body_clothes: body_clothes()
    portrait_picture: portrait_picture()
    proportions_like: bpy.props.PointerProperty(
        name="Like", description="The armature whose lengths are taken, as that of a body from a photo",
        type=bpy.types.Object, poll=_is_armature,
    )  # fmt: skip
    proportions_height: proportion("height")
    proportions_torso: proportion("torso")
    proportions_neck: proportion("neck")
    proportions_shoulders: proportion("shoulders")
    proportions_arm: proportion("arm")
    proportions_leg: proportion("leg")


class GroupState(bpy.types.PropertyGroup):
    """Which shapes of a group of the vocabulary (its name) the avatar has. Lists are names, comma-separated."""

    wanted: bpy.props.IntProperty()
    present: bpy.props.IntProperty()
    ours: bpy.props.IntProperty()
    missing: bpy.props.StringProperty()
    empty: bpy.props.StringProperty()
    duplicates: bpy.props.StringProperty()


class OwnKey(bpy.types.PropertyGroup):
    """Which of the creator's own keys is the shape of its name; empty where the creator says that none is."""

    key: bpy.props.StringProperty()


class CheckResult(bpy.types.PropertyGroup):
    """The result of one check: of a shape, or of the avatar where `shape` is empty.

    check: empty where a shape passes all of them. grade: see core.quality.checks. message: in Blender's language.
    repairable: whether Fix may repair it. fixed: whether Fix did, so that its row stays where it is.
    """

    shape: bpy.props.StringProperty()
    check: bpy.props.StringProperty()
    grade: bpy.props.StringProperty()
    message: bpy.props.StringProperty()
    repairable: bpy.props.BoolProperty()
    fixed: bpy.props.BoolProperty()


class LeftOut(bpy.types.PropertyGroup):
    """A shape of the object `face` that was left out, the check that it failed, and why, in Blender's language."""

    face: bpy.props.StringProperty()
    shape: bpy.props.StringProperty()
    check: bpy.props.StringProperty()
    message: bpy.props.StringProperty()


class ModelRow(bpy.types.PropertyGroup):
    """A model and its card; problem: why it cannot be used. trained_on and figures hold a line each."""

    file: bpy.props.StringProperty()
    bundled: bpy.props.BoolProperty()
    problem: bpy.props.StringProperty()
    what: bpy.props.StringProperty()
    licence: bpy.props.StringProperty()
    trained_on: bpy.props.StringProperty()
    figures: bpy.props.StringProperty()
    unfolded: bpy.props.BoolProperty(name="Card", description="Show what the model's card says")


class State(bpy.types.PropertyGroup):
    """WindowManager.vrc_blendshape: what panels show. Operators and handlers write it, panels only draw."""

    running: bpy.props.BoolProperty()
    cancel: bpy.props.BoolProperty(description="Asks the running job to stop")
    fraction: bpy.props.FloatProperty(min=0.0, max=1.0)
    stage: bpy.props.StringProperty()
    problem: bpy.props.StringProperty(description="Why nothing can be made of what is selected")
    newer: bpy.props.StringProperty(description="Says that a newer version stored data with the avatar")
    suggestions: bpy.props.CollectionProperty(type=bpy.types.PropertyGroup)
    said: bpy.props.StringProperty(description="What the last button did")
    message: bpy.props.IntProperty(description="Which of the messages is shown")
    left_out: bpy.props.CollectionProperty(type=LeftOut)
    problem_shape: bpy.props.StringProperty(description="The shape whose problem Show Me shows")
    problem_check: bpy.props.StringProperty(description="The check that Show Me shows")
    face: bpy.props.StringProperty(description="Name of the object that carries the shapes")
    objects: bpy.props.CollectionProperty(type=bpy.types.PropertyGroup)
    apart: bpy.props.StringProperty(description="Says which meshes carry keys that VRChat plays on the face alone")
    groups: bpy.props.CollectionProperty(type=GroupState)
    own: bpy.props.CollectionProperty(type=OwnKey)
    check_results: bpy.props.CollectionProperty(type=CheckResult)
    checked: bpy.props.StringProperty(description="Name of the object that was checked")
    show_fine: bpy.props.BoolProperty(name="Show All", description="Show shapes that are fine as well")
    fallback: bpy.props.StringProperty(description="Why the last shapes were made on the CPU")
    provider: bpy.props.StringProperty(description="What Test in the preferences reported")
    models: bpy.props.CollectionProperty(type=ModelRow)
    show_models: bpy.props.BoolProperty(
        name="Models",
        description="Show every model and its card",
        update=model_list.refresh_from_property,
    )
    fingerprint: bpy.props.StringProperty(description="Selection that this describes, see ui/state.py")
    viseme: bpy.props.StringProperty(description="The shape that is shown")
    strength: bpy.props.FloatProperty(
        name="Strength", description="How far the shape that is shown goes; the key itself stays as it is", default=1.0,
        min=0.0, max=1.0, subtype="FACTOR", update=_remix,
    )  # fmt: skip
    before: bpy.props.BoolProperty(
        name="Neutral Face", description="Show the face without the shape for as long as this is on", update=_remix
    )
    ready: bpy.props.StringProperty(description="Says what was made and is there to be looked through")
    show_preview: bpy.props.BoolProperty(name="Preview", update=_show_preview)
    show_visemes: bpy.props.BoolProperty(name="Visemes", default=True)
    show_emotions: bpy.props.BoolProperty(name="Emotions", default=True)
    show_blink: bpy.props.BoolProperty(name="Blink", default=True)
    show_arkit: bpy.props.BoolProperty(name="Face Tracking")
    show_unified: bpy.props.BoolProperty(name="Unified Expressions")
    holder: bpy.props.StringProperty(description="Name of the object that the avatar's tuning is kept with")
    tuned: bpy.props.EnumProperty(
        name="Shape", description="The shape to tune", items=[(name, name, "") for name in KNOWN_SHAPES],
        default="vrc.v_aa",
    )  # fmt: skip
    waiting: bpy.props.StringProperty(description="Shapes whose tuning was changed since they were made")
    changes: bpy.props.IntProperty(description="How many settings of the tuning were changed since")
    edited: bpy.props.StringProperty(description="Shapes that were edited or fixed since they were made")
    tuning_said: bpy.props.StringProperty(description="Why the shown shape does not follow its tuning")
    editing_landmarks: bpy.props.StringProperty(description="MOVING while landmarks are moved; KEEP or LEAVE ends it")
    show_landmarks: bpy.props.BoolProperty(
        name="Show in 3D View", description="Draw the landmarks over the 3D view", default=False, update=_redraw
    )
    show_all: bpy.props.BoolProperty(name="Show All", description="Show parts that are not of the face as well")


CLASSES = (Settings, GroupState, OwnKey, CheckResult, LeftOut, ModelRow, State)
