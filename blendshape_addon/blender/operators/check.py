"""The Check button."""

import bpy

from ...core.errors import UserError
from .. import check
from ..mesh_io import avatar_from_selection


class VRC_BLENDSHAPE_OT_check(bpy.types.Operator):
    """Check whether VRChat will take the selected avatar's shape keys"""

    bl_idname = "vrc_blendshape.check"
    bl_label = "Check Shape Keys"
    bl_options = {"REGISTER"}

    def execute(self, context):
        try:
            found = check.problems(avatar_from_selection(context))
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        for sentence in found:
            self.report({"WARNING"}, sentence)
        if not found:
            self.report({"INFO"}, "All 15 visemes are there, none is empty and no two are the same.")
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_check,)
