"""Models by kind: each NAME.onnx has a card NAME.toml beside it, and is used only if its hash is the card's, it needs
nothing but itself, and it learned on what this version feeds it."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..messages import join_messages
from . import contract, onnx_check

MAX_BYTES = 64 * 2**20
MAX_CARD_BYTES = 2**20


@dataclass(frozen=True)
class Model:
    """A checked model: its card and the bytes that the hash was taken of, so nothing can change in between."""

    name: str
    card: dict[str, Any]
    data: bytes


def models_folder() -> Path:
    """The bundled models: inside the installed extension, or at the top of the repository."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def load(kind: str, folder: Path | None = None) -> Model:
    """The model of a kind (`deformer`, `landmarks`) in `folder`, the bundled one if None.

    Raises ModelError, in a sentence, for a missing, too large, truncated or changed file, for a model that asks for
    operators beside ONNX's own or for other files, and for one of another contract, see `contract`.
    """
    folder = folder or models_folder()
    cards = sorted(folder.glob("*.toml")) if folder.is_dir() else []
    for path in cards:
        card = _card(path)
        if card.get("kind") == kind:
            return _checked(path, card)
    raise ModelError(
        "No {kind} model in {path}: install the extension again or choose another model folder.", kind=kind, path=folder
    )


def deformer(folder: Path | None, file: Path | None) -> Model:
    """The deformer in `file`, such as one that learned from an avatar; that of `folder`, see `load`, if None.

    Raises ModelError as `load` does.
    """
    return load_file(file) if file else load("deformer", folder)


def load_file(path: Path) -> Model:
    """The model of one .onnx file with its card beside it. Raises ModelError as `load` does."""
    card = path.with_suffix(".toml")
    if not card.is_file():
        raise ModelError(
            "The model {path} cannot be used: its card, {card}, is not beside it.", path=path, card=card.name
        )
    return _checked(card, _card(card))


def deformers(folder: Path) -> dict[Path, str]:
    """Files and names of the deformers in a folder, as their cards say; a card that cannot be read is passed over."""
    found = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            card = _card(path)
        except ModelError:
            continue
        if card.get("kind") == "deformer":
            found[path.with_suffix(".onnx")] = str(card.get("name", path.stem))
    return found


@dataclass(frozen=True)
class ListedModel:
    """A model as a list shows it. card: empty where it cannot be read; problem: why it cannot be used, if so."""

    path: Path
    card: dict[str, Any]
    problem: ModelError | None


def list_models(folder: Path) -> list[ListedModel]:
    """Every model of a folder, checked as for use, and what stands in the way of those that cannot be used."""
    found = []
    for path in sorted({path.with_suffix(".onnx") for path in folder.glob("*") if path.suffix in (".onnx", ".toml")}):
        card: dict[str, Any] = {}
        problem: ModelError | None = None
        try:
            card = _card(path.with_suffix(".toml")) if path.with_suffix(".toml").is_file() else {}
            load_file(path)
        except ModelError as error:
            problem = error
        found.append(ListedModel(path, card, problem))
    return found


def _card(path: Path) -> dict[str, Any]:
    try:
        stat = path.stat()
        if stat.st_size > MAX_CARD_BYTES:
            raise ModelError(
                "The model card {file} is larger than {mb} MB and was not read.",
                file=path.name,
                mb=MAX_CARD_BYTES >> 20,
            )
        card = _parsed(path, stat.st_mtime_ns, stat.st_size)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ModelError(
            "The model card {file} cannot be read: install the extension again.", file=path.name
        ) from error
    rigs, figures = card.get("trained_on", []), card.get("figures", {})
    known = isinstance(rigs, list) and all(isinstance(one, dict) and {"name", "licence"} <= one.keys() for one in rigs)
    if not known or not isinstance(figures, dict):
        raise ModelError(
            "The model card {card} does not say as cards do what the model was trained on.", card=path.name
        )
    return card


@functools.lru_cache(maxsize=64)
def _parsed(path: Path, changed: int, size: int) -> dict[str, Any]:
    """A card as read when it was `changed`, in nanoseconds, and had this size: a run asks for each several times."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _checked(path: Path, card: dict[str, Any]) -> Model:
    name = Path(str(card.get("file", path.stem + ".onnx"))).name  # a card cannot point out of its folder
    file = path.with_name(name)
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(
                "The model file {name} is larger than {mb} MB and was not loaded.", name=name, mb=MAX_BYTES >> 20
            )
        data = file.read_bytes()
    except OSError as error:
        raise ModelError("The model file {name} is missing: install the extension again.", name=name) from error
    if hashlib.sha256(data).hexdigest() != card.get("sha256"):
        raise ModelError(
            "The model file {name} is damaged or not the one its card describes: install it again.", name=name
        )
    try:
        wanted = onnx_check.unsupported_features(data)
    except ValueError as error:
        raise ModelError(
            "The model file {name} is no ONNX file ({reason}): install it again.", name=name, reason=str(error)
        ) from error
    if wanted:
        raise ModelError(
            "The model file {name} asks for {names} and was not loaded: use another model.",
            name=name,
            names=join_messages(wanted, ", "),
        )
    if not contract.fits(card):
        raise ModelError(
            "The model file {name} was made for another version of the add-on and would make wrong shapes: use the one "
            "that came with this version, or learn from your avatar again.",
            name=name,
        )
    return Model(path.stem, card, data)
