"""In a window, Replace asks before it touches the creator's keys; the job begins only after a yes."""

from types import SimpleNamespace

import bpy
import pytest

from blendshape_addon.blender.io import selection
from blendshape_addon.blender.keys import shape_keys
from blendshape_addon.blender.ui.operators import background, generate


class Manager:
    question = None

    def invoke_confirm(self, operator, event, title, message):
        self.question = message
        return {"RUNNING_MODAL"}


@pytest.fixture
def press(addon, monkeypatch):
    """press(existing, own keys) -> the operator, what its window manager was asked, what was started."""
    monkeypatch.setattr(bpy.app, "background", False)
    monkeypatch.setattr(selection, "avatar_from_selection", lambda context: [])
    started = []
    monkeypatch.setattr(background.Background, "invoke", lambda *_: started.append("job") or {"RUNNING_MODAL"})
    button = SimpleNamespace(generate_visemes=lambda context, **how: started.append(how))
    monkeypatch.setattr(bpy, "ops", SimpleNamespace(vrc_blendshape=button), raising=False)

    def press(existing, own):
        monkeypatch.setattr(shape_keys, "creators", lambda objects, names: own)
        operator = generate.VRC_BLENDSHAPE_OT_generate_visemes()
        operator.preset, operator.intensity, operator.existing, operator.confirmed = "AUTO", 0.5, existing, False
        operator.model = "mine"
        manager = Manager()
        operator.invoke(SimpleNamespace(window_manager=manager), None)
        return operator, manager.question, started

    return press


def test_only_a_yes_begins_the_job(press):
    operator, question, started = press("REPLACE", ["vrc.v_aa", "vrc.v_oh"])
    assert "vrc.v_aa, vrc.v_oh" in question and started == []
    assert operator.execute(None) == {"CANCELLED"}
    assert started == [{"preset": "AUTO", "intensity": 0.5, "existing": "REPLACE", "model": "mine", "confirmed": True}]


@pytest.mark.parametrize(("existing", "own"), [("KEEP", ["vrc.v_aa"]), ("FILL", ["vrc.v_aa"]), ("REPLACE", [])])
def test_nothing_is_asked_where_nothing_is_lost(press, existing, own):
    _, question, started = press(existing, own)
    assert question is None and started == ["job"]
