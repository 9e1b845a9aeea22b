"""What the panels draw, on a layout that refuses buttons and properties that do not exist."""

from types import MappingProxyType, SimpleNamespace

import bpy
import pytest

from blendshape_addon.blender import session, settings
from blendshape_addon.blender.keys import shape_keys
from blendshape_addon.blender.stored import measurements, tuning
from blendshape_addon.blender.ui import panels, preferences
from blendshape_addon.blender.ui.panels.artist_style import VRC_BLENDSHAPE_PT_artist_style
from blendshape_addon.blender.ui.panels.avatar import VRC_BLENDSHAPE_PT_avatar
from blendshape_addon.blender.ui.panels.body import VRC_BLENDSHAPE_PT_body
from blendshape_addon.blender.ui.panels.check import VRC_BLENDSHAPE_PT_check
from blendshape_addon.blender.ui.panels.dataset import VRC_BLENDSHAPE_PT_dataset
from blendshape_addon.blender.ui.panels.main import VRC_BLENDSHAPE_PT_main
from blendshape_addon.blender.ui.panels.shapes import VRC_BLENDSHAPE_PT_shapes
from blendshape_addon.blender.ui.panels.tuning import VRC_BLENDSHAPE_PT_one_shape


def buttons(drawn: list) -> dict[str, object]:
    return {entry[1]: entry[2] for entry in drawn if entry[0] == "operator"}


def test_sidebar_tab():
    assert panels.CLASSES[0] == VRC_BLENDSHAPE_PT_main
    for panel in panels.CLASSES:
        assert (panel.bl_space_type, panel.bl_region_type, panel.bl_category) == ("VIEW_3D", "UI", "VRChat")


def test_what_is_below_the_main_panel_is_collapsed():
    for panel in panels.CLASSES[1:]:
        assert panel.bl_parent_id == "VRC_BLENDSHAPE_PT_main"
        assert panel.bl_options & {"DEFAULT_CLOSED", "HIDE_HEADER"}


def test_first_button_generates_visemes(draw):
    drawn = draw(VRC_BLENDSHAPE_PT_main)
    first = next(entry for entry in drawn if entry[0] == "operator")
    assert first[1] == "vrc_blendshape.generate_visemes"
    cls = next(cls for cls in bpy.registered if getattr(cls, "bl_idname", None) == first[1])
    assert cls.bl_label == "Generate Visemes"


@pytest.mark.parametrize(
    "settings", [{}, {"intensity": 0.25, "existing": "REPLACE", "preset": "ANIME", "model": "mine"}]
)
def test_every_generate_button_carries_the_panels_settings(draw, settings):
    expected = {"intensity": 1.0, "existing": "MINE", "preset": "AUTO", "model": ""} | settings
    found = [button for name, button in buttons(draw(VRC_BLENDSHAPE_PT_main, settings)).items() if "generate" in name]
    assert len(found) == 6 and "make_weaker" not in " ".join(buttons(draw(VRC_BLENDSHAPE_PT_main, settings)))
    for button in found:
        assert {name: getattr(button, name) for name in expected} == expected


