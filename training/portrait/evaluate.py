"""Measure portraits on people that they never saw: `python -m training portrait evaluate --data … --base …`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates
from torch import Tensor

from blendshape_addon.core.inference.face_format import SCORES
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.vocabulary import ARKIT

from ..learning.atomic_files import atomic_write
from ..motion import video_metrics
from ..motion.animator import dataset, pictures
from . import pairs, weights
from .gbase import Gbase
from .pairs import AXES, Batch, Rendered, Renders
from .perceptual import Perceptual

PAIRS = 200
_SHOWN = 6  # people of a sheet
_FEATURES = 128  # pixels of a side that the network of features sees
_READ = 60  # pairs in which faces are read
_UNITS = ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft")  # that are read back
_STIFF = 1e-3  # smoothing of the landmark warp


def compare(network: Gbase, new: Renders, count: int = PAIRS) -> dict[str, dict[str, float]]:
    """Figures over up to `count` pairs of new people, each driven by another picture of themselves: of the network, of
    the source as it is, of the source warped by true landmarks (thin plate), and, of what is read back, of the true
    pictures, in which the reader is the limit."""
    picked = chosen(new, count)
    batch = pairs.batch_of([person.at(number) for person, number in picked])
    began = time.process_time()
    made = _by(network, batch)
    seconds = time.process_time() - began
    warped = np.stack([landmark_warp(person, number) for person, number in picked])
    rows = {"network": made, "copy": as_uint8(batch.source), "landmark warp": warped}
    perceptual, reader = Perceptual(_FEATURES), FaceReader(provider="cpu")
    found = {name: _figures(movie, batch, perceptual) for name, movie in rows.items()}
    found["truth"] = {}
    for name, movie in (rows | {"truth": as_uint8(batch.driver)}).items():
        found[name] |= _read_back(movie, picked, reader)
    found["network"]["frames per CPU second"] = len(made) / max(seconds, 1e-9)
    found["network"] |= _of_motion(network, batch)
    return found


def chosen(new: Renders, count: int) -> list[tuple[Rendered, int]]:
    every = [(person, number) for person in new.people for number in range(len(person.flow))]
    kept = np.unique(np.linspace(0, len(every) - 1, min(count, len(every))).round().astype(int))
    return [every[number] for number in kept]


@torch.no_grad()
def _by(network: Gbase, batch: Batch) -> np.ndarray:
    network.eval()
    rows = [network(s, d).picture for s, d in zip(batch.source.split(16), batch.driver.split(16), strict=True)]
    return as_uint8(torch.cat(rows))


def as_uint8(movie: Tensor) -> np.ndarray:
    return (movie.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()


@torch.no_grad()
def _figures(made: np.ndarray, batch: Batch, perceptual: Perceptual) -> dict[str, float]:
    true = as_uint8(batch.driver)
    share = batch.share.permute(0, 2, 3, 1).numpy().astype(float)
    squared = ((made.astype(float) - true) / 255) ** 2
    masked = (squared * share).sum((1, 2, 3)) / (3 * share.sum((1, 2, 3)))
    as_tensor = torch.from_numpy(made / np.float32(255)).permute(0, 3, 1, 2)
    apart = [perceptual(a, b).item() for a, b in zip(as_tensor.split(16), batch.driver.split(16), strict=True)]
    return {
        "PSNR, dB": float(video_metrics.psnr(made, true).clip(max=99).mean()),
        "PSNR of the person, dB": float(-10 * np.log10(masked.clip(min=1e-10)).mean()),
        "SSIM": float(video_metrics.ssim(made, true).mean()),
        "L1": float(video_metrics.l1(made, true).mean()),
        f"distance in {perceptual.name}": float(np.mean(apart)),
    }


@torch.no_grad()
def _of_motion(network: Gbase, batch: Batch) -> dict[str, float]:
    """How well turned heads and the flow are read: degrees between the rotations, correlation of the turn to the side,
    and the mean distance of the flow in pixels."""
    read = network.emtn(batch.driver).rotation
    true = batch.poses[:, 1]
    cosine = ((read.mT @ true).diagonal(dim1=1, dim2=2).sum(1) - 1) / 2
    yaw = np.corrcoef(*(torch.atan2(one[:, 0, 2], one[:, 2, 2]).numpy() for one in (read, true)))[0, 1]
    flow = torch.cat([network(s, d).flow for s, d in zip(batch.source.split(16), batch.driver.split(16), strict=True)])
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
    """Correlation of units and of the head's turn that the add-on's reader sees in pictures with what is true of the
    drivers, over some of them, and the share of these in which it sees a face."""
    some = np.unique(np.linspace(0, len(picked) - 1, min(_READ, len(picked))).round().astype(int))
    told = [dataset.describe(movie[n][None], reader) for n in some]
    seen = np.array([one.found[0] for one in told])
    found = {"faces read": float(seen.mean())}
    if seen.sum() < 3:
        return found
    rows = [(one, *picked[n]) for one, n, there in zip(told, some, seen, strict=True) if there]
    values = {
        "head yaw read back": np.array([(_yaw(t.rotation[0]), _yaw(AXES @ p.heads[n] @ AXES)) for t, p, n in rows])
    }
    for unit in _UNITS:
        score, true = SCORES.index(unit), ARKIT.index(unit)
        values[f"{unit} read back"] = np.array([(t.scores[0, score], p.units[n, true]) for t, p, n in rows])
    for name, pair in values.items():
        found[f"{name}, r"] = float(video_metrics.agreement(pair[:, :1], pair[:, 1:]).r[0])
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _yaw(rotation: np.ndarray) -> float:
    """How far a (3, 3) rotation in a face's axes turns it to its left, radians."""
    return float(np.arctan2(rotation[0, 2], rotation[2, 2]))


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
    given = parser.parse_args(arguments)
    network, told = weights.base(given.base)
    data = pairs.load(given.data, told.size.size)
    new = data if given.all_people else data.split(told.training.new_people)[1]
    rows = compare(network, new)
    if given.out:
        atomic_write(given.out / "figures.json", json.dumps(rows, indent=1).encode())
        sheet(network, new, given.out / "new_people.png")
    print(video_metrics.table(rows))
