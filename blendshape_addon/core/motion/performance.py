"""From motion descriptors of a person to what an avatar does: 52 units, the turn of its head, where its eyes look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..expressions import Gaze
from ..inference.face_format import SCORES
from ..messages import Message
from ..vocabulary import ARKIT
from . import mouth, pose
from . import units as unit_values
from .descriptor import Descriptors
from .face import networks_of
from .one_euro import smooth
from .parameters import PERFORMANCE, UNITS

LOOKS = tuple(name for name in ARKIT if name.startswith("eyeLook"))
BLINKS = [SCORES.index(f"eyeBlink{side}") for side in ("Left", "Right")]  # read by the network of eyes instead
UNREAD = tuple(name for name in ARKIT if name in UNITS.unread)  # what pictures do not tell: keyed only when asked for
READ = tuple(name for name in ARKIT if name not in UNREAD)  # what is keyed


def unread_units(name: str) -> tuple[str, ...]:
    """The units of UNREAD that a name stands for: itself, or those that add a side or a lip to it; the name if none."""
    ends = ("", "Left", "Right", "Lower", "Upper")
    return tuple(unit for unit in UNREAD if unit in {name + end for end in ends}) or (name,)


@dataclass(frozen=True)
class DriveOptions:
    """How a clip drives an avatar.

    neutral: number of the frame, from 0, with the person's neutral face; found if None. strength: 0 to 2, of units.
    smoothing: 0 to 5, how much of the filters. more: names of UNREAD that are keyed too. Raises InputError for a value
    that is none of these.
    """

    neutral: int | None = None
    strength: float = 1.0
    smoothing: float = 1.0
    more: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value, most in (("Strength", self.strength, 2), ("Smoothing", self.smoothing, 5)):
            if not 0 <= value <= most:
                raise InputError(
                    "{name} is {number:g}: give a number from 0 to {most}.", name=Message(name), number=value, most=most
                )
        if unknown := [name for name in self.more if name not in UNREAD]:
            raise InputError(
                "Unknown units “{names}”: choose from {choices}.", names=", ".join(unknown), choices=", ".join(UNREAD)
            )


@dataclass(frozen=True)
class Performance:
    """F frames of an avatar.

    times: (F,) seconds. units: names of ARKIT to (F,) values, 0 to 1. head: (F, 3) rotation vectors, radians, against
    the neutral frame: x to the avatar's left, y up, z forward. gaze: (F, 2) degrees to the avatar's left and up.
    neutral: number of the neutral frame. lost: first and last frames of the spans without a face that could be read.
    notes: for the user. calm: frames that the neutral face is the median of.
    """

    times: np.ndarray
    units: Mapping[str, np.ndarray]
    head: np.ndarray
    gaze: np.ndarray
    neutral: int
    lost: tuple[tuple[int, int], ...] = ()
    notes: tuple[Message, ...] = field(default=())
    calm: tuple[int, ...] = ()


def perform(descriptors: Descriptors, options: DriveOptions, name: str, models: Path | None = None) -> Performance:
    """What the person of a clip, called `name`, does. models: folder of the networks that the clip was read with, the
    bundled ones if None.

    Raises InputError where the face is never turned to the camera, where the chosen neutral frame shows none, or where
    other networks read the clip, and ModelError as `networks_of` and `mouth.against` do.
    """
    if descriptors.networks and descriptors.networks != networks_of(models):
        raise InputError(
            "What {file} holds was read by other networks than those of this version: delete it, and drive "
            "--descriptors makes it anew from the clip.",
            file=name,
        )
    turned, valid = _turned(descriptors), facing(descriptors)
    if not valid.any():
        raise InputError(
            "The face in {file} is turned away by more than {limit} degrees all the time: film it from the front.",
            file=name,
            limit=round(PERFORMANCE.max_turn),
        )
    neutral, frames = _neutral(descriptors, valid, options.neutral)
    scores = descriptors.scores.astype(float) - np.median(descriptors.scores[frames], axis=0)
    rest_blink = np.median(descriptors.blink[frames], axis=0)
    scores[:, BLINKS] = (descriptors.blink - rest_blink) / np.maximum(1 - rest_blink, UNITS.least_opening)
    measured = unit_values.measures(descriptors.landmarks)
    measured -= np.median(measured[frames], axis=0)
    mouths = mouth.against(descriptors.mouth, np.median(descriptors.mouth[frames], axis=0), models)
    scored = [unit for unit in (*READ, *options.more) if unit in SCORES and unit not in LOOKS]
    table = np.stack([unit_values.value(unit, scores, measured, mouths) for unit in scored], axis=1)
    gaze = _gaze(descriptors, valid, frames)
    rest = _mean_rotation(descriptors.rotation[_near(neutral, valid)])
    head = np.zeros((descriptors.count, 3))
    head[valid] = pose.to_vectors(rest.T @ descriptors.rotation[valid].astype(float))

    times, amount = descriptors.times, options.smoothing
    table = smooth(times, _bridge(times, table, valid), PERFORMANCE.units, amount)
    gaze = smooth(times, _bridge(times, gaze, valid), PERFORMANCE.gaze, amount)
    head = smooth(times, _bridge(times, head, valid), PERFORMANCE.head, amount)
    read = dict(zip(scored, table.T, strict=True)) | {unit: _look(unit, gaze) for unit in LOOKS}
    if "tongueOut" in options.more:
        tongue = _bridge(times, descriptors.tongue.astype(float), valid)
        read["tongueOut"] = smooth(times, tongue, PERFORMANCE.units, amount)
    units = {unit: (read[unit].clip(0, 1) * options.strength).clip(0, 1) for unit in (*READ, *options.more)}
    for side in ("Left", "Right"):
        squint = units[f"eyeSquint{side}"]
        units[f"eyeSquint{side}"] = unit_values.without_blinks(squint, units[f"eyeBlink{side}"])
    lost = _spans(~valid)
    notes, calm = tuple(_notes(descriptors, lost, turned)), tuple(int(number) for number in frames)
    return Performance(times, units, head, gaze, neutral, lost, notes, calm)


def _look(unit: str, gaze: np.ndarray) -> np.ndarray:
    """(F,) values of an eyeLook unit, from (F, 2) degrees to the avatar's left and up."""
    left, up = gaze.T
    direction = next(one for one in Gaze if f"eyeLook{one.value}" in unit)
    sideways = left if (direction is Gaze.OUT) == unit.endswith("Left") else -left
    degrees = {Gaze.UP: up, Gaze.DOWN: -up}.get(direction, sideways)
    return (degrees / PERFORMANCE.look[direction]).clip(0, 1)


