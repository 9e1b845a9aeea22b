"""Operators on one shape key by hand: sculpt it, smooth it, copy a side, lead it back; then keep or discard that."""

from dataclasses import replace

import bpy
import numpy as np

from ....core.errors import InputError, UserError
from ....core.geometry import key_editing
from ....core.messages import join_messages
from ....core.vocabulary import KNOWN_SHAPES, mirrored
from ...io import mesh_io
from ...io.selection import avatar_from_selection, require_editable
from ...jobs import one_avatar
from ...keys import key_blocks, shape_keys
from ...stored import editing
from ...translations import translate
from ...viewport import preview, speaking
from .. import modes, state
from .tuning import made_again


class _OnKey:
    """Does `work(context, face, before)` in object mode, as one undo step; before: stored.editing of the face's keys.

    The mode is entered again afterwards, Edit Mode after the undo step is stored, since its own steps hold no keys.
    """

    bl_options = {"REGISTER", "INTERNAL"}

    @classmethod
    def poll(cls, context):
        shown = context.window_manager.vrc_blendshape
        return not shown.running and not shown.editing_landmarks and bool(editing.name_of(_face(context)))

    def execute(self, context):
        left = modes.leave(context)
        try:
            face = _face(context)
            self.work(context, face, editing.read(face))
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            left.enter(context)
            return {"CANCELLED"}
        state.refresh(context)
        self.enter(context, left)
        return {"FINISHED"}

    def enter(self, context, left: modes.Left) -> None:
        """Enter the mode again and store the undo step."""
        label = translate(self.bl_label)
        if left.mode == "EDIT":
            left.enter(context, label)
            return
        left.enter(context)
        undo_step(label)


def undo_step(label: str) -> None:
    """Store the present state to be gone back to."""
    if not bpy.app.background:
        bpy.ops.ed.undo_push(message=label)


def _face(context) -> bpy.types.Object | None:
    return bpy.data.objects.get(context.window_manager.vrc_blendshape.face)


class VRC_BLENDSHAPE_OT_edit_shape(bpy.types.Operator):
    """Sculpt this shape key, both sides at once on a symmetric mesh; Discard brings back what it was, until Keep"""

    bl_idname = "vrc_blendshape.edit_shape"
    bl_label = "Edit This Shape"
    bl_options = {"REGISTER", "INTERNAL"}

    shape: bpy.props.EnumProperty(items=[(name, name, "") for name in KNOWN_SHAPES], default="vrc.v_aa")

    @classmethod
    def poll(cls, context):
        shown = context.window_manager.vrc_blendshape
        return not shown.running and not shown.editing_landmarks

    def execute(self, context):
        modes.leave(context)
        speaking.stop()
        preview.stop()
        context.window_manager.vrc_blendshape.viseme = ""
        try:
            self._begin(context)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        state.refresh(context)
        bpy.ops.object.mode_set(mode="SCULPT")
        undo_step(translate(self.bl_label))
        return {"FINISHED"}

    def _begin(self, context) -> None:
        """Make the key the one that is edited, unless it is that already."""
        objects, face = avatar_from_selection(context), _face(context)
        keys = face.data.shape_keys if face else None
        if keys is None or self.shape not in keys.key_blocks:
            raise InputError("{shape} is not on this avatar yet: generate it first.", shape=self.shape)
        other = editing.name_of(face)
        if other and other != self.shape:
            raise InputError("{shape} is still being edited: press Keep or Discard first.", shape=other)
        require_editable(face)
        key = keys.key_blocks[self.shape]
        if not other:
            ours = self.shape in key_blocks.made_by_us(face)
            before = (face.show_only_shape_key, face.active_shape_key_index, face.data.use_mirror_x)
            editing.begin(face, editing.Before(self.shape, mesh_io.coordinates(key.points), ours, *before))
        for obj in context.selected_objects:
            obj.select_set(False)
        face.select_set(True)
        context.view_layer.objects.active = face
        face.active_shape_key_index = keys.key_blocks.find(self.shape)
        face.show_only_shape_key = True
        both = mirrored(self.shape) == self.shape
        face.data.use_mirror_x = both and key_editing.is_symmetric(mesh_io.basis(face))
        preview.show([obj for obj in objects if obj != face], {self.shape: 1.0})  # teeth and tongue go along


class _Finish(_OnKey):
    """Ends the editing of the key."""

    def work(self, context, face, before):
        self.settle(face, before)
        face.show_only_shape_key, face.active_shape_key_index = before.pinned, before.active
        face.data.use_mirror_x = before.mirrored
        editing.end(face)
        preview.stop()
        face.data.update()

    def enter(self, context, left):
        undo_step(translate(self.bl_label))


class VRC_BLENDSHAPE_OT_keep_edit(_Finish, bpy.types.Operator):
    """Keep what was edited: the key counts as yours from now on, and is not overwritten"""

    bl_idname = "vrc_blendshape.keep_edit"
    bl_label = "Keep"

    def settle(self, face, before):
        return None


class VRC_BLENDSHAPE_OT_discard_edit(_Finish, bpy.types.Operator):
    """Bring the key back exactly as it was before it was edited"""

    bl_idname = "vrc_blendshape.discard_edit"
    bl_label = "Discard"

    def settle(self, face, before):
        _require_same_vertices(face, before)
        face.data.shape_keys.key_blocks[before.key].points.foreach_set("co", before.points.reshape(-1))


