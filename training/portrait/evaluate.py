"""Measure portraits on people that they never saw: `python -m training portrait evaluate --data … --base …`."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates
from torch import Tensor

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import pose
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.performance import DriveOptions, perform
from blendshape_addon.core.vocabulary import ARKIT

from ..data import families, rigs
from ..learning.atomic_files import atomic_write
from ..motion import video_metrics
from ..motion.animator import dataset, pictures
from ..renders import people, render
from . import animate, framing, pairs, synth, weights
from .blocks import tensor
from .gbase import Gbase, Output
from .pairs import AXES, Batch, Rendered, Renders
from .perceptual import Perceptual

PAIRS, RIG_PAIRS = 200, 40
_SHOWN = 6  # people of a sheet
_FEATURES = 128  # pixels of a side that the network of features sees
_TIMED = 32  # frames of which the time is taken
_NEUTRAL = 3  # pictures of the neutral face that a clip begins with, see `performance.perform`
_YAW = "head yaw"
_UNITS = ("jawOpen", "mouthFunnel", "mouthSmileLeft", "eyeBlinkLeft")  # that are read back
_LEAST_SPREAD = 1e-6
_STIFF = 1e-3  # smoothing of the landmark warp


def compare(network: Gbase, new: Renders, count: int = PAIRS) -> dict[str, dict[str, float]]:
    """Figures over up to `count` pairs of new people, each driven by another picture of themselves: of the network, of
    the source as it is, of the source warped by true landmarks (thin plate), and, of what is read back, of the true
    pictures, in which the reader is the limit."""
    return _compare(network, new, chosen(new, count), {})


def compare_with_rigs(network: Gbase, new: Renders, count: int = RIG_PAIRS) -> dict[str, dict[str, float]]:
    """As `compare` over fewer pairs, beside the person's own rig as the add-on's reader of clips would drive it, with
    the look, the light and the place in the picture of the driver (see `rig_rendered`). new: with pictures that motion
    is read in. Raises InputError where the rigs are not those that were drawn."""
    picked = chosen(new, count)
    reader = FaceReader(provider="cpu")
    made = np.stack([rig_rendered(person, number, reader) for person, number in picked])
    return _compare(network, new, picked, {"rig rendered": made})


def compare_in_use(network: Gbase, new: Renders, count: int = PAIRS) -> dict[str, dict[str, float]]:
    """Figures over drivers of new people of what `animate` makes of their neutral pictures, in the size in which motion
    is read, beside these pictures as they are and the drivers' own. new: with pictures that motion is read in."""
    picked = [(replace(person, pictures=person.seen), number) for person, number in chosen(new, count)]
    true = np.stack([person.pictures[number] for person, number in picked])
    rows = {
        "animate": np.stack([_animated(network, person, number) for person, number in picked]),
        "copy": np.stack([person.pictures[0] for person, _ in picked]),
        "truth": true,
    }
    reader = FaceReader(provider="cpu")
    found = {name: _read_back(movie, picked, reader) for name, movie in rows.items()}
    for name in ("animate", "copy"):
        found[name]["PSNR, dB"] = psnr(rows[name], true)
        found[name]["SSIM"] = float(video_metrics.ssim(rows[name], true).mean())
    return found


def _animated(network: Gbase, person: Rendered, number: int) -> np.ndarray:
    """(M, M, 3) uint8 of a person's neutral picture, moved as a driver differs from it."""
    neutral = person.seen[0]
    opaque = np.full((*neutral.shape[:2], 1), 255, np.uint8)
    portrait = framing.Portrait(np.concatenate([neutral, opaque], 2), 0, 0, len(neutral))
    codes = torch.from_numpy(person.codes[[0, number], 0].astype(np.float32))
    *_, made = animate.moved(network, portrait, codes)
    return made[..., :3]


