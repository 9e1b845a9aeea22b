"""What the user chose in the add-on's preferences, for whoever needs it; `ui/preferences.py` declares and draws it."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.inference import registry
from ..core.messages import Message

PACKAGE = __package__.removesuffix(".blender")  # the name under which Blender knows the add-on
TRAINING_TOOLS_MISSING = Message(
    "The training tools run in a Python of their own: in a folder with this extension's source run "
    "`python3.11 -m pip install -e .[training]`, then name that Python in the add-on's preferences (Training Python)."
)


def provider(context: bpy.types.Context) -> str:
    """The provider chosen in the preferences; `auto` where the add-on runs without being installed."""
    chosen = _preferences(context)
    return chosen.provider if chosen else "auto"


def own_recipes(context: bpy.types.Context) -> Path | None:
    """The recipes file named in the preferences; None for the bundled one."""
    chosen = _preferences(context)
    return Path(bpy.path.abspath(chosen.recipes)) if chosen and chosen.recipes else None


def training_python(context: bpy.types.Context) -> str:
    """The Python with the training tools that is named in the preferences; empty if none is."""
    chosen = _preferences(context)
    return bpy.path.abspath(chosen.training_python) if chosen and chosen.training_python else ""


def learned_folder(context: bpy.types.Context) -> Path:
    """Folder of the models that learned from avatars; it may not exist yet."""
    chosen = _preferences(context)
    if chosen and chosen.learned:
        return Path(bpy.path.abspath(chosen.learned))
    return Path(bpy.utils.user_resource("DATAFILES")) / "vrc_blendshape" / "learned"


def body_networks(context: bpy.types.Context) -> Path:
    """Folder of the networks that find people in photos; it may not exist yet."""
    return Path(bpy.utils.user_resource("DATAFILES")) / "vrc_blendshape" / "body"


def portrait_base(context: bpy.types.Context) -> Path | None:
    """The network that moves portraits, which `python -m training portrait offer` put there if it meets its bars; one
    of the user's before the bundled one. None where there is none."""
    for folder in (learned_folder(context), registry.models_folder()):
        if (path := folder / "portrait" / "base.safetensors").is_file():
            return path
    return None


def learned(context: bpy.types.Context) -> dict[str, str]:
    """File stem to display name of each model in that folder."""
    return {path.stem: name for path, name in registry.deformers(learned_folder(context)).items()}


def learned_model(context: bpy.types.Context, name: str) -> Path | None:
    """The file of a learned model; None for the bundled one, whose name is empty."""
    return learned_folder(context) / f"{name}.onnx" if name else None


def debug_log(context: bpy.types.Context) -> bool:
    """Whether the debug log is switched on in the preferences."""
    chosen = _preferences(context)
    return bool(chosen and chosen.debug_log)


def _preferences(context: bpy.types.Context) -> bpy.types.AddonPreferences | None:
    addon = context.preferences.addons.get(PACKAGE)
    return addon.preferences if addon else None
