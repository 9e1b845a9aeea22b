"""Names of Unified Expressions that are sums of shapes: made with the other names, and made again with their parts."""

import bpy
import numpy as np
import pytest
from helpers import add_key, deltas, key_names

from blendshape_addon.blender.keys import key_blocks
from blendshape_addon.core.avatar.key_names import SUMS, written
from blendshape_addon.core.vocabulary import KNOWN_SHAPES

pytestmark = pytest.mark.usefixtures("planted")
buttons = bpy.ops.vrc_blendshape


def assert_summed(obj, name):
    both = sum(deltas(obj, part) for part in SUMS[name] if part in key_names(obj))
    assert np.allclose(deltas(obj, name), both, atol=2e-6)


def test_sums_are_made_of_the_shapes_that_are_there(figure):
    body = figure["body"]
    assert set().union(*SUMS.values()) <= set(KNOWN_SHAPES) and not set(SUMS) & {*KNOWN_SHAPES, *written("unified")}
    buttons.generate_face_tracking()
    buttons.add_aliases(convention="UNIFIED")
    assert {"NoseSneer", "MouthPress"} <= set(key_names(body)) and "CheekSuck" not in key_names(body)
    buttons.generate_unified()
    buttons.add_aliases(convention="UNIFIED")
    assert set(SUMS) <= set(key_names(body)) and set(SUMS) <= key_blocks.made_by_us(body)
    for name in SUMS:
        assert_summed(body, name)


def test_a_sum_follows_its_parts_and_goes_with_clean_up(figure):
    body = figure["body"]
    buttons.generate_face_tracking()
    buttons.add_aliases(convention="UNIFIED")
    before = deltas(body, "NoseSneer")
    buttons.generate_face_tracking(intensity=0.5)
    assert_summed(body, "NoseSneer")
    assert np.abs(deltas(body, "NoseSneer")).max() < 0.6 * np.abs(before).max()
    assert "NoseSneer" in key_blocks.made_by_us(body)
    buttons.clean_up()
    assert "NoseSneer" not in key_names(body) if body.data.shape_keys else True


def test_a_creators_key_of_the_name_stays_and_renaming_makes_none(figure):
    body = figure["body"]
    add_key(body, "NoseSneer", 0.02)
    mine = deltas(body, "NoseSneer")
    buttons.generate_face_tracking()
    buttons.add_aliases(convention="UNIFIED")
    assert np.array_equal(deltas(body, "NoseSneer"), mine) and "NoseSneer" not in key_blocks.made_by_us(body)
    buttons.clean_up()
    buttons.generate_face_tracking()
    buttons.add_aliases(convention="UNIFIED", rename=True)
    assert "MouthPress" not in key_names(body)