class _Change(_OnKey):
    """Changes the offsets of the key by `change(context, face, before, offsets, share)`."""

    def work(self, context, face, before):
        key = face.data.shape_keys.key_blocks[before.key]
        base = mesh_io.coordinates(key.relative_key.points)
        offsets = mesh_io.coordinates(key.points) - base
        changed = self.change(context, face, before, offsets, _share(face, self._mode))
        key.points.foreach_set("co", (base + changed).astype(np.float32).reshape(-1))
        face.data.update()

    def execute(self, context):
        face = _face(context)
        self._mode = face.mode if face else "OBJECT"
        return super().execute(context)


class VRC_BLENDSHAPE_OT_smooth_here(_Change, bpy.types.Operator):
    """Smooth the motion of this shape: in Edit Mode where vertices are selected, else everywhere but under the mask"""

    bl_idname = "vrc_blendshape.smooth_here"
    bl_label = "Smooth Here"

    def change(self, context, face, before, offsets, share):
        edges = np.empty(2 * len(face.data.edges), np.int32)
        face.data.edges.foreach_get("vertices", edges)
        return key_editing.smooth(offsets, edges.reshape(-1, 2), share)


class VRC_BLENDSHAPE_OT_copy_side(_Change, bpy.types.Operator):
    """Copy the motion of one side of the face to the other; also where the mesh is not quite symmetric"""

    bl_idname = "vrc_blendshape.copy_side"
    bl_label = "Copy Side"

    to: bpy.props.EnumProperty(
        name="To", items=[("RIGHT", "Left to Right", ""), ("LEFT", "Right to Left", "")], default="RIGHT"
    )

    def change(self, context, face, before, offsets, share):
        base, triangles = mesh_io.basis(face), _triangles(face.data)
        if self._mode == "EDIT":  # whichever side is selected
            share = key_editing.on_both_sides(base, share)
        return key_editing.copy_side(base, triangles, offsets, share, self.to == "LEFT")


class VRC_BLENDSHAPE_OT_reset_here(_Change, bpy.types.Operator):
    """Lead this shape back: in Edit Mode where vertices are selected, else everywhere but under the mask"""

    bl_idname = "vrc_blendshape.reset_here"
    bl_label = "Reset Here"

    to: bpy.props.EnumProperty(
        name="To",
        items=[
            ("GENERATED", "To Generated", "As this tool makes the shape"),
            ("REST", "To Rest", "As if the shape moved nothing there"),
        ],
        default="GENERATED",
    )

    def change(self, context, face, before, offsets, share):
        target = np.zeros_like(offsets) if self.to == "REST" else self._generated(context, face, before)
        return key_editing.blend(offsets, target, share)

    def _generated(self, context, face, before) -> np.ndarray:
        base = mesh_io.coordinates(face.data.shape_keys.key_blocks[before.key].relative_key.points)
        if before.ours:
            _require_same_vertices(face, before)
            return before.points - base
        objects = avatar_from_selection(context)
        avatar = mesh_io.read(objects)
        (options,) = made_again(context, objects, avatar, [before.key])
        options = replace(options, own=[one for one in options.own if one.shape.name != before.key])
        result = one_avatar.compute(avatar, options)
        if not result.shapes:
            reasons = join_messages(result.report["shapes"][0]["notes"])
            raise InputError("{name} was left out: {reasons}.", name=before.key, reasons=reasons)
        return shape_keys.places(objects, avatar, face, result.shapes[0]) - base


def _share(face: bpy.types.Object, mode: str) -> np.ndarray:
    """(V,) how much each vertex is changed: 1 where it is selected in Edit Mode, else 1 less its sculpt mask; 0 where
    it is hidden. Raises InputError where nothing is selected."""
    mesh = face.data
    share, hidden = np.ones(len(mesh.vertices), np.float32), np.zeros(len(mesh.vertices), bool)
    mesh.vertices.foreach_get("hide", hidden)
    if mode == "EDIT":
        selected = np.zeros(len(mesh.vertices), bool)
        mesh.vertices.foreach_get("select", selected)
        if not selected.any():
            raise InputError("No vertex is selected: select those to change, or leave Edit Mode.")
        share[~selected] = 0
    elif mask := mesh.attributes.get(".sculpt_mask"):
        values = np.empty(len(mesh.vertices), np.float32)
        mask.data.foreach_get("value", values)
        share -= values
    share[hidden] = 0
    return share


def _triangles(mesh: bpy.types.Mesh) -> np.ndarray:
    mesh.calc_loop_triangles()
    found = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices", found)
    return found.reshape(-1, 3)


def _require_same_vertices(face: bpy.types.Object, before: editing.Before) -> None:
    if len(before.points) != len(face.data.vertices):
        raise InputError(
            "The mesh has other vertices than before it was edited, so the shape cannot be brought back: press Ctrl Z "
            "until they are back, or Keep."
        )


CLASSES = (
    VRC_BLENDSHAPE_OT_edit_shape,
    VRC_BLENDSHAPE_OT_keep_edit,
    VRC_BLENDSHAPE_OT_discard_edit,
    VRC_BLENDSHAPE_OT_smooth_here,
    VRC_BLENDSHAPE_OT_copy_side,
    VRC_BLENDSHAPE_OT_reset_here,
)
