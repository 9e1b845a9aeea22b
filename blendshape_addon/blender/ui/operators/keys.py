"""Operators on existing keys: other names, clean-up, order, modifiers applied with them."""

import bpy

from ....core.avatar import key_names
from ....core.errors import UserError
from ....core.messages import Message
from ...io.selection import avatar_from_selection
from ...keys import alias_keys, apply_modifier, own_keys
from ...translations import translate
from ...viewport import preview
from .. import modes
from ..items import CONVENTION_ITEMS


class _OnAvatar:
    """Does `work` on the selected avatar's objects, in one undo step."""

    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        try:
            with modes.object_mode(context, translate(self.bl_label)):
                done = self.work(avatar_from_selection(context))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        self.report({"INFO"}, translate(done))
        return {"FINISHED"}


class VRC_BLENDSHAPE_OT_add_aliases(_OnAvatar, bpy.types.Operator):
    """Add the shape key names that other programs look for to the selected avatar"""

    bl_idname = "vrc_blendshape.add_aliases"
    bl_label = "Add Names"

    convention: bpy.props.EnumProperty(name="Names", items=CONVENTION_ITEMS, default="MMD")
    rename: bpy.props.BoolProperty(
        name="Rename", description="Rename the keys that this tool made instead of copying them"
    )

    def work(self, objects):
        done = alias_keys.add(objects, self.convention.lower(), self.rename)
        if done.kept:
            self.report({"WARNING"}, translate("Kept your own {names}.", names=", ".join(done.kept)))
        names = {name: label for name, label, _ in CONVENTION_ITEMS}[self.convention]
        if not done.made:
            missing = ", ".join(key_names.written(self.convention.lower()))
            return Message(
                "None of the shapes that {names} has a name for is there: {missing}.", names=names, missing=missing
            )
        if self.rename:
            return Message("Renamed {count} keys to names of {names}.", count=len(done.made), names=names)
        return Message("Copied {count} keys to names of {names}.", count=len(done.made), names=names)


class VRC_BLENDSHAPE_OT_clean_up(_OnAvatar, bpy.types.Operator):
    """Remove the keys that this tool made from the selected avatar; edited, driven and animated ones stay"""

    bl_idname = "vrc_blendshape.clean_up"
    bl_label = "Remove Generated Keys"

    def work(self, objects):
        done = own_keys.clean_up(objects)
        if done.kept:
            self.report({"WARNING"}, translate("Kept {names}: you drive or animate them.", names=", ".join(done.kept)))
        if not done.removed:
            return Message("There is no key to remove that this tool made and you have not edited since.")
        return Message("Removed {count} keys that this tool made.", count=len(done.removed))


class VRC_BLENDSHAPE_OT_adopt_keys(_OnAvatar, bpy.types.Operator):
    bl_idname = "vrc_blendshape.adopt_keys"
    bl_label = "Find My Generated Keys After Import"
    bl_description = (
        "After an import from FBX or GLB, find the keys that carry this tool's hidden mark and treat them as "
        "generated, so that they can be replaced or removed. Whether you edited them before cannot be detected"
    )

    def invoke(self, context, event):
        return context.window_manager.invoke_confirm(self, event)

    def work(self, objects):
        found = own_keys.adopt(objects)
        if not found:
            return Message("No more generated keys were found.")
        return Message("Generated keys found: {count}.", count=len(found))


class VRC_BLENDSHAPE_OT_sort_keys(_OnAvatar, bpy.types.Operator):
    bl_idname = "vrc_blendshape.sort_keys"
    bl_label = "Sort Keys"
    bl_description = (
        "Sort visemes, emotions, blinks and face tracking shapes below Basis in their usual order, your other keys "
        "after them. Drivers and animation stay; VRChat's eyelids, which go by number, have to be chosen again"
    )

    def work(self, objects):
        if own_keys.sort(objects):
            return Message("Sorted the shape keys.")
        return Message("The shape keys are in order already.")


class VRC_BLENDSHAPE_OT_apply_modifier(bpy.types.Operator):
    """Apply this modifier to the mesh and to each of its shape keys, which are kept"""

    bl_idname = "vrc_blendshape.apply_modifier"
    bl_label = "Apply Modifier, Keep Keys"
    bl_options = {"REGISTER", "UNDO"}

    object: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})  # empty: the active one
    modifier: bpy.props.StringProperty(name="Modifier", options={"SKIP_SAVE", "HIDDEN"})

    def execute(self, context):
        preview.stop()
        obj = bpy.data.objects.get(self.object) if self.object else context.object
        if obj is None or obj.type != "MESH":
            name = self.object or getattr(obj, "name", "")
            self.report({"ERROR"}, translate("There is no mesh named “{name}”.", name=name))
            return {"CANCELLED"}
        window = context.window_manager
        window.progress_begin(0, 100)
        try:
            with modes.object_mode(context, translate(self.bl_label)):
                done = apply_modifier.apply(
                    obj, self.modifier, lambda share: window.progress_update(round(100 * share))
                )
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        finally:
            window.progress_end()
        if done.out_of_order:
            said = translate(
                "{modifier} stood below other modifiers: look whether it still does what it did.",
                modifier=self.modifier,
            )
            self.report({"WARNING"}, said)
        if done.unmasked:
            self.report(
                {"WARNING"},
                translate(
                    "The vertex group of {names} would show something else on the new mesh, so it is now part of the "
                    "key's shape.",
                    names=", ".join(done.unmasked),
                ),
            )
        said = translate(
            "Applied {modifier}: {vertices:,} vertices, {keys} shape keys kept.",
            modifier=self.modifier,
            vertices=done.vertices,
            keys=done.keys,
        )
        self.report({"INFO"}, said)
        return {"FINISHED"}


CLASSES = (
    VRC_BLENDSHAPE_OT_add_aliases,
    VRC_BLENDSHAPE_OT_clean_up,
    VRC_BLENDSHAPE_OT_adopt_keys,
    VRC_BLENDSHAPE_OT_sort_keys,
    VRC_BLENDSHAPE_OT_apply_modifier,
)