def _gaze(descriptors: Descriptors, valid: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(F, 2) degrees to the left and up of both eyes together; those of shut eyes are what lies around them."""
    both = descriptors.gaze.mean(1) - np.median(descriptors.gaze[frames].mean(1), axis=0)
    shut = (descriptors.blink - np.median(descriptors.blink[frames], axis=0)).max(1) > UNITS.shut
    shut[1:] |= shut[:-1].copy()
    shut[:-1] |= shut[1:].copy()
    open_eyes = valid & ~shut
    if not open_eyes.any():
        return np.zeros((descriptors.count, 2))
    known = np.flatnonzero(open_eyes)
    limits = np.array(PERFORMANCE.max_gaze)
    filled = np.stack([np.interp(np.arange(descriptors.count), known, both[known, axis]) for axis in range(2)], axis=1)
    return filled.clip(-limits, limits)


def _neutral(descriptors: Descriptors, valid: np.ndarray, chosen: int | None) -> tuple[int, np.ndarray]:
    """The number of the neutral frame, and the frames around it or like it that its scores are the median of."""
    if chosen is not None:
        if not 0 <= chosen < descriptors.count or not valid[chosen]:
            raise InputError(
                "Frame {number} cannot be the neutral one: no face was read in it. Choose one from 1 to {count} with a "
                "face that looks at the camera.",
                number=chosen + 1,
                count=descriptors.count,
            )
        return chosen, _near(chosen, valid)
    calm = calmest(descriptors)
    return int(calm[0]), calm


def calmest(descriptors: Descriptors) -> np.ndarray:
    """Numbers of the frames in which the face does least, the calmest first; none where it never looks at the
    camera."""
    frames = np.flatnonzero(facing(descriptors))
    if not len(frames):
        return frames
    scores = descriptors.scores[frames][:, [SCORES.index(name) for name in READ]]
    # Most of the time most of a face does little: a unit's lower quartile is its rest, above which it acts, and below
    # which another one takes from it, as raised brows from lowered ones.
    away = np.abs(scores - np.quantile(scores, PERFORMANCE.rest_quantile, axis=0)).sum(1)
    cost = away + pose.turn(descriptors.rotation[frames]) / PERFORMANCE.max_turn
    count = max(3, round(len(frames) * PERFORMANCE.neutral_share)) if len(frames) > 2 else 1  # of two, one acts
    return frames[np.argsort(cost, kind="stable")[:count]]


def facing(descriptors: Descriptors) -> np.ndarray:
    """(F,) bool: frames with a face that is not turned too far away to be read."""
    return descriptors.found & (_turned(descriptors) <= PERFORMANCE.max_turn)


def _turned(descriptors: Descriptors) -> np.ndarray:
    """(F,) degrees by which the face is turned away from the camera, 0 where there is none."""
    return pose.turn(np.where(descriptors.found[:, None, None], descriptors.rotation, np.eye(3)))


def _near(number: int, valid: np.ndarray) -> np.ndarray:
    """The valid ones among the frames up to two away from a frame."""
    near = np.arange(max(number - 2, 0), min(number + 3, len(valid)))
    return near[valid[near]]


def _mean_rotation(rotations: np.ndarray) -> np.ndarray:
    """(3, 3) the rotation nearest to the mean of (N, 3, 3)."""
    left, _, right = np.linalg.svd(rotations.astype(float).mean(0))
    return left @ right


def _spans(chosen: np.ndarray) -> tuple[tuple[int, int], ...]:
    """First and last numbers of the runs of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, chosen, False].astype(int)))
    return tuple((int(first), int(last) - 1) for first, last in edges.reshape(-1, 2))


