"""What a run is to make and how, in one object from the operator or the command line down to the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import InputError
from .messages import Message
from .style.own_shapes import OwnShape
from .style.recipes import CHOICES
from .style.tuning import Tuning
from .vocabulary import KNOWN_SHAPES

# What becomes of a creator's keys that are shapes: under whatever name they are used and what is lacking follows them;
# those of the same names stay, only empty ones are filled, or they are replaced and left as backups.
EXISTING = ("mine", "keep", "fill", "replace")


@dataclass(frozen=True)
class GenerateOptions:
    """The options of one run on one avatar.

    expressions: names of vocabulary.KNOWN_SHAPES, a shape is made for each. intensity: 0 to 1, the share of the full
    shapes. preset: the style, `natural`, `anime` or `auto`, which looks at the face's proportions. own_recipes: file of
    what differs from the bundled recipes.toml. tuning: what is wanted of this avatar alone. provider: `auto`, `cpu`,
    `cuda`, `directml` or `coreml`. models: folder of NAME.onnx and NAME.toml, the bundled one if None. model: a
    deformer that learned from an avatar (.onnx), in place of the folder's. existing: one of EXISTING; it counts when
    shapes are written to a mesh. own: the creator's keys that are used: none is made in their place, and what is
    lacking is made in their style.

    Raises InputError for a value that is none of these.
    """

    expressions: Sequence[str]
    intensity: float = 1.0
    preset: str = "auto"
    own_recipes: Path | None = None
    tuning: Tuning = field(default_factory=Tuning)
    provider: str = "auto"
    models: Path | None = None
    model: Path | None = None
    existing: str = "mine"
    own: Sequence[OwnShape] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.expressions if name not in KNOWN_SHAPES]
        if unknown or not self.expressions:
            raise InputError("Unknown shapes: {names}.", names=", ".join(unknown) or Message("none given"))
        if not 0 <= self.intensity <= 1:
            raise InputError("Intensity is {number:g}: give a number from 0 to 1.", number=self.intensity)
        if self.preset not in CHOICES:
            raise InputError(
                "Unknown style “{preset}”: choose from {choices}.", preset=self.preset, choices=", ".join(CHOICES)
            )
