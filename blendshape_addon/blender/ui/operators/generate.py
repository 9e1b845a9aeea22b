"""The Generate buttons."""

from functools import partial

import bpy

from ....core.errors import UserError
from ....core.messages import join_messages
from ....core.options import GenerateOptions
from ....core.vocabulary import ALL_SHAPES, ARKIT, BLINKS, EMOTIONS, KNOWN_SHAPES, UNIFIED, VISEMES
from ... import settings
from ...io import mesh_io, selection
from ...jobs import one_avatar
from ...keys import shape_keys, vrchat_check
from ...stored import parts, tuning
from ...translations import translate
from ...viewport import preview
from .. import left_out, properties
from .background import Background
from .preview import present


class Generate(Background):
    """Makes `names` on the selected avatar, in one undo step."""

    bl_options = {"REGISTER", "UNDO"}
    names: tuple[str, ...]

    preset: properties.preset()
    intensity: properties.intensity()
    existing: properties.existing()
    model: properties.model()
    confirmed: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    _confirming = False

    def invoke(self, context, event):
        """Ask before the creator's own keys are replaced."""
        if self.existing == "REPLACE" and not self.confirmed and not bpy.app.background:
            try:
                own = shape_keys.creators(selection.avatar_from_selection(context), self.names)
            except UserError as error:
                return self._refuse(error)
            if own:
                self._confirming = True
                question = translate(
                    "Replace your own {names}? They stay as backups under new names.", names=", ".join(own)
                )
                return context.window_manager.invoke_confirm(
                    self, event, title=translate(self.bl_label), message=question
                )
        return super().invoke(context, event)

    def execute(self, context):
        if self._confirming:  # the answer was yes; a job in the background begins with a button of its own
            button = getattr(bpy.ops.vrc_blendshape, type(self).__name__.rpartition("_OT_")[2])
            button("INVOKE_DEFAULT", confirmed=True, **self._settings())
            return {"CANCELLED"}
        return super().execute(context)

    def _settings(self) -> dict:
        """The properties that a button of its own is to have."""
        return {"preset": self.preset, "intensity": self.intensity, "existing": self.existing, "model": self.model}

    def work(self, context, avatar):
        objects = selection.avatar_from_selection(context)
        options = GenerateOptions(
            expressions=self.names,
            intensity=self.intensity,
            preset=self.preset.lower(),
            own_recipes=settings.own_recipes(context),
            tuning=tuning.read(objects),
            provider=settings.provider(context),
            model=settings.learned_model(context, self.model),
            existing=self.existing.lower(),
        )
        self._options = one_avatar.with_own_keys(objects, avatar, options)
        return partial(one_avatar.compute, avatar, self._options)

    def finish(self, context, objects, avatar, result):
        preview.stop()
        done = one_avatar.write(objects, avatar, result, self._options)
        parts.note(objects, avatar, result.analysis)
        context.window_manager.vrc_blendshape.fallback = translate(result.report["provider"]["fallback"])
        left_out.note(context, done.face_object.name, avatar, self.names, result)
        written = done.written
        for row in result.report["shapes"]:
            if not row["ok"]:
                self.report(
                    {"WARNING"},
                    translate("{name} was left out: {reasons}.", name=row["name"], reasons=join_messages(row["notes"])),
                )
        for message in result.report["missing"]:
            self.report({"WARNING"}, translate(message))
        for message in result.report["own"]["notes"]:
            self.report({"INFO"}, translate(message))
        if written.kept:
            self.report({"WARNING"}, translate("Kept your own {names}.", names=", ".join(written.kept)))
        for message in (*shape_keys.remarks(written), *mesh_io.remarks(objects)):
            self.report({"WARNING"}, translate(message))
        for finding in vrchat_check.apart(objects):
            self.report({"WARNING"}, translate(finding.message))
        count, style = len(written.made + written.replaced) + len(written.used), shape_keys.style_of(done.face_object)
        name = done.face_object.name
        said = translate("Shape keys made on {name}: {count}. Style: {style}.", count=count, name=name, style=style)
        context.window_manager.vrc_blendshape.said = said
        self.report({"INFO"}, said)
        if not bpy.app.background:
            present(context, done, self.names)


class VRC_BLENDSHAPE_OT_generate_visemes(Generate, bpy.types.Operator):
    """Make the 15 VRChat visemes on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_visemes"
    bl_label = "Generate Visemes"
    names = VISEMES


class VRC_BLENDSHAPE_OT_generate_emotions(Generate, bpy.types.Operator):
    """Make five emotions on the selected avatar: angry, fun, joy, sorrow, surprised"""

    bl_idname = "vrc_blendshape.generate_emotions"
    bl_label = "Generate Emotions"
    names = EMOTIONS


class VRC_BLENDSHAPE_OT_generate_blink(Generate, bpy.types.Operator):
    """Make the blink of both eyes and of each alone on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_blink"
    bl_label = "Generate Blink"
    names = BLINKS


class VRC_BLENDSHAPE_OT_generate_face_tracking(Generate, bpy.types.Operator):
    """Make the 52 ARKit shapes for face tracking on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_face_tracking"
    bl_label = "Generate Face Tracking"
    names = ARKIT


class VRC_BLENDSHAPE_OT_generate_unified(Generate, bpy.types.Operator):
    """Make the face tracking shapes that Unified Expressions have and ARKit lacks, on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_unified"
    bl_label = "Generate Unified Expressions"
    names = UNIFIED


class VRC_BLENDSHAPE_OT_generate_all(Generate, bpy.types.Operator):
    """Make visemes, emotions, blinks and face tracking shapes on the selected avatar"""

    bl_idname = "vrc_blendshape.generate_all"
    bl_label = "Generate All"
    names = ALL_SHAPES


class GenerateOne(Generate):
    """Makes one shape on the selected avatar."""

    shape: bpy.props.EnumProperty(
        name="Shape", items=[(name, name, "") for name in KNOWN_SHAPES], default=KNOWN_SHAPES[0], options={"HIDDEN"}
    )

    @property
    def names(self) -> tuple[str, ...]:
        return (self.shape,)

    def _settings(self):
        return {**super()._settings(), "shape": self.shape}


class VRC_BLENDSHAPE_OT_regenerate_shape(GenerateOne, bpy.types.Operator):
    """Generate only this shape again, with the present tuning; the others stay as they are"""

    bl_idname = "vrc_blendshape.regenerate_shape"
    bl_label = "Regenerate Only This"


CLASSES = (
    VRC_BLENDSHAPE_OT_generate_visemes,
    VRC_BLENDSHAPE_OT_generate_emotions,
    VRC_BLENDSHAPE_OT_generate_blink,
    VRC_BLENDSHAPE_OT_generate_face_tracking,
    VRC_BLENDSHAPE_OT_generate_unified,
    VRC_BLENDSHAPE_OT_generate_all,
    VRC_BLENDSHAPE_OT_regenerate_shape,
)
