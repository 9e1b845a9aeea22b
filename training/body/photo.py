"""Photos of a person, checked before they are fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from blendshape_addon.core.errors import InputError

from .fit import View
from .parameters import PHOTO
from .person import POINTS, PersonReader


@dataclass(frozen=True)
class Photo:
    """name: of the file. pixels: (H, W, 3) uint8, upright. focal: pixels. said_focal: whether the file says it."""

    name: str
    pixels: np.ndarray
    focal: float
    said_focal: bool


def load(path: Path) -> Photo:
    """A photo, turned upright and made no larger than is looked at. Raises InputError for what is none, is too large,
    moves, or shows nothing."""
    try:
        with Image.open(path) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise InputError("{file} has more than one picture: give a photo.", file=path.name)
            if image.width * image.height > PHOTO.most_pixels:
                raise InputError(
                    "{file} has {found:.0f} megapixels; make it smaller than {most:.0f}.",
                    file=path.name, found=image.width * image.height / 1e6, most=PHOTO.most_pixels / 1e6,
                )  # fmt: skip
            if min(image.size) < PHOTO.least_side:
                raise InputError(
                    "{file} is only {width} × {height} pixels: a person cannot be measured in it.",
                    file=path.name, width=image.width, height=image.height,
                )  # fmt: skip
            lens = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
            upright = _colours(ImageOps.exif_transpose(image))
    except FileNotFoundError as error:
        raise InputError("{file} does not exist.", file=path) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError("{file} cannot be read as a picture: save it as JPEG, PNG or WebP.", file=path.name) from error
    upright.thumbnail((PHOTO.side, PHOTO.side), Image.Resampling.LANCZOS)
    pixels = np.asarray(upright)
    if pixels.std() < PHOTO.blank:
        raise InputError("{file} is blank.", file=path.name)
    # The longer side of a 35 mm picture is 36 mm.
    focal = max(pixels.shape) * (lens / 36 if lens else PHOTO.usual_lens)
    return Photo(path.name, pixels, float(focal), bool(lens))


def _colours(image: Image.Image) -> Image.Image:
    """A picture as RGB: over grey where it is transparent, and 16 bits of brightness as 8."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).clip(0, 65535) / 257).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    over = Image.new("RGBA", image.size, PHOTO.behind)
    return Image.alpha_composite(over, image.convert("RGBA")).convert("RGB")


def view(photo: Photo, reader: PersonReader, side: bool) -> View:
    """The largest person of a photo. side: whether it should be seen from the side. Raises InputError where nobody is
    found, a part of the person is beyond the picture, or it is seen from elsewhere."""
    try:
        person = reader.read(photo.pixels)
    except InputError as error:
        raise InputError("{file}: {reason}", file=photo.name, reason=str(error)) from error
    height, width = photo.pixels.shape[:2]
    for names, what in ((("nose",), "head"), (("ankle_l", "ankle_r", "toe_l", "toe_r"), "feet")):
        for name in names:
            across, down = person.at(name)
            if (
                not (0 <= across < width and 0 <= down < height)
                or person.visible[POINTS[name]] < PHOTO.least_visible[what]
            ):
                raise InputError(
                    "{file} does not show the {part}: the whole person has to be in the picture.",
                    file=photo.name, part=what,
                )  # fmt: skip
    trunk = (person.at("hip_l") + person.at("hip_r")) / 2 - (person.at("shoulder_l") + person.at("shoulder_r")) / 2
    if trunk[1] < np.linalg.norm(trunk) * PHOTO.upright:
        raise InputError("{file} shows the person lying or upside down: turn the picture upright.", file=photo.name)
    edge = person.mask > PHOTO.mask
    if edge[0].any() or edge[-1].any():
        raise InputError(
            "{file} cuts the person off: the whole person has to be in the picture, with some space around.",
            file=photo.name,
        )
    across = person.world[POINTS["shoulder_l"]] - person.world[POINTS["shoulder_r"]]
    yaw = abs(float(np.degrees(np.arctan2(across[2], across[0]))))
    if not side and yaw > PHOTO.most_turned:
        raise InputError("{file} shows the person from the side or the back: give one from the front.", file=photo.name)
    if side and abs(yaw - 90) > PHOTO.most_turned:
        raise InputError("{file} does not show the person from the side.", file=photo.name)
    return View(person, photo.focal, (height, width))


def overlay(photo: Photo, person_mask: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the photo, what was taken for the person tinted, and the (H, W) bool outline of the body."""
    shown = photo.pixels.astype(float)
    shown[person_mask > PHOTO.mask] *= [0.75, 0.85, 1.0]
    shown[outline] = PHOTO.line
    return shown.clip(0, 255).astype(np.uint8)
