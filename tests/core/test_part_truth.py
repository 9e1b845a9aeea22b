"""Which pieces of real and shipped faces are what, counted against a table, with names and without."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from real_rigs import DATA, LABELLED, RIGS, avatar_of, truth_of

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection.detect import find
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.face.parts import Part, classify
from tests import faces

TRUTH = tomllib.loads(Path(__file__).with_name("part_truth.toml").read_text(encoding="utf-8"))
LEAST = 0.97  # share of the pieces that must be classified rightly
SHIPPED = {
    "Eye_L": Part.EYE, "Eye_R": Part.EYE, "Lash_L": Part.ATTACHED, "Lash_R": Part.ATTACHED,
    "Teeth_Upper": Part.TEETH_UPPER, "Teeth_Lower": Part.TEETH_LOWER,
}  # fmt: skip


def nameless(avatar: Avatar) -> Avatar:
    return replace(avatar, object_names=tuple(f"Object{n}" for n in range(len(avatar.object_names))))


def parts_of(avatar: Avatar, landmarks: np.ndarray) -> np.ndarray:
    space = FaceSpace.of(landmarks)
    return classify(avatar, space.to_face(avatar.vertices), space.to_face(landmarks))


@cache
def rigs() -> tuple[tuple[str, Avatar, np.ndarray], ...]:
    """Name, avatar and landmarks of the rigs of the table: labelled landmarks, else those that are found."""
    out = []
    for folder in (p for p in RIGS if f"{p.parent.name}/{p.name}" in TRUTH):
        avatar = avatar_of(folder)
        try:
            landmarks = truth_of(folder, np.eye(3)) if folder in LABELLED else find(avatar).points
        except FaceNotFound:
            continue
        out.append((f"{folder.parent.name}/{folder.name}", avatar, landmarks))
    return tuple(out)


def classified(change) -> Iterator[tuple[str, Part, Part]]:
    """Rig and piece, true part and the part that it is classified as, of each piece of the table."""
    for name, avatar, landmarks in rigs():
        part = parts_of(change(avatar), landmarks)
        for true, pieces in TRUTH[name].items():
            for piece in pieces:
                yield f"{name} {piece}", Part[true], Part(int(part[piece]))


@pytest.mark.skipif(not RIGS, reason=f"no rigs in {DATA}: set VRC_BLENDSHAPE_DATA to their folder")
@pytest.mark.parametrize("change", [lambda avatar: avatar, nameless], ids=["named", "nameless"])
def test_pieces_of_the_rigs_are_classified_rightly(change) -> None:
    rows = list(classified(change))
    wrong = [row for row in rows if row[1] != row[2]]
    print(f"{len(rows) - len(wrong)} of {len(rows)} pieces are classified rightly")
    families = Counter(name.split("/")[0] for name, *_ in wrong)
    assert len(rows) > 300, "the table is of other rigs"
    assert 1 - len(wrong) / len(rows) >= LEAST, f"{families}: {wrong}"


@pytest.mark.skipif(not RIGS, reason=f"no rigs in {DATA}: set VRC_BLENDSHAPE_DATA to their folder")
def test_every_piece_of_the_table_is_one() -> None:
    for name, avatar, _ in rigs():
        firsts = np.unique(avatar.components, return_index=True)[1]
        assert {i for pieces in TRUTH[name].values() for i in pieces} <= set(firsts.tolist()), name


@pytest.mark.parametrize("change", [lambda avatar: avatar, nameless], ids=["named", "nameless"])
def test_pieces_of_the_shipped_face_are_classified_rightly(change) -> None:
    face = faces.load("anime")
    part = parts_of(change(face.avatar), face.landmarks)
    for name, true in SHIPPED.items():
        own = face.avatar.object_id == face.avatar.object_names.index(name)
        assert (part[own] == true).all(), (name, Part(int(part[own][0])))
