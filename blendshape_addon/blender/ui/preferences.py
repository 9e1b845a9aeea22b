"""The add-on's preferences, which hold for every file; `settings.py` reads them."""

import contextlib

import bpy

from ...core.errors import OutputError
from ...core.inference.providers import CHOICES
from ...core.messages import Message
from .. import debug_log, session, settings
from . import model_list
from .panels import models
from .panels.tab import paragraph, process_button

_NAMES = {
    "auto": "Automatic",
    "cpu": "CPU",
    "cuda": "CUDA (NVIDIA)",
    "directml": "DirectML (Windows)",
    "coreml": "Core ML (Apple)",
}


def switch_debug_log(on: bool) -> None:
    """Begin or end the debug log; where the file cannot be written, the switch's drawing says so."""
    with contextlib.suppress(OutputError):
        debug_log.switch(on)


def _switch_debug_log(self, context: bpy.types.Context) -> None:
    switch_debug_log(self.debug_log)


class Preferences(bpy.types.AddonPreferences):
    """Edit > Preferences > Add-ons > VRChat Blendshape Generator."""

    bl_idname = settings.PACKAGE

    provider: bpy.props.EnumProperty(
        name="Processor",
        description="Processor that runs the network; the CPU is used where the chosen one does not work",
        items=[(name, _NAMES[name], "") for name in CHOICES],
        default="auto",
    )

    recipes: bpy.props.StringProperty(
        name="Recipe File",
        description="Recipe file of your own: its visemes and emotions replace those of the bundled recipes.toml",
        subtype="FILE_PATH",
    )

    training_python: bpy.props.StringProperty(
        name="Training Python",
        description="Python with the training tools (pip install -e .[training]): they learn styles and make datasets",
        subtype="FILE_PATH",
    )

    learned: bpy.props.StringProperty(
        name="Extra Models Folder",
        description="Folder of models that learned from avatars and of models that you add; each needs its card, "
        "NAME.toml, beside it. Empty: the add-on's own folder",
        subtype="DIR_PATH",
        update=model_list.refresh_from_property,
    )

    debug_log: bpy.props.BoolProperty(
        name="Debug Log",
        description="Write to a file what the add-on does, stage by stage, and traces of what failed: for bug reports. "
        "It names your files and objects",
        update=_switch_debug_log,
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
        fields.prop(self, "debug_log")
        if self.debug_log:
            _log_file(context, fields)
        if self.training_python:
            process_button(context, layout, "adapt", "vrc_blendshape.share_style", "OUTLINER_DATA_GP_LAYER")
            process_button(context, layout, "generate", "vrc_blendshape.generate_dataset", "FILE_FOLDER")
        else:
            paragraph(context, layout, settings.TRAINING_TOOLS_MISSING, icon="INFO")
        models.draw(context, layout)


def _log_file(context, layout) -> None:
    file = str(debug_log.path())
    if session.current().log:
        paragraph(context, layout, Message("It is written to {path}.", path=file), icon="INFO")
    else:
        said = Message("{path} cannot be written: check the folder and the free space.", path=file)
        paragraph(context, layout, said, icon="ERROR")


CLASSES = (Preferences,)
