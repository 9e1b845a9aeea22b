"""Landmark labels of the rigs: each landmark is a point on a triangle of the rig's skin.

A label is three vertices and their weights, so it follows the vertices through identities, warps and expressions.

How the labels were made. Untextured front renders of a rig (lashes, brows and hair cards hidden) went through
MediaPipe's face mesh (Apache-2.0) in six paddings; the median of its 468 points gave brows, corners, the vermilion
border and the jaw, made symmetric, then lifted to the skin through the triangle buffer. What the geometry knows
better replaced the rest: lid margins are the skin that borders the visible eyeball at 1/4, 1/2 and 3/4 of the eye's
width; inner lip points are where the surface drops back between the lips (else where the normals turn from down to
up); mouth corners are where the jump of `jawOpen` across the seam ends; nasion, nose tip, subnasale and pogonion are
the extremes of the midline's profile, the menton the lowest point of the chin seen from below, the gonial angle the
outermost point of the jaw at the mouth's height under the ear. Seed-san and Godette were placed by hand on renders of
the skin with the floating parts hidden, using where their blink and vowel shapes move. Every rig was then looked at
from the front, from the side and close up at eyes and mouth, and corrected.

The rigs of valid, charmorph, facecap, uma, vroid_beta, jeeliz, avatars100 and makehuman_proxy were labelled without the
face mesh, in a frame that is symmetric about the head's own middle plane (of two heads of facecap, which lean, by an
ICP with their mirror image):

- Lid margins, inner lips, mouth corners, the profile's extremes and the menton come from the geometry, as above. Where
  no shape opens the jaw, `aa` or the shapes of the lips give the seam.
- Brows, eye corners, the vermilion border and nose wings were read off renders close up; brows of the people of valid
  off renders with their own textures, brows of VRoid faces off the middle line of the brow piece.
- Cheek, jaw angle and the middle of each half of a lip follow the convention of the earlier labels.
- One map serves a topology: the 16 people of valid take the labels of Asian_F_1 by UV, with brows and inner lips of
  their own; four VRoid faces share the triangles of vita; each proxy of MakeHuman takes the points of its own surface
  that are nearest to the labels of base_hm08 on the same person, those of lids and lips also by alike motion.
- Of avatars100 only eyes and mouth are true, by the outlines of loose pieces; the other landmarks are guesses.

One rig of each topology or more was drawn with its labels, from the front, from the side and with the jaw open, and
looked at. Uncertain are brows of VRoid faces (4 to 6 mm where the eyes are 63 mm apart): they are transparent strips
whose texture was not at hand; and of animals the outer lips, brows and cheeks (5 % of the eye distance), which have no
agreed place on a muzzle.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face import features
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.geometry.triangles import closest_on_triangles
from blendshape_addon.core.vocabulary import LANDMARKS

FOLDER = Path(__file__).parent / "labels"


def load(rig_name: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (L, 3) int64 and weights (L, 3) of each landmark of `rig_name` (its folder's name, `base_hm08`).

    Landmark positions are ``(vertices[index] * weight[:, :, None]).sum(1)``. Raises FileNotFoundError for a rig
    without labels.
    """
    table = json.loads((FOLDER / f"{rig_name}.json").read_text())
    rows = np.array([table[name] for name in LANDMARKS])
    weight = rows[:, 3:] / rows[:, 3:].sum(1, keepdims=True)
    return rows[:, :3].astype(np.int64), weight


def names() -> tuple[str, ...]:
    """Rigs that have labels; `families` says which of them networks learn from, and which are flat cards."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


def on_skin(avatar: Avatar, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (L, 3) and weights (L, 3), as `load` gives them, of (L, 3) landmarks that were found on `avatar`.

    Each lies on the nearest triangle of the skin; those of a lip on that lip, for lips may touch.
    """
    seen = features.compute(avatar, points)
    skin = seen.triangles(avatar, Part.SKIN)
    corners, lip = seen.positions[skin], seen.side[skin, 0].mean(1)
    index, weight = np.empty((len(points), 3), np.int64), np.empty((len(points), 3))
    for n, (name, place) in enumerate(zip(LANDMARKS, seen.landmarks, strict=True)):
        own = lip * (name.startswith("lip_upper") - name.startswith("lip_lower"))
        near = np.flatnonzero(own > 0) if own.any() else np.arange(len(skin))
        on = closest_on_triangles(place, corners[near])
        best = int(((on - place) ** 2).sum(1).argmin())
        index[n] = seen.index[skin[near[best]]]
        weight[n] = _weights(on[best], corners[near[best]])
    return index, weight


def _weights(place: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(3,) weights of a triangle's (3, 3) corners, that sum to 1, for (3,) a point on it; it may be degenerate."""
    edges = (corners[1:] - corners[0]).T
    second, third = np.linalg.lstsq(edges, place - corners[0], rcond=None)[0]
    weight = np.clip([1 - second - third, second, third], 0, None)
    return weight / weight.sum()
