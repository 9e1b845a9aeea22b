"""The numbers of reading an avatar, tuned on the rigs of training/data/labels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AvatarParameters:
    """Of `avatar`."""

    trimmed: float = 0.01  # share of the vertices that may be lost far from an avatar, at either end of each axis


@dataclass(frozen=True)
class HintParameters:
    """Of `hints`."""

    moved_most: float = 0.04  # of the largest squared offset, from which on a vertex counts as moved by a key


@dataclass(frozen=True)
class ShellParameters:
    """Of `shells`: numbers of outlines that toon shaders want (1 to 3 mm around a head of 250 mm) with a margin."""

    near: float = 0.03  # of a surface's diagonal: how far, as a root mean square, what covers it may lie away
    parallel: float = 0.5  # mean of normals' scalar products, from which surfaces are parallel, or turned over
    same_edges: float = 0.6  # share of edges; turned over quads may have other diagonals, a fifth to a third of all
    least: int = 8  # vertices of a piece
    most: int = 500  # pieces of the same numbers of vertices and triangles; more are strands, feathers or scales


@dataclass(frozen=True)
class ProportionParameters:
    """Of `proportions`, by eye on avatars from children to cartoon figures."""

    smallest: float = 0.4  # of a length, that it may become …
    largest: float = 2.5  # … from there on skin about joints folds or tears
    least: float = 1e-4  # of the height, below which a bone has no length
    probe: float = 0.05  # by which the scale changes to see what the height does …
    rounds: int = 4  # … as often: two suffice where one vertex stays the lowest
    skin: float = 0.03  # of the height, that the lowest and the highest skin are thick
    collar: float = 0.5  # of half the shoulder width: bones that reach as far stretch, in place of moving the arm


AVATAR = AvatarParameters()
HINTS = HintParameters()
SHELLS = ShellParameters()
PROPORTIONS = ProportionParameters()
