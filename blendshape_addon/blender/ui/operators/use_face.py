"""The buttons beside the question which avatar is meant."""

import bpy

from ...translations import translate
from .. import modes, state


class VRC_BLENDSHAPE_OT_use_face(bpy.types.Operator):
    """Select this mesh, so that the buttons work on its avatar"""

    bl_idname = "vrc_blendshape.use_face"
    bl_label = "Use This Face"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    name: bpy.props.StringProperty(options={"HIDDEN"})

    def execute(self, context):
        obj = context.view_layer.objects.get(self.name)
        if obj is None or obj.type != "MESH":
            self.report({"ERROR"}, translate("There is no mesh named “{name}”.", name=self.name))
            return {"CANCELLED"}
        modes.leave(context)
        bpy.ops.object.select_all(action="DESELECT")
        obj.select_set(True)
        context.view_layer.objects.active = obj
        state.refresh(context)
        return {"FINISHED"}


CLASSES = (VRC_BLENDSHAPE_OT_use_face,)
