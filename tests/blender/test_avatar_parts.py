"""Parts as recognised and as corrected: kept with the objects, and what is generated follows them."""

import bpy
import numpy as np
import pytest
from helpers import ball, deltas, key_names, select

from blendshape_addon.blender.io import files, mesh_io
from blendshape_addon.blender.stored import parts
from blendshape_addon.core.face.parts import Part, PartOverride

operators = bpy.ops.vrc_blendshape


def painted(obj, halves: dict[str, slice]):
    """Give slices of the polygons of `obj` materials of their own."""
    for number, (name, polygons) in enumerate(halves.items()):
        obj.data.materials.append(bpy.data.materials.new(name))
        for polygon in obj.data.polygons[polygons]:
            polygon.material_index = number


def test_without_corrections_nothing_is_overridden(figure):
    assert mesh_io.read([figure["body"], figure["teeth"]]).part_override is None


def test_a_correction_reaches_the_core_and_can_be_taken_back(figure):
    objects = [figure["body"], figure["teeth"]]
    assert operators.correct_part(object="Teeth", part="TONGUE") == {"FINISHED"}
    avatar = mesh_io.read(objects)
    assert (avatar.part_override[avatar.object_id == 1] == Part.TONGUE).all()
    assert (avatar.part_override[avatar.object_id == 0] == PartOverride.NOTHING).all()
    operators.correct_part(object="Teeth", part="AUTO")
    assert mesh_io.read(objects).part_override is None
    assert not figure["teeth"].keys()


def test_materials_of_one_object_are_parts_of_their_own(figure):
    body = figure["body"]
    half = len(body.data.polygons) // 2
    painted(body, {"Skin": slice(0, half), "Inside": slice(half, None)})
    operators.correct_part(object="Body", material="Inside", part="MOUTH")
    override = mesh_io.read([body]).part_override
    inside = {v for polygon in body.data.polygons[half:] for v in polygon.vertices}
    assert set(np.flatnonzero(override == Part.MOUTH)) == inside
    assert (override[sorted(set(range(len(override))) - inside)] == PartOverride.NOTHING).all()


def test_corrections_survive_saving_and_opening(figure, tmp_path):
    operators.correct_part(object="Teeth", part="TEETH_LOWER")
    files.save(tmp_path / "avatar.blend", [figure["body"]])
    files.load(tmp_path / "avatar.blend")
    assert parts.corrections(bpy.data.objects["Teeth"]) == {"/": "TEETH_LOWER"}


def test_a_material_that_is_gone_is_no_matter(figure):
    operators.correct_part(object="Teeth", material="Gone", part="EYE")
    assert mesh_io.read([figure["teeth"]]).part_override is None


def test_a_part_of_nothing_is_refused():
    with pytest.raises(RuntimeError, match="no mesh named “Nobody”"):
        operators.correct_part(object="Nobody", part="EYE")


def test_parts_of_a_person_are_recognised_and_a_correction_is_used(person):
    assert operators.recognise() == {"FINISHED"}
    wanted = {"Body": "SKIN", "Eye_L": "EYE", "Eye_R": "EYE", "Teeth_Upper": "TEETH_UPPER",
              "Teeth_Lower": "TEETH_LOWER", "Tongue": "TONGUE", "Lashes": "ATTACHED", "Suit": "OTHER"}  # fmt: skip
    assert {name: parts.recognised(person[name])["/"] for name in wanted} == wanted
    operators.correct_part(object="Tongue", part="OTHER")
    operators.generate_visemes()
    assert key_names(person["Tongue"]) == [] and key_names(person["Teeth_Lower"])
    assert deltas(person["Body"], "vrc.v_aa").any()


def test_a_mask_before_the_face_is_seen_through_once_it_is_reported_to_be_none(person):
    """A ball around the whole head hides the face."""
    head = ball("Helmet", (0, -0.02, 1.62), 0.25, parent=person["Armature"])
    select(person["Body"], head)
    operators.correct_part(object="Helmet", part="OTHER")
    assert operators.recognise() == {"FINISHED"}