def test_every_operator_has_its_button(draw, instance, monkeypatch, tmp_path):
    body = SimpleNamespace(data=SimpleNamespace(shape_keys=None), name="Body", get=lambda key: Notes({"/": "SKIN"}))
    body.vrc_blendshape = kept = instance(tuning.TuningProperties)
    body.type, body.modifiers = "MESH", [SimpleNamespace(name="Mirror", type="MIRROR")]
    body.find_armature, body.parent = lambda: None, None
    bpy.data.objects["Body"] = body
    fault = SimpleNamespace(
        shape="joy", check="flips", grade="red", message="7 triangles turn over", repairable=True, fixed=False
    )
    left_out = SimpleNamespace(face="Body", shape="vrc.v_aa", check="flips", message="left out")
    state = {"objects": [body], "face": "Body", "running": True, "checked": "Body", "check_results": [fault]}
    state |= {"holder": "Body", "left_out": [left_out], "said": "Done."}
    monkeypatch.setattr(settings, "training_python", lambda context: "python")
    drawn = set()
    for kept.recipes, state["running"], state["editing_landmarks"] in (
        ([], True, ""),
        ([own_recipe(instance)], False, ""),
        ([], False, "MOVING"),
    ):
        pressed = (buttons(draw(panel, {"preset": "NATURAL"}, body, state)) for panel in panels.CLASSES)
        drawn |= {name for names in pressed for name in names}
    body.data, body.mode = SimpleNamespace(shape_keys=Keys({"vrc_blendshape_editing": {"key": "vrc.v_aa"}})), "SCULPT"
    drawn |= buttons(draw(VRC_BLENDSHAPE_PT_one_shape, None, body, state)).keys()
    (tmp_path / "pose.onnx").touch()
    monkeypatch.setattr(settings, "body_networks", lambda context: tmp_path)
    monkeypatch.setattr(measurements, "of", lambda obj: measurements.Measured({"height": 170.0}, True, ""))
    monkeypatch.setattr(bpy.data, "images", {}, raising=False)
    drawn |= buttons(draw(VRC_BLENDSHAPE_PT_body, None, body, state)).keys()
    bpy.data.objects.clear()
    drawn |= buttons(draw(VRC_BLENDSHAPE_PT_main, state={"suggestions": [body]})).keys()
    drawn |= buttons(draw(preferences.Preferences)).keys()
    started_by_others = {"vrc_blendshape.move_landmarks"}
    assert drawn == {cls.bl_idname for cls in bpy.registered if issubclass(cls, bpy.types.Operator)} - started_by_others


class Keys(dict):
    """Of a mesh, with one key and notes."""

    key_blocks = MappingProxyType({"vrc.v_aa": None})


def own_recipe(instance):
    """Of vrc.v_aa in natural style, by one part."""
    own = instance(tuning.Recipe)
    part = instance(tuning.RecipePart)
    part.word, part.weight = "jawOpen", 0.5
    object.__setattr__(own, "name", "vrc.v_aa")
    own.preset, own.parts = "natural", [part]
    return own


def test_a_shape_shows_what_it_is_made_of_and_what_of_that_is_the_avatars_own(draw, instance):
    body = SimpleNamespace(
        data=SimpleNamespace(shape_keys=None), name="Body", vrc_blendshape=instance(tuning.TuningProperties)
    )
    bpy.data.objects["Body"] = body
    state = {"face": "Body", "holder": "Body", "tuned": "vrc.v_aa"}
    settings = {"preset": "NATURAL", "intensity": 0.25}
    usual = draw(VRC_BLENDSHAPE_PT_one_shape, settings, state=state)
    unknown = draw(VRC_BLENDSHAPE_PT_one_shape, state=state)
    unit = draw(VRC_BLENDSHAPE_PT_one_shape, settings, state=state | {"tuned": "jawOpen"})
    body.vrc_blendshape.recipes = [own_recipe(instance)]
    own = draw(VRC_BLENDSHAPE_PT_one_shape, settings, state=state)
    bpy.data.objects.clear()
    assert "jawOpen  0.05" in labels(usual) and "vrc_blendshape.edit_recipe" in buttons(usual)
    assert "choose a style" in " ".join(labels(unknown)) and labels(unit) == []
    assert buttons(own)["vrc_blendshape.remove_recipe_part"].part == 0
    assert {"word", "weight", "opening"} <= {entry[1] for entry in own if entry[0] == "prop"}
    for drawn, shape in ((usual, "vrc.v_aa"), (unit, "jawOpen")):
        button = buttons(drawn)["vrc_blendshape.regenerate_shape"]
        assert (button.shape, button.preset, button.intensity) == (shape, "NATURAL", 0.25)


class Notes(dict):
    """A custom property that holds others."""

    to_dict = dict.copy


def group(name, wanted, there, **more):
    lists = {"missing": "", "empty": "", "duplicates": "", "ours": there}
    return SimpleNamespace(name=name, wanted=wanted, present=there, **{**lists, **more})


