"""Check on a real person with the shipped models: faults that were put in are reported, shown and repaired."""

import bpy
import numpy as np
import pytest
from helpers import add_key, coordinates, deltas, key_names, mesh_object, select

from blendshape_addon.blender.keys import key_blocks, vrchat_check
from blendshape_addon.blender.ui import state
from blendshape_addon.core.quality.checks import AMBER, GREEN, RED
from blendshape_addon.core.vocabulary import VISEMES

buttons = bpy.ops.vrc_blendshape


def shown():
    return bpy.context.window_manager.vrc_blendshape


def check_results():
    return [(v.shape, v.check, v.grade) for v in shown().check_results]


def spoil(body, name, where, offset):
    key = body.data.shape_keys.key_blocks[name]
    points = coordinates(key.data)
    points[where] += offset
    key.data.foreach_set("co", points.reshape(-1))


@pytest.fixture
def spoilt(person):
    """Visemes, two of them spoilt: hair-fine folds on a cheek in aa, the feet moved in oh."""
    body = person["Body"]
    buttons.generate_visemes()
    base = coordinates(body.data.vertices)
    moved = np.flatnonzero(np.linalg.norm(deltas(body, "vrc.v_aa"), axis=1) > 0.002)
    rough = np.random.default_rng(0).choice(moved, 60, replace=False)
    spoil(body, "vrc.v_aa", rough, np.random.default_rng(1).normal(0, 0.006, (60, 3)))
    spoil(body, "vrc.v_oh", base[:, 2] < 0.1, (0.01, 0, 0))
    assert buttons.check() == {"FINISHED"}
    return body


def test_faults_are_reported_shown_and_repaired(spoilt):
    body = spoilt
    found = check_results()
    assert ("vrc.v_aa", "flips", RED) in found and ("vrc.v_oh", "outside", RED) in found
    assert ("vrc.v_e", "", GREEN) in found
    assert {name for name, _, _ in found} == {"", *VISEMES}
    assert {(check, grade) for name, check, grade in found if name == ""} == {
        ("", GREEN),
        ("", AMBER),
        ("apart", AMBER),
    }
    before = deltas(body, "vrc.v_aa")

    assert buttons.show_problem(shape="vrc.v_aa", check="flips") == {"FINISHED"}
    assert (body.mode, body.active_shape_key.name) == ("EDIT", "vrc.v_aa")
    state.refresh(bpy.context)
    assert shown().face == shown().checked == "Body" and check_results() == found  # the list stays where it is
    bpy.ops.object.mode_set(mode="OBJECT")
    chosen = [v.index for v in body.data.vertices if v.select]
    assert chosen and np.abs(before[chosen]).any(1).all()

    place = [row[:2] for row in found].index(("vrc.v_aa", "flips"))
    assert buttons.fix_shape(shape="vrc.v_aa") == {"FINISHED"}
    assert shown().check_results[place].fixed or check_results()[place][2] != RED  # it stays in its row
    assert [row[:2] for row in check_results()[: len(found)]] == [row[:2] for row in found]
    assert ("vrc.v_aa", "flips", RED) not in check_results()
    assert np.abs(deltas(body, "vrc.v_aa.backup") - before).max() < 1e-7  # an edited key is the creator's
    change = np.linalg.norm(deltas(body, "vrc.v_aa") - before, axis=1)
    assert 0 < (change > 1e-6).sum() < 0.2 * len(change)

    buttons.fix_shape(shape="vrc.v_oh")
    feet = coordinates(body.data.vertices)[:, 2] < 0.1
    assert not deltas(body, "vrc.v_oh")[feet].any() and deltas(body, "vrc.v_oh").any()
    buttons.check()
    assert {name for name, _, grade in check_results() if grade == RED}.isdisjoint({"vrc.v_aa", "vrc.v_oh"})


def test_what_cannot_be_shown_or_repaired_is_a_sentence(spoilt):
    with pytest.raises(RuntimeError, match="no key joy"):
        buttons.fix_shape(shape="joy")
    with pytest.raises(RuntimeError, match="no place on the mesh"):
        buttons.show_problem(shape="vrc.v_sil", check="flips")
    before = key_names(spoilt)
    with pytest.raises(RuntimeError, match="could not be fixed"):
        buttons.fix_shape(shape="vrc.v_sil")
    assert key_names(spoilt) == before


def test_a_repaired_key_counts_as_edited_and_is_not_made_anew(person):
    body = person["Body"]
    buttons.generate_visemes()
    feet = coordinates(body.data.vertices)[:, 2] < 0.1
    spoil(body, "vrc.v_aa", feet, (0.01, 0, 0))
    key_blocks.mark(body, VISEMES)
    buttons.fix_shape(shape="vrc.v_aa")
    assert key_blocks.made_by_us(body) == set(VISEMES) - {"vrc.v_aa"} and "vrc.v_aa.backup" not in key_names(body)
    fixed = deltas(body, "vrc.v_aa")
    buttons.generate_visemes()
    assert (deltas(body, "vrc.v_aa") == fixed).all()


def graded(objects):
    return {finding.message: finding.grade for finding in vrchat_check.readiness(objects)}


