"""Where panels of this add-on are."""


class Tab:
    """A panel in the 3D view's sidebar, tab "VRChat"."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "VRChat"


class SubPanel(Tab):
    """A panel below the main one, collapsed until it is wanted."""

    bl_parent_id = "VRC_BLENDSHAPE_PT_main"
    bl_options = {"DEFAULT_CLOSED"}
