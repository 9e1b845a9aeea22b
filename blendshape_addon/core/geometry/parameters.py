"""The numbers of geometry that are no part of a method's definition, by module.

Lengths are in units of the mesh that is given; a face is given in eye distances (63 mm on an adult). Where no source is
named, a number was tuned on the rigs of training/data/labels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mesh:
    """What counts as one point, and as a triangle that can be seen."""

    weld: float = 1e-5  # of the mesh's size, within which vertices are one point
    farthest: float = 2.0**62  # cells of that size from the middle: what lies farther still has a whole number
    sliver: float = 1e-3  # of the triangles' mean area, below which a triangle is too small for its facing to be seen


@dataclass(frozen=True)
class Nearest:
    """How the exact search divides its work."""

    group: int = 64  # points that are searched together
    few: int = 1 << 20  # pairs of points up to which all distances are taken at once
    rounding: float = 1e-12  # of squared distances in eye distances


@dataclass(frozen=True)
class Raster:
    """How pictures are drawn."""

    chunk: int = 1 << 17  # pixels tested at once: what a processor's cache holds
    max_fragments: int = 1 << 26  # tested in one picture, bounds the time: several times what the densest hair needs
    edge: float = -1e-9  # least weight of a corner, so that what is on an edge is inside


@dataclass(frozen=True)
class Shading:
    """How coloured pictures are lit; tuned by eye on realistic and anime faces."""

    samples: int = 2  # of a pixel along each side
    light: tuple[float, float, float] = (-0.4, 0.5, 0.8)  # where it comes from, in view space
    ambient: float = 0.3  # of the brightest light, what is turned away from it gets
    contrast: float = 1.3  # exponent of the light between the two
    inside: float = 0.6  # of the light, what the back of a surface gets
    opaque: float = 0.98  # from which a texture hides what is behind it


@dataclass(frozen=True)
class Harmonic:
    """Laplace's equation over a surface."""

    tolerance: float = 3e-4  # of the residual, in the norm of the preconditioner: a value is then 0.001 off at most
    max_iterations: int = 100
    max_cotangent: float = 10.0  # of a triangle's corner, and of an edge
    min_weight: float = 0.05  # of an edge: a negative one would let a field leave the range of its constraints


@dataclass(frozen=True)
class Multigrid:
    """The cycle over coarser graphs."""

    smallest: int = 100  # points of a graph that is solved at once
    damping: float = 0.6  # of Jacobi's steps, which without it make the shortest waves longer
    # One value for all of an aggregate makes the coarse graph too stiff (Braess 1995, "Towards algebraic multigrid for
    # elliptic problems of second order"): its correction is too small, and what it leaves calls for a second one.
    overcorrection: float = 1.5
    corrections: int = 2
    mass: float = 1e-6  # of the diagonal, that pulls pieces without constraints to 0 and keeps the system regular
    min_mass: float = 1e-9  # the same for points without edges


@dataclass(frozen=True)
class ThinPlates:
    """Smooth maps through matched points."""

    smoothing: float = 2e-3  # length: detected landmarks are not exact
    block: int = 8192  # positions at a time: bounds the memory


@dataclass(frozen=True)
class FlipSmoothing:
    """The smoothing of motion around triangles that turn over."""

    max_rounds: int = 16
    wider_from: int = 8  # round from which the triangles' neighbours are smoothed too
    share: float = 0.5  # of the way to the neighbours' mean, in a round


@dataclass(frozen=True)
class DepthColliders:
    """Skin held before teeth and eyeballs."""

    pixels: int = 48  # side of the pictures of depth
    farthest: float = 0.1  # length that skin is pushed by at most
    throat: float = 2.0  # of `farthest`: skin that lies this far behind is the throat, and it stays
    spread: float = 0.035  # length over which a push fades around, the standard deviation of a Gaussian
    cutoff: float = 4.0  # of `spread`, beyond which a push is left out: 0.0003 of it would be left
    block: int = 128  # pushed vertices at a time: bounds the memory


@dataclass(frozen=True)
class Picking:
    """Which of several points a click means."""

    step: float = 4.0  # pixels: of points whose distances from the cursor differ by less, the nearest to the eye counts


MESH = Mesh()
NEAREST = Nearest()
RASTER = Raster()
SHADING = Shading()
HARMONIC = Harmonic()
MULTIGRID = Multigrid()
THIN_PLATE = ThinPlates()
FLIP_SMOOTHING = FlipSmoothing()
DEPTH_COLLIDER = DepthColliders()
PICKING = Picking()


@dataclass(frozen=True)
class KeyEditing:
    """Editing a shape key by hand; tuned by eye on two faces.

    smooth_rounds, smooth_step: of one press of Smooth Here, and the share of the way to the mean of the neighbours in
    each. same: places closer than this share of the mesh's diagonal are one place. candidates: vertices near a mirrored
    one that may stand for it. facing: cosine of normals of vertices that face alike; turned: weight of others, so that
    an upper lip does not take after the lower one. sample: vertices that are tried to find the mirror plane. better:
    how much smaller the mean distance to twins has to be for a plane away from the origin. symmetric: share of vertices
    with a twin of a mesh that is edited on both sides at once.
    """

    smooth_rounds: int = 4
    smooth_step: float = 0.5
    same: float = 1e-4
    candidates: int = 8
    facing: float = 0.3
    turned: float = 1e-4
    sample: int = 2000
    better: float = 0.5
    symmetric: float = 0.5


KEY_EDITING = KeyEditing()
