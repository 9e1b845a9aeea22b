"""Choices and labels that properties, operators and panels share."""

from ...core.messages import Message
from ...core.style.recipes import PRESETS
from ...core.vocabulary import EMOTIONS
from ..stored import parts

GROUP_LABELS = {
    "visemes": Message("Visemes"),
    "emotions": Message("Emotions"),
    "blink": Message("Blink"),
    "arkit": Message("Face Tracking"),
    "unified": Message("Unified Expressions"),
}
GROUP_NAMES = GROUP_LABELS | {"arkit": "ARKit", "unified": "Unified"}  # for 40 % of a sidebar
BODY_ITEMS = (
    ("FOUND", "As It Looks", "The body type is found in the photo"),
    ("FEMALE", "Female", "A female body"),
    ("MALE", "Male", "A male body"),
)
CLOTHES_ITEMS = (
    ("FOUND", "Common Clothes", "How thick the clothes are is found in the photo"),
    ("TIGHT", "Tight Clothes", "As close as sportswear or swimwear: the body is measured more exactly"),
)
PROPORTION_LABELS = {
    "height": Message("From the ground to the top of the head, in cm. 0: as it is"),
    "torso": Message("From the middle of the hip joints to where the neck begins, in cm. 0: as it is"),
    "neck": Message("From where the neck begins to the head, in cm. 0: as it is"),
    "shoulders": Message("Between both shoulder joints, in cm. 0: as it is"),
    "arm": Message("From the shoulder joint over the elbow to the wrist, in cm. 0: as it is"),
    "leg": Message("From the hip joint over the knee to the ankle, in cm. 0: as it is"),
}
EXISTING_ITEMS = (  # files keep the number
    (
        "MINE",
        "Use Mine",
        "Use your own keys under whatever name they have, and make what is lacking in their style; they stay as they "
        "are",
        "NONE",
        3,
    ),
    (
        "KEEP",
        "Keep",
        "Keep keys of the same name that you made or edited; only keys that this tool made are replaced",
        "NONE",
        0,
    ),
    ("FILL", "Fill If Empty", "As Keep, but your own keys that move nothing are filled", "NONE", 1),
    (
        "REPLACE",
        "Replace (With Backup)",
        "Replace keys of the same name, whoever made them; your own stay as backups under new names",
        "NONE",
        2,
    ),
)
_PRESETS = {
    "natural": "As artists of realistic faces draw visemes and emotions",
    "stylised": "As artists of cartoon people draw them: wide open mouths, a small round O",
    "anime": "Between what anime artists draw: vowels that differ clearly, calm brows",
    "anime_small": "Small round mouths and narrow vowels",
    "anime_wide": "Wide open mouths, corners pulled far out, a small round U",
    "animal": "For muzzles and wide mouths: the jaw opens far, corners hardly move",
}
PRESET_ITEMS = (
    ("AUTO", "Automatic", "Choose by the face's proportions"),
    *((name.upper(), str(label), _PRESETS[name]) for name, label in PRESETS.items()),
)
EMOTION_ITEMS = (
    ("NONE", "No Emotion", "Show visemes alone"),
    *((name, name.capitalize(), f"Mix visemes with {name}") for name in EMOTIONS),
)
CONVENTION_ITEMS = (
    ("MMD", "MMD", "The Japanese names that dances in MMD worlds play"),
    ("VRM1", "VRM 1", "The presets of VRM 1: aa, ih, happy, blinkLeft …"),
    ("UNIFIED", "Unified Expressions", "The face tracking shapes as VRCFaceTracking calls them"),
)
_PARTS = {
    "FACE": ("Face Skin", "Skin of the face and what is joined to it"),
    "EYE": ("Eyes", "Eyeballs, irises, pupils, highlights"),
    "TEETH": ("Teeth", "Both rows; their place says which is which"),
    "TEETH_UPPER": ("Upper Teeth", "They stay where they are"),
    "TEETH_LOWER": ("Lower Teeth", "They move with the jaw"),
    "TONGUE": ("Tongue", "It moves with the jaw and rises for th, dd, nn and rr"),
    "MOUTH": ("Inside of the Mouth", "Gums, or everything inside the mouth in one piece"),
    "ATTACHED": ("Lashes and Brows", "What lies on the skin and moves with it"),
    "OTHER": ("Not of the Face", "Hair, clothes, masks: no shape moves them, and the search for the face ignores them"),
}
PART_ITEMS = (
    (parts.AUTO, "Automatic", "Use what was recognised"),
    *((name, *_PARTS[name]) for name in parts.CHOICES),
)
PART_LABELS = {name: words[0] for name, words in _PARTS.items()} | {"SKIN": "Face Skin"}
