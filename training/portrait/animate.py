"""Move a portrait as a clip does: `python -m training portrait animate --source P.png --clip F --out O.gif`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageColor
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.motion import descriptor
from blendshape_addon.core.motion.face import FaceReader

from ..learning.workers import stoppable
from ..motion.animator import dataset, movies
from ..motion.animator.losses import fetched
from ..motion.animator.make_data import RATE
from . import descriptor_code, framing, openings, weights
from .background import PersonMask, cut_out
from .blocks import tensor
from .emtn import adopted
from .export import AvatarFile
from .framing import Driver, Portrait
from .g2d import Painted
from .gbase import Gbase, Output

SEEN = 256  # pixels of a side of the pictures that motion is read in
_AT_ONCE = 8  # frames
_SOFT = 0.15  # share of the square's side over which the motion ends before the still rest of the picture
_LARGEST = 1024  # pixels of the longer side of what is made, if nobody says so
_SIZES = (64, 4096)


@torch.no_grad()
def moved(
    network: Gbase | AvatarFile, source: Portrait, drivers: np.ndarray | Tensor, neutral: int = 0, paint: bool = True
) -> Iterator[np.ndarray]:
    """A (side, side, 4) uint8 square per driver: the portrait's own that moves as drivers do, as far as they differ
    from the neutral one, in which the portrait is as it is: whose face drives drops out.

    drivers: (F, M, M, 3) uint8 pictures, or (F, K) codes, see `face_code`, which a student does not take. paint: lids
    and the inside of the mouth, see `openings`, which a student does not.

    The network moves the square at its own size, and reads motion in larger pictures, see SEEN. What it fetches from
    elsewhere is fetched from the square itself, along its enlarged flow, so that the result is as sharp as the
    portrait; what it paints over it is enlarged. Towards those sides of the square beyond which the picture goes on,
    both end. Raises InputError where a student learned another portrait.
    """
    size, side = network.size, source.side
    square = source.square
    whole = tensor(square[None])
    layers = torch.cat([whole[:, :3] * whole[:, 3:], whole[:, 3:]], 1)  # colours times alpha, and alpha
    shown = Image.fromarray(framing.on_ground(square, (255, 255, 255)))
    small, seen = (
        tensor(np.asarray(shown.resize((pixels, pixels), Image.Resampling.BILINEAR))[None]) for pixels in (size, SEEN)
    )
    rest = _seen(drivers[neutral : neutral + 1])
    drive = _by_student(network, small) if isinstance(network, AvatarFile) else _by_base(network, small, seen, rest)
    still = drive(rest)
    share = _share(side, source.inner)
    enlarged = partial(functional.interpolate, size=(side, side), mode="bicubic", align_corners=False)
    for first in range(0, len(drivers), _AT_ONCE):
        output = drive(_seen(drivers[first : first + _AT_ONCE]))
        for number, flow in enumerate((output.flow - still.flow).split(1)):
            correction = output.correction[number : number + 1] - still.correction
            correction = correction.mean(1, keepdim=True)  # in colours it would fringe, as large as it is shown
            colours, alpha = fetched(layers, enlarged(flow) * share).split((3, 1), 1)
            colours = (colours / alpha.clamp(min=1 / 255) + enlarged(correction) * share).clamp(0, 1)
            if paint and isinstance(output, Output):
                colours = openings.painted(
                    colours, whole[:, :3], output.source.points[:1], output.driver.points[number : number + 1]
                )
            yield (torch.cat([colours, alpha], 1)[0] * 255).round().byte().permute(1, 2, 0).numpy()


def _by_base(network: Gbase, small: Tensor, seen: Tensor, rest: Tensor) -> Callable[[Tensor], Output]:
    """Moves the source from its own motion on as drivers differ from (1, 3, M, M) rest: "relative motion" (Siarohin et
    al., "First Order Motion Model for Image Animation", 2019)."""
    known, neutral = network.read(small, seen), network.emtn(rest)

    def drive(drivers: Tensor) -> Output:
        return network.drive(known.repeated(len(drivers)), adopted(known.motion, network.emtn(drivers), neutral))

    return drive


def _by_student(network: AvatarFile, small: Tensor) -> Callable[[Tensor], Painted]:
    network.check_portrait(small)
    return network.drive


def _share(side: int, inner: tuple[bool, bool, bool, bool]) -> Tensor:
    """(side, side) of the motion, 1 in the middle and 0 at the inner sides: left, top, right and bottom."""
    near = (torch.arange(side) + 0.5) / (_SOFT * side)
    ends = (near, near, near.flip(0), near.flip(0))
    left, top, right, bottom = (
        end.clamp(max=1) if there else torch.ones(side) for end, there in zip(ends, inner, strict=True)
    )
    least = torch.minimum(left, right)[None] * torch.minimum(top, bottom)[:, None]
    return least.square() * (3 - 2 * least)


def _seen(drivers: np.ndarray | Tensor) -> Tensor:
    return drivers if isinstance(drivers, Tensor) else tensor(drivers)


def beside(made: Iterator[np.ndarray], frames: np.ndarray, driver: Driver) -> Iterator[np.ndarray]:
    """Each picture with the frame of the clip that it follows, cut to the face, to its left."""
    for picture, number in zip(made, driver.shown, strict=True):
        yield np.hstack([dataset.cropped(frames[number], driver.window, len(picture)), picture])


def main(arguments: list[str]) -> None:
    given = _parser().parse_args(arguments)
    if not _SIZES[0] <= given.size <= _SIZES[1]:
        raise InputError(f"--size is {given.size}: choose {_SIZES[0]} to {_SIZES[1]} pixels.")
    ground, eyes = _colour(given.ground), framing.eyes(given.eyes) if given.eyes else None
    movies.check_output(given.out, given.rate, given.blender, (given.source, given.clip))
    network = AvatarFile(given.student) if given.student else weights.base(given.base)[0]
    reader = FaceReader(provider="cpu")
    source, factor = framing.portrait(given.source, given.size, eyes, reader)
    if given.cut_out:
        source = replace(source, picture=cut_out(source.picture, PersonMask()))
    with stoppable(), _driven(given, network, reader) as (driver, drivers, clip):  # which has files to clear away
        said = [*_said(given, source, factor), *clip.notes]
        said.append(f"Frame {driver.neutral + 1} of the clip is neutral: there the portrait is as it is.")
        if lost := int((driver.shown != np.arange(len(driver.shown))).sum()):
            said.append(f"No face was read in {lost} of {len(drivers)} frames: the portrait stands still there.")
        print("\n".join(said), flush=True)
        paint = given.paint == "yes" or (given.paint == "auto" and not source.drawn)
        squares = moved(network, source, drivers, driver.neutral, paint)
        made = tqdm(squares, "moving the portrait", len(drivers), unit="frame")
        frames = (square if given.square else source.with_square(square) for square in made)
        if not _keeps_alpha(given):
            frames = (framing.on_ground(frame, ground) for frame in frames)
        if given.beside:
            frames = beside(frames, clip.frames, driver)
        rate = given.rate or clip.rate or RATE
        movies.write(given.out, frames, rate, given.blender, clip.sound)
    height, width = (source.side,) * 2 if given.square else source.picture.shape[:2]
    print(
        f"{given.out}: {len(drivers)} frames of {width} x {height} pixels, {rate:.4g} per second, marked as synthetic."
    )


@contextmanager
def _driven(
    given: argparse.Namespace, network: Gbase | AvatarFile, reader: FaceReader
) -> Iterator[tuple[Driver, np.ndarray | Tensor, movies.Clip]]:
    """How the clip drives, what drives, see `moved`, and the clip, which has no frames where it was read before."""
    name = given.clip.name
    if given.clip.suffix.lower() != ".npz":
        with movies.opened(given.clip, given.blender) as clip:
            told = framing.read(clip.frames, reader, partial(tqdm, desc="reading faces", unit="frame"))
            height, width = clip.frames.shape[1:3]
            driver = framing.driver(name, told, width, height, given.neutral)
            yield driver, framing.cut(clip.frames, driver, SEEN), clip
        return
    if isinstance(network, AvatarFile) or given.beside:
        raise InputError(f"{name} holds what was read of a clip, and its pictures are needed: give the clip.")
    told = descriptor.load(given.clip)
    driver = framing.driver(name, told, 0.0, 1.0, given.neutral)
    rows = descriptor_code.codes(told, driver.window, network.emtn.middle)[driver.shown]
    yield driver, rows, movies.Clip(np.zeros((0, 0, 0, 3), np.uint8), 1 / float(told.times[1] - told.times[0]), None)


def _keeps_alpha(given: argparse.Namespace) -> bool:
    return not given.out.suffix and not given.beside


def _said(given: argparse.Namespace, source: Portrait, factor: float) -> list[str]:
    """What the user should know of the portrait."""
    said, name = [], given.source.name
    height, width = source.picture.shape[:2]
    if factor > 1:
        said.append(f"{name} is made {factor:.2g} times smaller, {width} x {height} pixels: --size takes more.")
    if any(source.inner) or height != width:
        rest = "is left out" if given.square else "stays still"
        said.append(
            f"{name} has {width} x {height} pixels: a square of {source.side} about the face moves, the rest {rest}."
        )
    if source.drawn and given.paint == "auto":
        said.append(
            f"The face in {name} seems to be drawn: lids and the inside of its mouth are not painted, for they could "
            "lie wrong; --paint yes paints them."
        )
    if source.picture[..., 3].min() < 255:
        said.append(
            f"{name} is transparent in places: the .png files are, too."
            if _keeps_alpha(given)
            else f"{name} is transparent in places: it is laid on {given.ground}, see --ground; a folder of .png keeps "
            "it transparent."
        )
    return said


def _colour(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError as error:
        raise InputError(f"--ground is {text}, which is no colour: give one as white or #30a0ff.") from error
    return red, green, blue


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training portrait animate",
        description="Move a portrait as the face in a clip does, by a network of train-base. The result has the "
        "portrait's own resolution and is marked as synthetic. Use a picture of yourself, of your avatar, or of "
        "somebody who allowed it.",
    )
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--base", type=Path, help="base.safetensors of train-base")
    which.add_argument("--student", type=Path, help="X.onnx of portrait export: quicker, knows one portrait")
    add("--source", type=Path, required=True, help="the portrait")
    add(
        "--clip",
        type=Path,
        required=True,
        help="a movie, an animated picture, a folder of pictures, or what `drive --descriptors` kept (.npz)",
    )
    add("--out", type=Path, required=True, help="a .gif, a .mp4, or a folder for .png")
    add("--rate", type=float, help=f"frames per second (default: the clip's, {RATE} where it does not say)")
    add("--neutral", type=int, metavar="FRAME", help="the clip's neutral face, from 1 (default: found)")
    add("--size", type=int, default=_LARGEST, help="pixels of the longer side at most (default: %(default)s)")
    add("--square", action="store_true", help="only the square about the face")
    add("--beside", action="store_true", help="with the clip to the left")
    add("--paint", choices=("auto", "yes", "no"), default="auto",
        help="closed lids and the inside of an open mouth (default: not where a face seems drawn)")  # fmt: skip
    add("--cut-out", action="store_true", help="take the portrait off its background, see portrait prepare")
    add("--ground", default="white", metavar="COLOUR",
        help="that a transparent portrait is laid on in a .gif or a .mp4 (default: %(default)s)")  # fmt: skip
    add("--eyes", nargs=2, metavar="X,Y",
        help="where the portrait's eyes are, in pixels, the left one first, for a face that is not found")  # fmt: skip
    add("--blender", metavar="PATH",
        help="Blender, or a Python that has bpy, which reads movies, and writes .mp4 where ffmpeg is not installed "
        "(default: this Python, else blender)")  # fmt: skip
    return parser
