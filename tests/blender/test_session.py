"""What the add-on holds while it is registered, all of it let go when it is unregistered."""

import contextlib
import sys

import bpy
import numpy as np
import pytest
from helpers import fingerprint

import blendshape_addon
from blendshape_addon.blender import session
from blendshape_addon.blender.io import mesh_io
from blendshape_addon.blender.jobs import one_avatar, training_process
from blendshape_addon.blender.ui.operators import landmarks
from blendshape_addon.blender.viewport import landmark_modal, landmark_overlay, preview
from blendshape_addon.core.face.face_space import canonical_landmarks
from blendshape_addon.core.inference import probe

operators = bpy.ops.vrc_blendshape
GROUPS = (bpy.types.Object, bpy.types.Scene, bpy.types.WindowManager)


def ours() -> set[str]:
    """Everything of the add-on that Blender holds: handlers, classes and property groups."""
    found = set()
    for event in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, event)
        if isinstance(handlers, list):
            found |= {f"{event}: {one.__qualname__}" for one in handlers if "blendshape" in (one.__module__ or "")}
    found |= {name for name in dir(bpy.types) if name.startswith("VRC_BLENDSHAPE")}
    found |= {f"{owner.__name__}.vrc_blendshape" for owner in GROUPS if hasattr(owner, "vrc_blendshape")}
    return found


@pytest.fixture
def unregistered(addon):
    """unregister() ends the registration of the tests, which is begun again afterwards."""
    yield addon.unregister
    with contextlib.suppress(RuntimeError):
        session.current()
        return
    addon.register()


def use(figure) -> list:
    """A job's cache, a preview that speaks, landmarks that are moved, the overlay, and the training tools at work."""
    objects = [figure["body"], figure["teeth"], figure["hair"]]
    operators.generate_visemes()
    operators.show_shape(shape="vrc.v_aa")
    operators.speak()
    points = np.column_stack([canonical_landmarks(), np.zeros(len(canonical_landmarks()))])
    session.current().landmark_mode = landmark_modal.of(objects, mesh_io.read(objects), points)
    bpy.context.window_manager.vrc_blendshape.editing_landmarks = "MOVING"
    landmark_overlay.add()
    training_process.start("generate", [sys.executable, "-c", "import time; time.sleep(600)"], "Stopped.")
    bpy.app.timers.register(training_process.watch, persistent=True)
    return objects


def test_nothing_of_a_used_add_on_is_left(figure, planted, unregistered):
    objects = [figure["body"], figure["teeth"], figure["hair"]]
    operators.generate_visemes()
    figure["body"].data.shape_keys.key_blocks["vrc.v_oh"].value = 0.4  # the creator's, which the preview sets aside
    before = [fingerprint(obj) for obj in objects]
    use(figure)
    held = session.current()
    assert held.analysed and held.landmark_mode and held.overlay and preview.shown()
    assert any("speak" in one for one in ours()) and [fingerprint(obj) for obj in objects] != before
    run = held.training.run
    unregistered()
    assert ours() == set()
    assert not bpy.app.timers.is_registered(training_process.watch)
    assert not run.running
    assert not session.exists() and probe.cache is not held.probes
    assert [fingerprint(obj) for obj in objects] == before and not preview.shown()
    with pytest.raises(ValueError):  # it has been removed
        bpy.types.SpaceView3D.draw_handler_remove(held.overlay, "WINDOW")
    with pytest.raises(RuntimeError, match="not registered"):
        session.current()


def test_it_registers_again_as_it_was(figure, planted, unregistered):
    before = ours()
    use(figure)
    unregistered()
    blendshape_addon.register()
    assert ours() == before
    fresh = session.current()
    assert not fresh.analysed and fresh.landmark_mode is None and fresh.training.run is None
    assert probe.cache is fresh.probes
    assert operators.generate_visemes() == {"FINISHED"}


def test_a_registered_add_on_is_not_registered_over(addon):
    held = session.current()
    with pytest.raises(RuntimeError, match="registered already"):
        session.begin()
    assert session.current() is held


def test_the_command_line_has_a_session_without_registration(unregistered):
    unregistered()
    with session.opened() as held:
        assert session.current() is held
        one_avatar.forget()
        with session.opened() as inner:
            assert inner is held
        assert session.exists()
    assert not session.exists()


def test_leaving_where_nothing_is_moved_changes_nothing(addon):
    shown = bpy.context.window_manager.vrc_blendshape
    shown.editing_landmarks = ""
    landmarks.leave()
    assert session.current().landmark_mode is None and shown.editing_landmarks == ""