def test_what_is_there_is_shown(draw):
    groups = [group("visemes", 15, 13, missing="vrc.v_ch, vrc.v_ss", empty="vrc.v_ou", duplicates="vrc.v_nn", ours=10)]
    state = {"objects": [SimpleNamespace(name="Body"), SimpleNamespace(name="Teeth")], "face": "Body", "groups": groups}
    shown_text = labels(draw(VRC_BLENDSHAPE_PT_main, state=state))
    assert shown_text[:2] == ["Body and 1 more object", "Visemes 13/15"]
    shown_text = " ".join(labels(draw(VRC_BLENDSHAPE_PT_shapes, state=state)))
    for words in ("13 of 15", "10 made by this tool, 3 your own", "Missing: vrc.v_ch, vrc.v_ss.", "Empty: vrc.v_ou."):
        assert words in shown_text


def test_why_nothing_can_be_made_is_shown_on_lines_that_fit(draw):
    problem = "Nothing is selected: click the avatar's face mesh and try again."
    drawn = draw(VRC_BLENDSHAPE_PT_main, state={"problem": problem})
    assert problem in said(drawn) and problem not in labels(drawn) and "No avatar" in labels(drawn)


def test_which_avatar_is_asked_with_a_button_for_each(draw):
    meshes = [SimpleNamespace(name="Body"), SimpleNamespace(name="Head")]
    drawn = draw(VRC_BLENDSHAPE_PT_main, state={"problem": "“Cube” does not look like a face.", "suggestions": meshes})
    assert "Which avatar?" in labels(drawn) and "“Cube” does not look like a face." in said(drawn)
    found = [entry[2].name for entry in drawn if entry[1] == "vrc_blendshape.use_face"]
    assert found == ["Body", "Head"]


def test_rows_keep_their_places_whatever_the_state_is(draw):
    """As many entries are drawn before each button of the main panel and before the sub-panels."""
    groups = [group(name, 15, 3) for name in ("visemes", "emotions", "blink", "arkit", "unified")]
    left_out = SimpleNamespace(face="Body", shape="vrc.v_aa", check="flips", message="vrc.v_aa left out: it folds.")
    usual = {"objects": [SimpleNamespace(name="Body")], "face": "Body", "groups": groups}
    states = [
        usual,
        usual | {"running": True, "stage": "network"},
        usual | {"editing_landmarks": "MOVING"},
        usual | {"said": "Shape keys made on Body: 15."},
        usual | {"left_out": [left_out]},
        usual | {"fallback": "Ran on the CPU."},
        {"problem": "Nothing is selected."},
        {"problem": "Which one?", "suggestions": [SimpleNamespace(name="Body")]},
    ]
    places = set()
    for state in states:
        drawn = draw(VRC_BLENDSHAPE_PT_main, state=state)
        names = [entry[1] for entry in drawn]
        first = names.index("vrc_blendshape.generate_emotions")
        rows = [entry for entry in drawn[:first] if entry[1] not in ("vrc_blendshape.cancel",)]
        ends = [entry for entry in rows if entry[1] == "vrc_blendshape.end_landmarks"]
        rows_of_text = sum(entry[0] == "label" for entry in drawn[first:])
        places.add((len(rows) - max(0, len(ends) - 1), rows_of_text + ("vrc_blendshape.make_weaker" in names)))
    assert len(places) == 1, places


def test_reasons_why_shapes_were_left_out_stay_with_what_can_be_done(draw):
    def row(face, shape):
        return SimpleNamespace(face=face, shape=shape, check="flips", message=f"{shape} left out: it folds.")

    state = {"face": "Body", "left_out": [row("Other", "joy"), row("Body", "vrc.v_aa"), row("Body", "vrc.v_e")]}
    first = draw(VRC_BLENDSHAPE_PT_main, {"intensity": 0.5}, state=state)
    assert "vrc.v_aa left out: it folds." in said(first) and "joy" not in said(first)
    found = buttons(first)
    assert (found["vrc_blendshape.show_problem"].shape, found["vrc_blendshape.show_problem"].check) == (
        "vrc.v_aa", "flips"
    )  # fmt: skip
    assert (found["vrc_blendshape.make_weaker"].shape, found["vrc_blendshape.make_weaker"].intensity) == (
        "vrc.v_aa", 0.5
    )  # fmt: skip
    assert "vrc_blendshape.next_message" in found
    assert "vrc.v_e left out" in said(draw(VRC_BLENDSHAPE_PT_main, state=state | {"message": 1}))
    seen = buttons(draw(VRC_BLENDSHAPE_PT_main, state=state | {"problem_shape": "vrc.v_aa", "problem_check": "flips"}))
    assert "vrc_blendshape.back" in seen and "vrc_blendshape.show_problem" not in seen


