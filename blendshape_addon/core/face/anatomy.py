"""What is known of one face before any shape is made, each part of it computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..avatar.avatar import Avatar
from ..geometry.depth_collider import DepthCollider
from . import colliders, drawn_eyes, lid_edges, slits, symmetry
from .features import Features, on_lids
from .parts import Part


@dataclass(frozen=True)
class FaceAnatomy:
    """One face: the avatar that carries it, its features, and what follows from both.

    The rest is computed at its first use and kept; nobody may change it. Vertices are numbered as the N feature
    vertices are, but for `avatar` itself.
    """

    avatar: Avatar
    features: Features

    @cached_property
    def mouth(self) -> slits.Slit | None:
        """The rims of the lips; None where they are one surface or too coarse to find any."""
        return slits.find_slit(self.features, 0)

    @cached_property
    def eyes(self) -> dict[str, slits.Slit]:
        """The rims of the lids by side, `l` and `r`, where they can be found."""
        place, _ = self.places
        found = {}
        for field, side in enumerate("lr", 1):
            if slit := slits.find_slit(self.features, field):
                found[side] = lid_edges.complete(slit, self.features, field, self.skin, place)
        return found

    @cached_property
    def drawn_eyes(self) -> list[drawn_eyes.DrawnEye]:
        """The eyes that are drawn on the face: none, one or both."""
        return drawn_eyes.find(self.avatar, self.features, self.skin_and_drawn_mouth)

    @cached_property
    def skin_and_drawn_mouth(self) -> np.ndarray:
        """(S, 3) triangles of the skin, a mouth that is drawn on it among them."""
        return self.features.triangles(self.avatar, Part.SKIN)

    @cached_property
    def skin(self) -> np.ndarray:
        """(T, 3) triangles of the skin, but for those of a mouth that is drawn on it: it folds to a line to close."""
        return self.skin_and_drawn_mouth[~self.features.drawn[self.skin_and_drawn_mouth].any(1)]

    @cached_property
    def skin_on_lids(self) -> np.ndarray:
        """(T,) bool: the triangles of `skin` around the eyes."""
        return on_lids(self.features, self.skin)

    @cached_property
    def teeth_collider(self) -> DepthCollider | None:
        """What keeps the lips before the teeth; None where there are no teeth."""
        return colliders.teeth(self.features, self.features.triangles(self.avatar, Part.TEETH_UPPER, Part.TEETH_LOWER))

    @cached_property
    def eye_colliders(self) -> list[DepthCollider]:
        """What keeps the lids before each of the eyeballs that there are."""
        return colliders.eyes(self.features, self.features.triangles(self.avatar, Part.EYE))

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """(N,) the number of the place that each vertex shares with its seam twins, counted from 0, and how many
        vertices are at each place."""
        _, place, count = np.unique(self.avatar.weld[self.features.index], return_inverse=True, return_counts=True)
        return place.reshape(-1), count

    @cached_property
    def mirror(self) -> symmetry.Mirror:
        """How the vertices mirror each other."""
        return symmetry.find(self.avatar, self.features)