def one(found, words):
    (grade,) = (grade for sentence, grade in found.items() if words in sentence)
    return grade


def test_readiness(planted, figure):
    body, objects = figure["body"], [figure["body"], figure["teeth"]]
    assert one(graded(objects), "no visemes yet") == RED
    buttons.generate_visemes()
    found = graded(objects)
    assert one(found, "under the armature") == GREEN and one(found, "no blink") == AMBER
    assert one(found, "the keys on “Teeth” stay still there") == AMBER
    assert one(found, "1.66 m tall") == GREEN and one(found, "none is named so: hips, spine") == AMBER
    assert not any("MMD" in sentence or "templates" in sentence for sentence in found)
    buttons.join()
    objects = [body]
    assert not any("stay still" in sentence for sentence in graded(objects))
    buttons.generate_all()
    found = graded(objects)
    assert one(found, "looked for: face-tracking templates") == GREEN
    assert one(found, "vrc.blink; choose none for looking up") == GREEN
    buttons.add_aliases(convention="MMD")
    assert one(graded(objects), "MMD worlds + face-tracking templates") == GREEN
    body.name = "Face"
    assert one(graded(objects), "rename “Face”") == AMBER
    add_key(body, "Eyes_Look_Up"), add_key(body, "Eyes_Look_Down")
    assert one(graded(objects), "looking up Eyes_Look_Up, looking down Eyes_Look_Down") == GREEN
    body.parent = None
    assert one(graded(objects), "no armature") == AMBER
    body.modifiers.new("Armature", "ARMATURE").object = figure["rig"]
    assert one(graded(objects), "not under its armature “Armature”") == AMBER


def test_names_that_unified_expressions_only_blend(figure):
    body = figure["body"]
    for name in ("MouthSmileLeft", "MouthCornerPullLeft", "BrowDownLeft", "BrowLowererLeft", "BrowPinchLeft"):
        add_key(body, name)
    found = graded([body])
    assert one(found, "only blend MouthSmileLeft from others") == AMBER and one(found, "MouthCornerSlantLeft") == AMBER
    add_key(body, "MouthCornerSlantLeft")
    assert not any("only blend" in sentence for sentence in graded([body]))


def test_triangles_are_counted_after_modifiers_on_the_whole_avatar(figure):
    body, teeth = figure["body"], figure["teeth"]
    count = sum(len(polygon.vertices) - 2 for obj in (body, teeth) for polygon in obj.data.polygons)
    assert vrchat_check.count_triangles([body, teeth]) == count
    bare = sum(len(polygon.vertices) - 2 for polygon in teeth.data.polygons)
    teeth.modifiers.new("Twice", "MIRROR").use_mirror_merge = False
    assert vrchat_check.count_triangles([body, teeth]) == count + bare


@pytest.mark.parametrize(
    ("triangles", "rank", "grade"),
    [(32_000, "Excellent", GREEN), (32_001, "Good", GREEN), (70_000, "Good", GREEN), (70_001, "Very Poor", AMBER)],
)
def test_rank_by_triangles(triangles, rank, grade):
    found = vrchat_check.rank(triangles)
    assert found.grade == grade and f"rank {rank}" in found.message


@pytest.mark.parametrize("size", [0.01, 10.0])
def test_an_avatar_of_no_persons_size(figure, size):
    figure["rig"].scale = (size, size, size)
    bpy.context.view_layer.update()
    assert one(graded([figure["body"]]), f"{1.66 * size:.3g} m tall: scale it") == AMBER


@pytest.mark.parametrize(
    ("grades", "said"),
    [
        ([GREEN, GREEN], "Ready for VRChat"),
        ([RED, GREEN], "1 thing to fix"),
        ([AMBER, GREEN], "1 thing to look at"),
        ([AMBER, AMBER], "2 things to look at"),
        ([RED, AMBER, RED, AMBER, AMBER], "2 things to fix, 3 to look at"),
    ],
)
def test_verdict(grades, said):
    assert vrchat_check.verdict(grades) == said


def test_the_demo_is_ready_once_its_meshes_are_joined(person, capfd):
    """No shape of the demo is said to be at fault, and no mesh stays still in VRChat."""
    buttons.generate_all()
    buttons.check()
    assert [row for row in check_results() if row[2] != GREEN] == [("", "apart", AMBER)]
    assert buttons.join() == {"FINISHED"} and not [row for row in check_results() if row[2] != GREEN]
    capfd.readouterr()
    buttons.check()
    assert "Ready for VRChat" in capfd.readouterr().out.splitlines()[-1]
    buttons.generate_all()
    buttons.check()
    assert not [row for row in check_results() if row[2] != GREEN]


def test_an_avatar_whose_face_is_not_found_is_checked_all_the_same():
    box = mesh_object("Box", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)])
    add_key(box, "vrc.v_aa")
    select(box)
    assert buttons.check() == {"FINISHED"}
    messages = [v.message for v in bpy.context.window_manager.vrc_blendshape.check_results]
    assert any("lacks" in sentence for sentence in messages) and any("could not be measured" in s for s in messages)