def _bridge(times: np.ndarray, values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(F, ...) values where those that are not valid are held for a moment, then eased to 0; what comes after them is
    blended in."""
    result = np.where(valid.reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)
    for first, last in _spans(~valid):
        if first:
            for number in range(first, last + 1):
                away = (times[number] - times[first - 1] - PERFORMANCE.hold) / PERFORMANCE.ease
                result[number] = result[first - 1] * (1 - _smoothstep(away))
        before = result[last]
        for number in range(last + 1, len(times)):
            share = _smoothstep((times[number] - times[last]) / PERFORMANCE.back)
            if share >= 1 or not valid[number]:
                break
            result[number] = before + (result[number] - before) * share
    return result


def _smoothstep(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def _notes(descriptors: Descriptors, lost: tuple[tuple[int, int], ...], turned: np.ndarray) -> list[Message]:
    notes = []
    if descriptors.faces > 1:
        notes.append(Message("{count} faces are in the clip: the largest one was followed.", count=descriptors.faces))
    if np.median(pose.misfit(descriptors.landmarks[descriptors.found].astype(float))) > PERFORMANCE.drawn:
        notes.append(
            Message(
                "The face has not a person's proportions: the reader was made for people, and what it reads of drawn "
                "faces is rough."
            )
        )
    if side := pose.side(descriptors.rotation[descriptors.found].astype(float)):
        notes.append(
            Message(
                "The face in the clip is turned by {degrees} degrees: it was not filmed upright. "
                "It is read all the same.",
                degrees=side,
            )
        )
    if lost:
        count = sum(last - first + 1 for first, last in lost)
        away = int((descriptors.found & (turned > PERFORMANCE.max_turn)).sum())
        notes.append(
            Message(
                "In {count} of {frames} frames the face could not be read ({away} of them turned away by more than "
                "{limit} degrees): the expression is held and then eased to neutral there; markers show where.",
                count=count,
                frames=descriptors.count,
                away=away,
                limit=round(PERFORMANCE.max_turn),
            )
        )
    return notes
