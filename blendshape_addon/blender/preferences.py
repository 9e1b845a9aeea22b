"""Settings of the add-on that hold for every file."""

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

    def draw(self, context):
        self.layout.prop(self, "provider")


def provider(context: bpy.types.Context) -> str:
    """The provider chosen in the preferences; `auto` where the add-on runs without being installed."""
    addon = context.preferences.addons.get(_PACKAGE)
    return addon.preferences.provider if addon and addon.preferences else "auto"


CLASSES = (Preferences,)
