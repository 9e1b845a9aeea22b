"""Base of operators that run a command of the training tools beside Blender."""

import bpy

from ....core.errors import UserError
from ...jobs import training_process
from ...translations import translate


class TrainingCommand:
    """Mixin of an operator that starts one command, and stops it if `stop` is set.

    `start(context)` starts it, see training_process.start, and may raise UserError. `started`: what to report where the
    command goes on in the background; with no window the operator waits for its end.
    """

    bl_options = {"REGISTER"}
    started: str

    stop: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"}, default=False)

    def execute(self, context):
        if self.stop:
            training_process.stop()
            return {"FINISHED"}
        try:
            self.start(context)
        except UserError as error:
            self.report({"ERROR"}, translate(error))
            return {"CANCELLED"}
        if ended := training_process.follow():
            good, message = ended
            self.report({"INFO"} if good else {"ERROR"}, translate(message))
            return {"FINISHED"} if good else {"CANCELLED"}
        self.report({"INFO"}, translate(self.started))
        return {"FINISHED"}