def test_a_running_job_shows_its_bar_and_can_be_stopped(draw):
    drawn = draw(VRC_BLENDSHAPE_PT_main, state={"running": True, "fraction": 0.4, "stage": "Network"})
    assert ("progress", 0.4, "Network") in drawn
    assert "vrc_blendshape.cancel" in buttons(drawn)
    idle = draw(VRC_BLENDSHAPE_PT_main)
    assert "vrc_blendshape.cancel" not in buttons(idle) and not [e for e in idle if e[0] == "progress"]


def test_parts_can_be_corrected_one_by_one(draw):
    notes = {"vrc_blendshape_parts": Notes({"Skin": "SKIN", "Hair": "OTHER", "Inside": "TEETH_UPPER,TONGUE"}),
             "vrc_blendshape_told": Notes({"Inside": "MOUTH"})}  # fmt: skip
    bpy.data.objects["Body"] = body = SimpleNamespace(name="Body", get=notes.get)
    drawn = draw(VRC_BLENDSHAPE_PT_avatar, state={"objects": [body]})
    everything = draw(VRC_BLENDSHAPE_PT_avatar, state={"objects": [body], "show_all": True})
    bpy.data.objects.clear()

    def parts(entries):
        found = [entry[2] for entry in entries if entry[1] == "vrc_blendshape.correct_part"]
        return [(button.object, button.material) for button in found]

    assert parts(drawn) == [("Body", "Skin"), ("Body", "Inside")]
    assert parts(everything) == [("Body", "Skin"), ("Body", "Hair"), ("Body", "Inside")]
    assert labels(drawn) == ["Body: Skin", "Body: Inside"]


def test_what_a_newer_version_stored_is_shown_as_it_is(draw):
    notes = {"vrc_blendshape_parts": Notes({"/": "SKIN"}), "vrc_blendshape_told": Notes({"/": "HORN"})}
    bpy.data.objects["Body"] = body = SimpleNamespace(name="Body", get=notes.get)
    drawn = draw(VRC_BLENDSHAPE_PT_avatar, state={"objects": [body]})
    bpy.data.objects.clear()
    assert labels(drawn) == ["Body"]
    words = "Made with a newer version."
    assert words in said(draw(VRC_BLENDSHAPE_PT_main, state={"newer": words}))


def test_a_running_generator_shows_how_far_it_is_and_can_be_cancelled(draw):
    run = SimpleNamespace(verb="generate", stage="making faces", fraction=0.42, left="00:14")
    session.current().training.run = run
    drawn = draw(VRC_BLENDSHAPE_PT_dataset)
    assert ("progress", 0.42, "Making faces, 00:14 left") in drawn
    assert buttons(drawn)["vrc_blendshape.generate_dataset"].stop
    session.current().training.run = None
    session.current().training.messages["generate"] = "120 samples"
    drawn = draw(VRC_BLENDSHAPE_PT_dataset)
    assert not buttons(drawn)["vrc_blendshape.generate_dataset"].stop and "120 samples" in labels(drawn)


def test_verdicts_are_of_the_avatar_that_is_shown_and_fine_ones_on_request(draw):
    def result(shape, check, grade, message, repairable=False):
        return SimpleNamespace(
            shape=shape, check=check, grade=grade, message=message, repairable=repairable, fixed=False
        )

    check_results = [result("", "", "amber", "no armature"), result("joy", "symmetry", "amber", "halves differ"),
                result("fun", "", "green", "is fine")]  # fmt: skip
    state = {"face": "Body", "checked": "Body", "check_results": check_results}
    drawn = draw(VRC_BLENDSHAPE_PT_check, state=state)
    assert labels(drawn) == ["2 things to look at", "no armature", "joy", "halves differ"]
    assert buttons(drawn)["vrc_blendshape.show_problem"].check == "symmetry"
    assert labels(draw(VRC_BLENDSHAPE_PT_check, state=state | {"show_fine": True}))[-2:] == ["fun", "is fine"]
    assert labels(draw(VRC_BLENDSHAPE_PT_check, state=state | {"face": "Other"})) == []


