"""What the panel remembers with the file."""

import bpy

EXISTING_ITEMS = (
    ("KEEP", "Keep Mine", "Keep keys of the same name that you made or edited; replace only what this tool made"),
    ("FILL", "Fill Empty", "As Keep Mine, but keys of yours that move nothing are filled"),
    ("REPLACE", "Replace", "Overwrite keys of the same name, whoever made them; yours stay under a new name as backup"),
)
PRESET_ITEMS = (
    ("AUTO", "Automatic", "Choose by the face's proportions"),
    ("NATURAL", "Natural", "As artists of realistic faces draw visemes and emotions"),
    ("ANIME", "Anime", "As anime artists draw them: small mouths, strong emotions"),
)


def preset() -> bpy.props.EnumProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.EnumProperty(
        name="Style", description="Whose style the shapes follow", items=PRESET_ITEMS, default="AUTO"
    )


def intensity() -> bpy.props.FloatProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.FloatProperty(
        name="Intensity", description="How strong the shapes are", default=1.0, min=0.0, max=1.0, subtype="FACTOR"
    )


def existing() -> bpy.props.EnumProperty:
    """Declared the same way by the panel's settings and by the operators."""
    return bpy.props.EnumProperty(
        name="Existing Keys", description="What happens to keys of the same name", items=EXISTING_ITEMS, default="KEEP"
    )


class Settings(bpy.types.PropertyGroup):
    """Scene.vrc_blendshape: what the panel's buttons are pressed with."""

    preset: preset()
    intensity: intensity()
    existing: existing()


CLASSES = (Settings,)