def _compare(
    network: Gbase, new: Renders, picked: list[tuple[Rendered, int]], more: dict[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    batch = pairs.batch_of([person.at(number) for person, number in picked])
    warped = np.stack([landmark_warp(person, number) for person, number in picked])
    rows = {"network": _by(network, batch), "copy": as_uint8(batch.source), "landmark warp": warped} | more
    perceptual, reader = Perceptual(_FEATURES), FaceReader(provider="cpu")
    found = {name: _figures(movie, batch, perceptual) for name, movie in rows.items()}
    found["truth"] = {}
    whose = Faces(new, perceptual)
    for name, movie in (rows | {"truth": as_uint8(batch.driver)}).items():
        found[name][f"taken for the right one of {len(new.people)} people"] = whose.share_right(movie, picked)
        found[name] |= _read_back(movie, picked, reader)
    with torch.no_grad():
        known = network.read(batch.source[:1], batch.codes[:1, 0])
    speed = per_second(lambda driver: network.drive(known, network.emtn(driver)), batch.seen)
    found["network"]["frames per CPU second"] = speed
    found["network"] |= _of_motion(network, batch)
    return found


@torch.no_grad()
def per_second(make: Callable[[Tensor], object], drivers: Tensor) -> float:
    """How many of some drivers are done per second of CPU time, one at a time."""
    some = drivers[:_TIMED].split(1)
    make(some[0])
    began = time.process_time()
    for driver in some:
        make(driver)
    return len(some) / max(time.process_time() - began, 1e-9)


class Faces:
    """Who somebody is: mean and standard deviation of each channel of a network's features, which hardly know where in
    a picture anything is, as far from each other as the neutral pictures of people are on average."""

    def __init__(self, people: Renders, perceptual: Perceptual) -> None:
        self.perceptual, self.names = perceptual, [person.name for person in people.people]
        self.spread = np.ones(1)
        known = self._of(np.stack([person.pictures[0] for person in people.people]))
        self.spread = known.std(0) + _LEAST_SPREAD
        self.known = known / self.spread

    @torch.no_grad()
    def _of(self, movie: np.ndarray) -> np.ndarray:
        rows = []
        for part in tensor(movie).split(16):
            layers = self.perceptual.of(part)
            rows.append(torch.cat([torch.cat([x.mean((2, 3)), x.std((2, 3))], 1) for x in layers], 1))
        return torch.cat(rows).numpy() / self.spread

    def share_right(self, movie: np.ndarray, picked: list[tuple[Rendered, int]]) -> float:
        """The share of pictures that are nearer to the neutral picture of the person whom they show than to anybody
        else's."""
        apart = np.linalg.norm(self._of(movie)[:, None] - self.known[None], axis=2)
        return float(np.mean([self.names[n] == one.name for n, (one, _) in zip(apart.argmin(1), picked, strict=True)]))


def chosen(new: Renders, count: int) -> list[tuple[Rendered, int]]:
    every = [(person, number) for person in new.people for number in range(len(person.flow))]
    kept = np.unique(np.linspace(0, len(every) - 1, min(count, len(every))).round().astype(int))
    return [every[number] for number in kept]


@torch.no_grad()
def _by(network: Gbase, batch: Batch) -> np.ndarray:
    network.eval()
    return as_uint8(torch.cat([output.picture for output in _outputs(network, batch)]))


def _outputs(network: Gbase, batch: Batch) -> list[Output]:
    return [network(s, c[:, 1], c[:, 0]) for s, c in zip(batch.source.split(16), batch.codes.split(16), strict=True)]


def psnr(made: np.ndarray, true: np.ndarray) -> float:
    """Decibels, of (F, S, S, 3) uint8 movies, the mean of pictures; equal ones count as 99."""
    return float(video_metrics.psnr(made, true).clip(max=99).mean())


def as_uint8(movie: Tensor) -> np.ndarray:
    return (movie.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


@torch.no_grad()
def _figures(made: np.ndarray, batch: Batch, perceptual: Perceptual) -> dict[str, float]:
    true = as_uint8(batch.driver)
    share = batch.share.permute(0, 2, 3, 1).numpy().astype(float)
    squared = ((made.astype(float) - true) / 255) ** 2
    masked = (squared * share).sum((1, 2, 3)) / (3 * share.sum((1, 2, 3)))
    apart = [perceptual(a, b).item() for a, b in zip(tensor(made).split(16), batch.driver.split(16), strict=True)]
    return {
        "PSNR, dB": psnr(made, true),
        "PSNR of the person, dB": float(-10 * np.log10(masked.clip(min=1e-10)).mean()),
        "SSIM": float(video_metrics.ssim(made, true).mean()),
        "L1": float(video_metrics.l1(made, true).mean()),
        f"distance in {perceptual.name}": float(np.mean(apart)),
    }


@torch.no_grad()
def _of_motion(network: Gbase, batch: Batch) -> dict[str, float]:
    """How well turned heads and the flow are read: degrees between the rotations, correlation of the turn to the side,
    and the mean distance of the flow in pixels."""
    read = network.emtn(batch.codes[:, 1]).rotation
    true = batch.poses[:, 1]
    cosine = ((read.mT @ true).diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    yaw = np.corrcoef(*(torch.atan2(one[:, 0, 2], one[:, 2, 2]).numpy() for one in (read, true)))[0, 1]
    flow = torch.cat([output.flow for output in _outputs(network, batch)])
    apart = ((flow - batch.flow).norm(dim=1, keepdim=True) * batch.share).sum() / batch.share.sum()
    still = (batch.flow.norm(dim=1, keepdim=True) * batch.share).sum() / batch.share.sum()
    size = flow.shape[-1]
    return {
        "head, degrees": float(torch.rad2deg(torch.acos(cosine.clamp(-1, 1))).mean()),
        "head yaw, r": float(np.nan_to_num(yaw)),
        "flow, pixels": float(apart * size),
        "flow of a copy, pixels": float(still * size),
    }


def _read_back(movie: np.ndarray, picked: list[tuple[Rendered, int]], reader: FaceReader) -> dict[str, float]:
    """Correlation of units and of the head's turn, that the add-on's reader of clips sees in pictures beside the
    neutral one of the same person, with what is true of the drivers; and the share of pictures in which it sees a face.

    Of all people together, of those whose rigs are no toons, for whom the reader was made, and as the median over
    families, for artists differ in what a unit of 1 does.
    """
    values: dict[str, list[tuple[float, float]]] = {name: [] for name in (_YAW, *_UNITS)}
    folds: dict[str, list[str]] = {name: [] for name in values}
    read = 0
    for person in {one.name: one for one, _ in picked}.values():
        mine = [n for n, (one, _) in enumerate(picked) if one.name == person.name]
        told = dataset.describe(np.concatenate([person.pictures[[0] * _NEUTRAL], movie[mine]]), reader)
        read += int(told.found[_NEUTRAL:].sum())
        if not told.found[:_NEUTRAL].all():
            continue
        try:
            done = perform(told, DriveOptions(neutral=0, smoothing=0), person.name)
        except InputError:  # even the neutral face seems to be turned away
            continue
        for place, n in enumerate(mine, _NEUTRAL):
            if not told.found[place]:
                continue
            number = picked[n][1]
            head = person.heads[0].T @ person.heads[number]
            made = {_YAW: _yaw(pose.to_matrices(done.head[place : place + 1])[0])}
            true = {_YAW: _yaw(AXES @ head @ AXES)}
            for unit in (unit for unit in _UNITS if person.units_known[ARKIT.index(unit)]):
                made[unit], true[unit] = done.units[unit][place], person.units[number, ARKIT.index(unit)]
            for name, value in made.items():
                values[name].append((value, true[name]))
                folds[name].append(person.fold)
    found = {"faces read": read / len(picked)}
    for name, rows in values.items():
        pair, fold = np.array(rows).reshape(-1, 2), np.array(folds[name])
        groups = {
            f"{name} read back, r": np.ones(len(pair), bool),
            f"{name} read back, r, no toons": np.array([not families.is_toon(one) for one in fold], bool),
        }
        rs = {title: _r(pair[chosen]) for title, chosen in groups.items()}
        of_families = [_r(pair[fold == one]) for one in np.unique(fold)]
        rs[f"{name} read back, r, median of families"] = float(np.nanmedian([np.nan, *of_families])) if rows else np.nan
        found |= {title: value for title, value in rs.items() if np.isfinite(value)}
    return found


def _r(pair: np.ndarray) -> float:
    """Correlation of the columns of (N, 2), NaN of fewer than 5 rows."""
    return float(video_metrics.agreement(pair[:, :1], pair[:, 1:]).r[0]) if len(pair) >= 5 else np.nan


def _yaw(rotation: np.ndarray) -> float:
    """How far a (3, 3) rotation in a face's axes turns it to its left, radians."""
    return float(np.arctan2(rotation[0, 2], rotation[2, 2]))


def rig_rendered(person: Rendered, number: int, reader: FaceReader) -> np.ndarray:
    """(S, S, 3) uint8 of a pair's driver as *Drive from Clip* would make it: the units, the gaze and the turn of the
    head that its reader sees in the driver's picture beside the neutral one, on the rig that the person is, drawn as it
    was before, at the place of the driver; where no face is read, the neutral face. Raises InputError where there is no
    such rig."""
    told = dataset.describe(person.seen[[0] * _NEUTRAL + [number]], reader)
    family, rig, seed = person.name.split("/")
    folder = next((one for one in people.drawable() if (one.parent.name, one.name) == (family, rig)), None)
    if folder is None:
        raise InputError(f"There is no rig {family}/{rig}: set VRC_BLENDSHAPE_DATA to the folder of rigs.")
    drawn, rng = people.person(rigs.load(folder), int(seed)), np.random.default_rng(int(seed))
    scenes = list(synth.scenes(drawn, len(person.pictures), rng, person.seen.shape[1]))
    scene = replace(scenes[number], units={}, gaze=((0.0, 0.0),) * 2, head=(0.0, 0.0, 0.0))
    if told.found.all():
        done = perform(told, DriveOptions(neutral=0, smoothing=0), person.name)
        gaze = tuple(done.gaze[-1].tolist())
        units = {unit: float(value[-1]) for unit, value in done.units.items()}
        scene = replace(scene, units=units, gaze=(gaze, gaze), head=tuple(np.degrees(done.head[-1]).tolist()))
    return pairs.smaller(render(scene)[0][None], person.seen.shape[1] // person.pictures.shape[1])[0]


def landmark_warp(person: Rendered, number: int) -> np.ndarray:
    """(S, S, 3) uint8 of a pair's source, warped by a thin plate that brings its true landmarks, and four corners that
    stand still, to where the driver has them (Bookstein, 1989)."""
    source = person.pictures[number + 1].astype(float)
    size = len(source)
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    there, here = (np.concatenate([person.landmarks[n], corners]) for n in (number + 1, number))
    plate = RBFInterpolator(here, there - here, kernel="thin_plate_spline", smoothing=_STIFF)
    middles = (np.stack(np.meshgrid(*[np.arange(size)] * 2), -1).reshape(-1, 2) + 0.5) / size
    x, y = ((middles + plate(middles)) * size - 0.5).T
    moved = [map_coordinates(source[..., channel], [y, x], order=1, mode="nearest") for channel in range(3)]
    return np.stack(moved, -1).reshape(source.shape).round().clip(0, 255).astype(np.uint8)


def sheet(network: Gbase, new: Renders, path: Path) -> None:
    """A row per new person: source, driver, what was made, the landmark warp. Raises InputError when the disk does not
    take it."""
    picked = chosen(new, _SHOWN)
    batch = pairs.batch_of([person.at(number) for person, number in picked])
    rows = [as_uint8(batch.source), as_uint8(batch.driver), _by(network, batch)]
    rows.append(np.stack([landmark_warp(person, number) for person, number in picked]))
    pictures.save(path, np.concatenate(list(pictures.beside(rows))).repeat(2, 0).repeat(2, 1))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait evaluate",
        description="Measure a portrait network on pairs of people, beside the source that does not move and the "
        "source warped by true landmarks.",
    )
    parser.add_argument("--base", type=Path, required=True, help="base.safetensors of train-base")
    parser.add_argument("--data", type=Path, required=True, help="folder that `portrait synth` made")
    parser.add_argument("--out", type=Path, help="folder for figures.json and new_people.png")
    parser.add_argument("--all-people", action="store_true", help="not only those that the training left out")
    parser.add_argument(
        "--rigs",
        action="store_true",
        help=f"also beside the people's own rigs, driven by the reader of clips, over {RIG_PAIRS} pairs",
    )
    parser.add_argument(
        "--in-use", action="store_true", help="also what animate makes of people's neutral pictures, in their own size"
    )
    given = parser.parse_args(arguments)
    network, told = weights.base(given.base)
    data = pairs.load(given.data, told.size.size, told.size.motion_size)
    new = data if given.all_people else data.split(told.training.new_people)[1]
    tables = {"figures.json": compare(network, new)}
    if given.rigs:
        tables["figures_with_rigs.json"] = compare_with_rigs(network, new)
    if given.in_use:
        tables["figures_in_use.json"] = compare_in_use(network, new)
    for name, rows in tables.items():
        if given.out:
            atomic_write(given.out / name, json.dumps(rows, indent=1).encode())
        print(video_metrics.table(rows), end="\n\n")
    if given.out:
        sheet(network, new, given.out / "new_people.png")
