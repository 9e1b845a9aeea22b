"""Visemes that look alike on a face are moved apart, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core import pipeline
from blendshape_addon.core.detection import detect
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.quality.front_view import FrontView
from blendshape_addon.core.style import distinct, recipe_file
from blendshape_addon.core.style.parameters import DISTINCT
from blendshape_addon.core.vocabulary import CONSONANTS, VISEMES, VOWELS

SPOKEN = VISEMES[1:]


def nearest(motions: np.ndarray, names=SPOKEN) -> dict[tuple[str, str], float]:
    """Distances of all pairs of (K, D) motions."""
    apart = np.linalg.norm(motions[:, None] - motions, axis=2)
    return {(a, b): apart[i, j] for i, a in enumerate(names) for j, b in enumerate(names) if i < j}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_near_is_moved_apart_and_what_is_not_stays(seed):
    rng = np.random.default_rng(seed)
    motions = rng.normal(0, 1, (len(SPOKEN), 40))
    th, ch, kk, ih = (SPOKEN.index(f"vrc.v_{sound}") for sound in ("th", "ch", "kk", "ih"))
    least = 0.4 * np.sqrt(2 * 40)
    for one, other in ((th, ch), (kk, ih)):
        way = rng.normal(0, 1, 40)
        motions[one] = motions[other] + 0.8 * least * way / np.linalg.norm(way)
    mix = distinct.mixes(SPOKEN, motions @ motions.T, least)
    before, after = nearest(motions), nearest(mix @ motions)
    assert min(before.values()) == pytest.approx(0.8 * least)
    assert all(apart >= 0.99 * least for apart in after.values())
    changed = {SPOKEN[n] for n in np.flatnonzero((mix != np.eye(len(mix))).any(1))}
    assert changed == {"vrc.v_th", "vrc.v_ch", "vrc.v_kk"}, "a vowel stays where a consonant can give way"


def test_two_vowels_may_be_nearer_and_move_both():
    motions = np.eye(len(SPOKEN))
    oh, ou = SPOKEN.index("vrc.v_oh"), SPOKEN.index("vrc.v_ou")
    motions[ou] = motions[oh] + 0.3 * motions[ou]
    assert (distinct.mixes(SPOKEN, motions @ motions.T, 0.3 / DISTINCT.vowels * 0.99) == np.eye(len(SPOKEN))).all()
    mix = distinct.mixes(SPOKEN, motions @ motions.T, 0.8)
    assert nearest(mix @ motions)["vrc.v_oh", "vrc.v_ou"] == pytest.approx(0.8 * DISTINCT.vowels, rel=0.01)
    assert (mix[[oh, ou]] != np.eye(len(SPOKEN))[[oh, ou]]).any(1).all()


def test_what_cannot_be_told_apart_ends():
    """Two that are the same have no difference to go along, and two that hardly differ change no more than so far."""
    motions = np.eye(len(SPOKEN))
    th, dd = SPOKEN.index("vrc.v_th"), SPOKEN.index("vrc.v_dd")
    motions[dd] = motions[th]
    mix = distinct.mixes(SPOKEN, motions @ motions.T, 0.5)
    assert mix @ motions == pytest.approx(motions)
    motions[dd] = 1.0001 * motions[th]
    mix = distinct.mixes(SPOKEN, motions @ motions.T, 0.5)
    assert np.isfinite(mix).all()
    assert np.abs(mix - np.eye(len(mix))).sum(1).max() <= DISTINCT.most + 2 * DISTINCT.step * (1 + DISTINCT.most)


def generated(face, names, apart: float, tmp_path) -> tuple[pipeline.GenerationResult, dict[str, np.ndarray]]:
    """Visemes of the mask, and their (N, 3) offsets in face space, where a style asks for `apart`."""
    avatar, marks = face
    own = tmp_path / "own.toml"
    own.write_text(f"[natural]\nvisemes_apart = {apart}\n")
    space = FaceSpace.of(marks)
    found = detect.Face(marks, np.ones(len(marks)), 1.0, space.rotation, space.scale)
    options = GenerateOptions(names, provider="cpu", preset="natural", own_recipes=own)
    result = pipeline.generate(avatar, options, face=found)
    offsets = {}
    for shape in (*result.shapes, *result.left_out):
        dense = np.zeros((len(avatar.vertices), 3))
        dense[shape.indices] = shape.deltas
        known = result.analysis.anatomy.features
        offsets[shape.name] = (dense @ known.space.rotation.T / known.space.scale)[known.index]
    return result, offsets


def test_on_a_face_the_style_says_how_far(face, tmp_path):
    least = {}
    for apart in (0.0, 0.04):
        result, offsets = generated(face, VISEMES, apart, tmp_path)
        view = FrontView(result.analysis.anatomy)
        between = view.differences([offsets[name] for name in CONSONANTS + VOWELS])
        np.fill_diagonal(between, np.inf)
        least[apart] = between[: len(CONSONANTS)].min()
    assert least[0.04] > 1.15 * least[0.0]


def test_one_viseme_alone_comes_out_as_among_all(face, tmp_path):
    _, among = generated(face, VISEMES, 0.05, tmp_path)
    _, usual = generated(face, VISEMES, 0.0, tmp_path)
    changed = max(CONSONANTS, key=lambda name: np.abs(among[name] - usual[name]).max())
    assert np.abs(among[changed] - usual[changed]).max() > 1e-3
    _, alone = generated(face, [changed], 0.05, tmp_path)
    assert np.allclose(alone[changed], among[changed], atol=1e-6)


def test_a_file_says_how_far_apart_visemes_lie(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text("[stylised]\nvisemes_apart = 0.02\n")
    styles = recipe_file.load(own)
    assert styles["stylised"].apart == 0.02
    assert styles["natural"] == replace(recipe_file.load()["natural"], rows=styles["natural"].rows)
