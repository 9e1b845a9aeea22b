"""What a creator says of parts overrules what they look like."""

from dataclasses import replace

import numpy as np
import pytest
from pieces import attached, ball, sheet
from test_recipes import known_face
from test_shape_markers import head

from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.parts import Part, PartOverride, classify, shown
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.shape_markers import main_object
from blendshape_addon.core.vocabulary import LANDMARK_INDEX


def overridden(avatar, overridden_avatar: dict[str, int]):
    """`avatar` whose creator says of objects what they are."""
    by_object = np.array([overridden_avatar.get(name, PartOverride.NOTHING) for name in avatar.object_names], np.int8)
    return replace(avatar, part_override=by_object[avatar.object_id])


@pytest.fixture
def with_card(face):
    """The mask with a card before the forehead, where nothing of a face floats."""
    avatar, marks = face
    card, triangles = sheet(np.linspace(-0.2, 0.2, 5), np.linspace(-0.1, 0.1, 3))
    return attached(avatar, card + marks[LANDMARK_INDEX["forehead"]] + [0, 0, 0.5], triangles, "Thing"), marks


@pytest.mark.parametrize("part", list(Part))
def test_any_part_can_be_said_and_nothing_else_changes(with_card, part):
    avatar, marks = with_card
    before, after = (
        classify(avatar, avatar.vertices, marks),
        classify(overridden(avatar, {"Thing": part}), avatar.vertices, marks),
    )
    assert (after[avatar.object_id == 1] == part).all()
    assert np.array_equal(after[avatar.object_id == 0], before[avatar.object_id == 0])


def test_teeth_of_either_row_are_distinguished_by_height(with_card):
    avatar, marks = with_card
    box, triangles = sheet(np.linspace(-0.2, 0.2, 5), np.linspace(-0.02, 0.02, 3))
    seam = marks[LANDMARK_INDEX["lip_upper_inner_mid"]]
    rows = [box + seam + [0, rise, 0.6] for rise in (0.1, -0.1)]  # before the lips: nobody would take them for teeth
    for row in rows:
        avatar = attached(avatar, row, triangles, "Dentures")
    part = classify(overridden(avatar, {"Dentures": PartOverride.TEETH}), avatar.vertices, marks)[-2 * len(box) :]
    assert (part[: len(box)] == Part.TEETH_UPPER).all() and (part[len(box) :] == Part.TEETH_LOWER).all()


def test_what_is_not_of_the_face_hides_nothing_and_is_not_moved(face):
    avatar, marks = face
    mask = replace(avatar, vertices=avatar.vertices + [0, 0, 0.05])
    masked = attached(avatar, mask.vertices, mask.triangles, "Mask")
    overridden_avatar = overridden(masked, {"Mask": Part.OTHER})
    assert np.array_equal(shown(overridden_avatar).triangles, avatar.triangles)
    assert shown(masked) is masked
    made = pipeline.generate(overridden_avatar, GenerateOptions(["vrc.v_aa"], provider="cpu"), face=known_face(marks))
    assert (made.shapes[0].indices < len(avatar.vertices)).all() and len(made.shapes[0].indices)
    with pytest.raises(InputError, match="not of the face"):
        shown(overridden(masked, {"Mask": Part.OTHER, "Face": Part.OTHER}))


def test_the_keys_go_where_the_creator_says_the_face_is():
    avatar, found = head()
    assert main_object(overridden(avatar, {"glasses": Part.SKIN}), found.points) == 1
    assert main_object(overridden(avatar, {"head": Part.OTHER}), found.points) == 1
    assert main_object(overridden(avatar, {"glasses": Part.OTHER}), found.points) == 0


def test_content_is_the_same_only_for_the_same_avatar(face):
    avatar, _ = face
    again = replace(avatar, vertices=avatar.vertices.copy())
    assert again.content == avatar.content
    moved = avatar.vertices.copy()
    moved[7, 1] += 1e-9
    others = [
        replace(avatar, vertices=moved),
        replace(avatar, triangles=avatar.triangles[:-1]),
        replace(avatar, object_names=("Fac",)),
        overridden(avatar, {"Face": Part.SKIN}),
        overridden(avatar, {"Face": Part.EYE}),
        attached(avatar, *ball(0.1), "Ball"),
    ]
    assert len({avatar.content, *(other.content for other in others)}) == len(others) + 1
