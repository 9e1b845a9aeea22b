"""Every key survives every format, and a lost one would be seen."""

import os
import subprocess
import sys

import bpy
import numpy as np
import pytest
from helpers import ROOT, load_face, present

from blendshape_addon.core.vocabulary import ALL_SHAPES
from training.devtools import roundtrips

BASE = np.random.default_rng(0).random((40, 3))
OFFSETS = np.where(np.arange(40)[:, None] < 9, 0.01, 0.0) * np.ones(3)


def whole(objects):
    made, kept = roundtrips.trip(objects)
    assert kept == dict.fromkeys((*roundtrips.FORMATS, "Unity"), made)
    return made


def test_the_demo_avatar_keeps_all(person):
    objects = [obj for obj in person.values() if obj.type == "MESH"]
    assert whole(objects) >= {("Body", name) for name in ALL_SHAPES}


def test_the_command_needs_no_add_on_that_is_switched_on(tmp_path):
    command = [sys.executable, "-m", "training.devtools.roundtrips", "demo", "--ways", "joined"]
    without_rigs = {**os.environ, "VRC_BLENDSHAPE_DATA": str(tmp_path / "none")}
    done = subprocess.run(command, cwd=ROOT, env=without_rigs, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    name, way, *counts = done.stdout.splitlines()[-1].split()
    assert (name, way) == ("demo,", "joined") and set(counts) == {str(len(ALL_SHAPES))}


@pytest.mark.parametrize("name", ["anime", *present("rocketbox/Female_Adult_01")])
def test_a_rig_in_pieces_keeps_all(name):
    made = whole(load_face(name))
    assert {key for _, key in made} == set(ALL_SHAPES)


def test_joined_meshes_keep_all():
    made, kept = roundtrips.trip(load_face("anime"), way=roundtrips.JOINED)
    assert len({name for name, _ in made}) < len(load_face("anime")) and {key for _, key in made} == set(ALL_SHAPES)
    assert kept == dict.fromkeys((roundtrips.JOIN, *roundtrips.FORMATS, "Unity"), made)


def test_sliders_that_are_on_keep_all_and_what_is_seen():
    made, kept = roundtrips.trip(load_face("anime"), way=roundtrips.SLIDERS)
    assert {key for _, key in made} == {*ALL_SHAPES, "Face_wide", "Face_lift", roundtrips.SEEN}
    assert kept == dict.fromkeys((*roundtrips.FORMATS, "Unity"), made)


def test_a_slider_that_comes_back_otherwise_is_seen():
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    roundtrips.put_sliders(cube)
    before = roundtrips.motions([cube])
    cube.data.shape_keys.key_blocks["Face_wide"].value = 0.5
    kept = {("Cube", "Face_wide"), ("Cube", "Face_lift")}
    assert roundtrips.same(before, roundtrips.motions([cube]), 1e-4) == kept
    cube.data.shape_keys.key_blocks["Face_lift"].vertex_group = ""
    assert roundtrips.same(before, roundtrips.motions([cube]), 1e-4) == {("Cube", "Face_wide")}


@pytest.mark.parametrize("spoil", ["missing", "elsewhere", "weaker", "a stranger moves", "another object"])
def test_what_is_lost_is_seen(spoil):
    before = {"Head": (BASE, {"jawOpen": OFFSETS, "mouthLeft": -OFFSETS})}
    base, offsets = BASE.copy(), OFFSETS.copy()
    if spoil == "elsewhere":
        base[3] += 0.1
    if spoil == "weaker":
        offsets[3] *= 0.9
    if spoil == "a stranger moves":
        offsets[30] = 0.01
    keys = {} if spoil == "missing" else {"jawOpen": offsets}
    after = {"Hat" if spoil == "another object" else "Head": (base, {**keys, "mouthLeft": -OFFSETS})}
    lost = {("Head", "jawOpen")} | ({("Head", "mouthLeft")} if spoil in ("elsewhere", "another object") else set())
    assert roundtrips.same(before, after, 1e-6) == {("Head", key) for key in before["Head"][1]} - lost


def test_order_and_split_vertices_are_no_loss():
    before = {"Head": (BASE, {"jawOpen": OFFSETS})}
    order = np.r_[np.random.default_rng(1).permutation(40), 3, 5, 39]
    assert roundtrips.same(before, {"Head": (BASE[order], {"jawOpen": OFFSETS[order]})}, 1e-6) == {("Head", "jawOpen")}


def test_keys_that_unity_drops_are_not_kept():
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    cube.shape_key_add(name="Basis")
    for name, offset in (("vrc.v_aa", 0.1), ("vrc.v_oh", 0.1), ("vrc.v_ou", 0.2), ("angry", 0.0), ("fun", 0.1)):
        cube.shape_key_add(name=name, from_mix=False).data[0].co.x += offset
    assert roundtrips._dropped_by_unity([cube]) == {("Cube", "vrc.v_oh"), ("Cube", "angry")}