def test_settings_can_be_changed(draw):
    drawn = draw(VRC_BLENDSHAPE_PT_main)
    assert {entry[1] for entry in drawn if entry[0] == "prop"} >= {"intensity", "existing", "preset"}


def labels(drawn: list) -> list[str]:
    return [entry[1] for entry in drawn if entry[0] == "label" and entry[1]]


def said(drawn: list) -> str:
    """The main panel's labels as one text."""
    return " ".join(labels(drawn))


def test_the_style_of_the_face_is_shown_not_that_of_the_active_object(draw):
    def avatar(keys):
        return SimpleNamespace(data=SimpleNamespace(shape_keys=keys))

    def text(active):
        return said(draw(VRC_BLENDSHAPE_PT_main, active=active, state={"face": "Body"}))

    bpy.data.objects["Body"], other = avatar({}), avatar({})
    shape_keys.remember_style(other, "natural", automatic=False)
    assert "Press Generate Visemes" in text(other)
    shape_keys.remember_style(bpy.data.objects["Body"], "anime", automatic=True)
    assert "Style: Anime (auto)" in text(other)
    shape_keys.remember_style(bpy.data.objects["Body"], "natural", automatic=False)
    assert "Style: Natural" in text(None)
    bpy.data.objects.clear()


def test_preferences_offer_where_to_run_recipes_models_and_the_training_python(draw):
    drawn = draw(preferences.Preferences)
    props = [entry[1] for entry in drawn if entry[0] == "prop"]
    assert props == ["provider", "recipes", "learned", "training_python", "debug_log", "show_models"]
    assert settings.TRAINING_TOOLS_MISSING.startswith(labels(drawn)[0]) and len(buttons(drawn)) == 1


def test_what_needs_the_training_tools_is_offered_where_they_are(draw, monkeypatch):
    monkeypatch.setattr(settings, "training_python", lambda context: "")
    in_blender = {"vrc_blendshape.generate_rest"}
    assert not VRC_BLENDSHAPE_PT_dataset.poll(None)
    assert buttons(draw(VRC_BLENDSHAPE_PT_artist_style)).keys() == in_blender
    monkeypatch.setattr(settings, "training_python", lambda context: "python")
    assert VRC_BLENDSHAPE_PT_dataset.poll(None)
    assert buttons(draw(VRC_BLENDSHAPE_PT_artist_style)).keys() == in_blender | {"vrc_blendshape.share_style"}
    monkeypatch.setattr(preferences.Preferences.__annotations__["training_python"], "options", {"default": "python"})
    wanted = {"vrc_blendshape.share_style", "vrc_blendshape.generate_dataset"}
    assert wanted <= buttons(draw(preferences.Preferences)).keys()


def test_the_list_of_models_tells_what_each_card_says_and_why_one_cannot_be_used(draw):
    def row(**more):
        shown_text = {
            "name": "Mine",
            "what": "A style.",
            "licence": "CC0",
            "trained_on": "a: CC0\nb: MIT",
            "figures": "rel 0.5",
        }
        return SimpleNamespace(**{**shown_text, "bundled": False, "problem": "", "unfolded": False, **more})

    def shown_text(*rows, shown=True):
        return labels(draw(preferences.Preferences, state={"models": rows, "show_models": shown}))

    assert "Added by You" not in shown_text(row(), shown=False) and "Added by You" in shown_text(row())
    assert "It is damaged." in shown_text(row(problem="It is damaged.")) and "A style." not in shown_text(row())
    open_card = shown_text(row(unfolded=True, bundled=True))
    for words in ("Bundled", "A style.", "Licence: CC0", "a: CC0", "b: MIT", "rel 0.5"):
        assert words in open_card


def test_what_the_network_ran_on_is_shown_once(draw):
    reason = "Ran on the CPU: cuda failed to start: out of memory."
    assert reason in said(draw(VRC_BLENDSHAPE_PT_main, state={"fallback": reason}))
    shown_text = "Runs on cuda: 3 ms for 20 shapes on 2000 vertices, 60 ms on the CPU."
    assert shown_text in " ".join(labels(draw(preferences.Preferences, state={"provider": shown_text})))
