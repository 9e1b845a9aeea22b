"""Settings of the add-on that hold for every file."""

import bpy

from ...core.inference.providers import CHOICES
from .. import settings
from . import model_list
from .panels import models
from .panels.tab import beside, paragraph

_NAMES = {
    "auto": "Automatic",
    "cpu": "CPU",
    "cuda": "CUDA (NVIDIA)",
    "directml": "DirectML (Windows)",
    "coreml": "Core ML (Apple)",
}


class Preferences(bpy.types.AddonPreferences):
    """Edit > Preferences > Add-ons > VRChat Blendshape Generator."""

    bl_idname = settings.PACKAGE

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
        update=model_list.refresh_from_property,
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
            paragraph(context, layout, settings.TRAINING_TOOLS_MISSING, icon="INFO")
        models.draw(context, layout)


CLASSES = (Preferences,)
