"""Settings of the add-on that hold for every file."""

from pathlib import Path

import bpy

from ..core.providers import CHOICES

_NAMES = {
    "auto": "Automatic",
    "cpu": "CPU",
    "cuda": "CUDA (NVIDIA)",
    "directml": "DirectML (Windows)",
    "coreml": "Core ML (Apple)",
}
_PACKAGE = __package__.rpartition(".")[0]


class Preferences(bpy.types.AddonPreferences):
    """Edit > Preferences > Add-ons > VRChat Blendshape Generator."""

    bl_idname = _PACKAGE

    provider: bpy.props.EnumProperty(
        name="Run On",
        description="Where the network runs; it falls back to the CPU where the choice does not work",
        items=[(name, _NAMES[name], "") for name in CHOICES],
        default="auto",
    )

    recipes: bpy.props.StringProperty(
        name="Recipes",
        description="A file of your own in place of the bundled recipes.toml: what each viseme and emotion is made of",
        subtype="FILE_PATH",
    )

    def draw(self, context):
        self.layout.prop(self, "provider")
        self.layout.prop(self, "recipes")


def provider(context: bpy.types.Context) -> str:
    """The provider chosen in the preferences; `auto` where the add-on runs without being installed."""
    chosen = _chosen(context)
    return chosen.provider if chosen else "auto"


def own_recipes(context: bpy.types.Context) -> Path | None:
    """The recipes file named in the preferences; None for the bundled one."""
    chosen = _chosen(context)
    return Path(bpy.path.abspath(chosen.recipes)) if chosen and chosen.recipes else None


def _chosen(context: bpy.types.Context) -> Preferences | None:
    addon = context.preferences.addons.get(_PACKAGE)
    return addon.preferences if addon else None


CLASSES = (Preferences,)
