"""Brings a face, or what is wrong with it, into the 3D views, where it is not seen well already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from ...core.face.face_space import FaceSpace
from ...core.geometry.nearest import nearest_to
from .. import mesh_objects
from ..io.mesh_io import Object

_TALL = 0.4  # of the view's height that is free, what the face from brows to chin takes
_WIDE = 0.5  # of its width, what it takes at most
_SMALL = 0.2  # of the height: a face that is smaller is not seen well
_AWAY = 0.35  # cosine of the angle from the face to the viewer, below which it looks away
_AROUND = 0.05  # of the avatar's size: half of what is shown around points that lie close together, at least
Stand = dict[int, tuple[Vector, Quaternion, float]]  # by a 3D view's address where it looks, how turned, how far away


@dataclass(frozen=True)
class View:
    """A 3D view. rotation: (3, 3), columns right, up and towards the viewer. spread: half the width and height of what
    is seen at the distance of the place that the view turns around, over that distance. free: first and last of what no
    sidebar covers, of the width, 0 to 1."""

    location: np.ndarray
    rotation: np.ndarray
    distance: float
    spread: np.ndarray
    perspective: bool
    free: tuple[float, float]


def onto(view: View, marks: np.ndarray) -> View | None:
    """`view` moved, and turned where it sees the face from behind, so that (L, 3) landmarks in world space are seen
    well; None where they are."""
    space = FaceSpace.of(marks)
    rotation = view.rotation
    seen = float(space.rotation[2] @ rotation[:, 2]) > _AWAY
    if seen and _is_framed(view, marks):
        return None
    if not seen:
        ahead = space.rotation[2] - [0, 0, space.rotation[2, 2]]  # level, unless the face lies on its back
        ahead = ahead if np.linalg.norm(ahead) > _AWAY else space.rotation[2]
        up = np.array([0, 0, 1.0]) if ahead is not space.rotation[2] else space.rotation[1]
        right = np.cross(up, ahead)
        right /= np.linalg.norm(right)
        ahead = ahead / np.linalg.norm(ahead)
        rotation = np.column_stack([right, np.cross(ahead, right), ahead])
    return _filled(view, rotation, marks @ rotation, 0.0)


def around(view: View, points: np.ndarray, size: float) -> View | None:
    """`view` moved so that (n, 3) points in world space are seen with some of the avatar around them, whose size is
    given; None where they are."""
    half = _AROUND * size
    places = points @ view.rotation
    large = max(np.ptp(places[:, 1]) / 2, half) > _SMALL * view.spread[1] * view.distance
    if large and _are_inside(view, points):
        return None
    return _filled(view, view.rotation, places, half)


def _filled(view: View, rotation: np.ndarray, places: np.ndarray, least: float) -> View:
    """A view like `view` with that rotation, filled by (n, 3) `places` of its space; least: half of a box, at least."""
    low, high = places.min(0), places.max(0)
    half = np.maximum((high - low) / 2, least)
    first, last = view.free
    distance = max(half[1] / (_TALL * view.spread[1]), half[0] / (_WIDE * (last - first) * view.spread[0]))
    aside = (first + last - 1) * view.spread[0] * distance  # the middle of what is free, from that of the view
    centre = rotation @ ((low + high) / 2 - [aside, 0, 0])
    return View(centre, rotation, distance, view.spread, view.perspective, view.free)


def _is_framed(view: View, marks: np.ndarray) -> bool:
    return _are_inside(view, marks) and np.ptp(_projected(view, marks)[:, 1]) > 2 * _SMALL


def _are_inside(view: View, points: np.ndarray) -> bool:
    seen = _projected(view, points)
    first, last = (2 * end - 1 for end in view.free)
    across, up = seen.T
    return bool(across.min() > first and across.max() < last and np.abs(up).max() < 1)


def _projected(view: View, points: np.ndarray) -> np.ndarray:
    """(n, 2) from -1 to 1 across and up the view; far outside for what lies behind the viewer."""
    places = (points - view.location) @ view.rotation
    depth = view.distance - places[:, 2] if view.perspective else np.full(len(places), view.distance)
    seen = places[:, :2] / (np.maximum(depth, 1e-9)[:, None] * view.spread)
    seen[depth <= 0] = np.inf
    return seen


def posed(obj: Object, marks: np.ndarray) -> np.ndarray:
    """(L, 3) landmarks on the mesh of `obj` at rest to where they are in the scene as it is posed now."""
    rest = mesh_objects.world_points(mesh_objects.coordinates(obj.data.vertices), obj)
    chosen = nearest_to(marks, rest)
    mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    if len(mesh.vertices) != len(rest):  # a modifier made others
        return marks
    moved = mesh_objects.coordinates(mesh.vertices)[chosen].astype(float)
    matrix = np.array(obj.matrix_world, float)
    return moved @ matrix[:3, :3].T + matrix[:3, 3]


def frame(context: bpy.types.Context, obj: Object, marks: np.ndarray) -> None:
    """Bring the face with (L, 3) landmarks on `obj` into every 3D view of the windows that looks through no camera."""
    _move(context, partial(onto, marks=posed(obj, marks)))


def bring(context: bpy.types.Context, points: np.ndarray, size: float) -> None:
    """Bring (n, 3) points in world space into these views, see `around`."""
    _move(context, partial(around, points=points, size=size))


def stand(context: bpy.types.Context) -> Stand:
    """From where these views look."""
    return {
        area.as_pointer(): (view.view_location.copy(), view.view_rotation.copy(), view.view_distance)
        for area, view in _views(context)
    }


def stand_again(context: bpy.types.Context, before: Stand) -> None:
    """Let the views look from where they did, see `stand`."""
    for area, view in _views(context):
        if area.as_pointer() in before:
            view.view_location, view.view_rotation, view.view_distance = before[area.as_pointer()]


def _move(context: bpy.types.Context, moved: Callable[[View], View | None]) -> None:
    for area, view in _views(context):
        if found := moved(_read(area, view)):
            view.view_location = Vector(found.location)
            view.view_rotation = Matrix(found.rotation.tolist()).to_quaternion()
            view.view_distance = found.distance


def _views(context: bpy.types.Context) -> Iterator[tuple[bpy.types.Area, bpy.types.RegionView3D]]:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            view = area.spaces.active.region_3d if area.type == "VIEW_3D" else None
            if view is not None and view.view_perspective != "CAMERA":
                yield area, view


def _read(area: bpy.types.Area, view: bpy.types.RegionView3D) -> View:
    perspective = view.is_perspective
    projection = view.window_matrix
    spread = 1 / np.array([projection[0][0], projection[1][1]])
    return View(
        np.array(view.view_location),
        np.array(view.view_rotation.to_matrix()),
        view.view_distance,
        spread if perspective else spread / view.view_distance,
        perspective,
        _free(area.regions),
    )


def _free(regions: Sequence[bpy.types.Region]) -> tuple[float, float]:
    """What no toolbar or sidebar covers of the width of the view."""
    view = next(region for region in regions if region.type == "WINDOW")
    first, last = view.x, view.x + view.width
    for region in regions:
        if region.type in ("TOOLS", "UI") and region.width > 1 and view.x <= region.x < view.x + view.width:
            if region.x + region.width / 2 < view.x + view.width / 2:
                first = max(first, region.x + region.width)
            else:
                last = min(last, region.x)
    width = max(view.width, 1)
    return ((first - view.x) / width, (last - view.x) / width) if last - first > width / 4 else (0.0, 1.0)
