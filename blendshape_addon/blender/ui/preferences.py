"""Settings of the add-on that hold for every file."""

from pathlib import Path

import bpy

from ...core.inference import registry
from ...core.inference.providers import CHOICES
from ..jobs.training_process import INSTALL
from .panels import models
from .panels.tab import beside, paragraph

_NAMES = {
    "auto": "Automatic",
    "cpu": "CPU",
    "cuda": "CUDA (NVIDIA)",
    "directml": "DirectML (Windows)",
    "coreml": "Core ML (Apple)",
}
_PACKAGE = __package__.removesuffix(".blender.ui")


def look_at_models(self, context: bpy.types.Context) -> None:
    """Run when the list of models is unfolded or may have changed."""
    from . import model_list

    model_list.refresh(context)


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
        description=(
            "A file of your own: what it says of a viseme or an emotion counts in place of the bundled recipes.toml"
        ),
        subtype="FILE_PATH",
    )

    training_python: bpy.props.StringProperty(
        name="Training Python",
        description="The Python that has the training tools (pip install -e .[training]), which learn and make data",
        subtype="FILE_PATH",
    )

    learned: bpy.props.StringProperty(
        name="Further Models",
        description="Folder of models that learned from avatars, and of others that you put there; each has its card, "
        "NAME.toml, beside it. Empty: a folder of the add-on's own",
        subtype="DIR_PATH",
        update=look_at_models,
    )

    def draw(self, context):
        layout = self.layout
        fields = layout.column()
        fields.use_property_split = True
        fields.use_property_decorate = False
        row = fields.row()
        row.prop(self, "provider")
        row.operator("vrc_blendshape.test_provider", text="Test")
        if ran := context.window_manager.vrc_blendshape.provider:
            paragraph(context, fields, ran, icon="INFO")
        fields.prop(self, "recipes")
        fields.prop(self, "learned")
        fields.prop(self, "training_python")
        if self.training_python:
            beside(context, layout, "adapt", "vrc_blendshape.learn_from_avatar", "OUTLINER_DATA_GP_LAYER")
            beside(context, layout, "generate", "vrc_blendshape.generate_dataset", "FILE_FOLDER")
        else:
            paragraph(context, layout, INSTALL, icon="INFO")
        models.draw(context, layout)


def provider(context: bpy.types.Context) -> str:
    """The provider chosen in the preferences; `auto` where the add-on runs without being installed."""
    chosen = _chosen(context)
    return chosen.provider if chosen else "auto"


def own_recipes(context: bpy.types.Context) -> Path | None:
    """The recipes file named in the preferences; None for the bundled one."""
    chosen = _chosen(context)
    return Path(bpy.path.abspath(chosen.recipes)) if chosen and chosen.recipes else None


def training_python(context: bpy.types.Context) -> str:
    """The Python with the training tools that is named in the preferences; empty if none is."""
    chosen = _chosen(context)
    return bpy.path.abspath(chosen.training_python) if chosen and chosen.training_python else ""


def learned_folder(context: bpy.types.Context) -> Path:
    """Where models lie that learned from avatars; it may not be there yet."""
    chosen = _chosen(context)
    if chosen and chosen.learned:
        return Path(bpy.path.abspath(chosen.learned))
    return Path(bpy.utils.user_resource("DATAFILES")) / "vrc_blendshape" / "learned"


def learned(context: bpy.types.Context) -> dict[str, str]:
    """Names of the models in that folder, each with what its card calls it."""
    return {path.stem: name for path, name in registry.deformers(learned_folder(context)).items()}


def learned_model(context: bpy.types.Context, name: str) -> Path | None:
    """The file of a learned model; None for the bundled one, which has no name here."""
    return learned_folder(context) / f"{name}.onnx" if name else None


def _chosen(context: bpy.types.Context) -> Preferences | None:
    addon = context.preferences.addons.get(_PACKAGE)
    return addon.preferences if addon else None


CLASSES = (Preferences,)
