"""Teach the deformer an avatar's own style from the shape keys it has, so that the missing ones come out in it too.

An avatar is a file with some keys of known names (.blend .vrm .glb .fbx) or a rig folder; give several of one artist.
The model that is written uses the artist's style on these avatars, and on all others as it did before; with --style
it does so on all. Takes seconds, and needs no dataset and no weights: the exported model is enough.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tqdm import tqdm

from blendshape_addon.core.errors import InputError, ModelError
from blendshape_addon.core.face.features import INPUTS
from blendshape_addon.core.inference import registry
from blendshape_addon.core.style import own_style
from blendshape_addon.core.vocabulary import CONDITIONS

from ..data.rigs import Rig, load
from ..data.sources import avatar, blenders, rig_folder
from ..learning import model_card
from ..learning.atomic_files import check_name
from . import few_shot
from .few_shot import Face, Learned
from .onnx_patch import Base, StyleAdapter, patch_onnx
from .parameters import FEW_SHOT

PRIVATE = "the avatar's own: not said"


def read(path: Path, licence: str, blender: str | None) -> list[Rig]:
    """The avatars of a file or of a rig folder. Raises UserError, in a sentence, when there is none to learn from."""
    if path.is_dir():
        if not (path / "rig.npz").is_file():
            raise InputError(f"{path} is no rig folder: there is no rig.npz in it.")
        return [rig_folder.with_landmarks(load(path))]
    if not path.is_file():
        raise InputError(f"{path} is not there.")
    with tempfile.TemporaryDirectory() as folder:
        found = blenders.read(blenders.command(blender), path, Path(folder) / "avatar.npz")
    return avatar.rigs_of(path, path.stem, licence, found)


def adapt(base: Base, avatars: Sequence[Rig], out: Path, everywhere: bool = False) -> Learned:
    """Learn from the real shapes of `avatars`, all of one artist, and write `out` (.onnx) with its card.

    everywhere: use that style on every face. Raises InputError when there are too few shapes or the disk is full,
    ModelError when the graph that was made does not say what was learned.
    """
    faces = [Face.of(rig, base) for rig in tqdm(avatars, "learning", unit="face")]
    given = [list(face.truth) for face in faces]
    count = len(own_style.kinds([name for names in given for name in names]))
    if count < FEW_SHOT.fewest:
        raise InputError(f"Only {count} of the avatar's keys are known shapes of the face, sides not counted: "
                         f"to learn takes {FEW_SHOT.fewest}, better 10.")  # fmt: skip
    learned = few_shot.learn(base, faces, given)
    known = [] if everywhere else [face.landmarks for face in faces]
    data = patch_onnx(base, learned.adapter, known)
    difference = _difference(base, learned.adapter, data, known)
    if difference > model_card.PARITY:
        raise ModelError(f"The graph differs from what was learned by {difference:.1e} eye distances.")
    names = ", ".join(rig.name for rig in avatars)
    sources = [{"name": f"{rig.family}/{rig.name}", "licence": rig.licence} for rig in avatars]
    fields = {
        "name": f"In the style of {names}",
        "kind": "deformer",
        "file": out.name,
        "licence": f"{base.model.card.get('licence', 'not said')}; what was learned: as its sources",
        "what": f"{base.model.card.get('name', base.model.name)} that learned from {names}: "
        + ("used on every face." if everywhere else "on these faces in their style, on others as before."),
        "base_sha256": base.model.card["sha256"],
        "styles": base.model.card["styles"],
        "trained_on": [*base.model.card.get("trained_on", []), *sources],
    }
    figures = {
        "shapes given": sum(map(len, given)), "left out, geometric mean of rel before": round(learned.before, 3),
        "left out, geometric mean of rel after": round(learned.after, 3), "step": learned.step, "parity": difference,
    }  # fmt: skip
    model_card.write(out, data, fields, figures)
    return learned


def _difference(base: Base, learned: StyleAdapter, data: bytes, known: Sequence[np.ndarray]) -> float:
    """Greatest difference, in eye distances, between the written graph on a face that it knows and what was learned, in
    each of the base's styles."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    inputs = np.random.default_rng(0).normal(size=(500, INPUTS)).astype(np.float32)
    basis = base.trunk(inputs)
    feed = {"inputs": inputs, "expression": np.eye(len(CONDITIONS), dtype=np.float32)}
    feed["intensity"] = np.ones(len(CONDITIONS), np.float32)
    if known:
        feed["landmarks"] = known[0].astype(np.float32)
    worst = 0.0
    for style, mixes in zip(np.eye(len(base.mixes), dtype=np.float32), base.mixes, strict=True):
        moved = np.einsum("nw,ewk->enk", basis, learned.mixes(mixes), optimize=True) * learned.over(basis)[:, None]
        made = session.run(None, feed | {"style": np.tile(style, (len(CONDITIONS), 1))})[0]
        worst = max(worst, float(np.abs(made - moved).max()))
    return worst


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training adapt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("avatars", metavar="AVATAR", nargs="+", type=Path, help="avatar files or rig folders, all by one artist")
    add("--output", metavar="MODEL", type=Path, required=True, help="the model to write (.onnx), with its card (.toml)")
    add("--model", metavar="FILE", type=Path, help="the deformer (.onnx) to start from, if not the bundled one")
    add("--style", action="store_true", help="use this style on every face, not only on those it was learned from")
    add("--licence", default=PRIVATE, help="of the avatars, for the card (%(default)s)")
    add("--blender", metavar="PROGRAM", help="Blender, or a Python with bpy, that reads avatar files")
    given = parser.parse_args(arguments)
    check_name(given.output, ".onnx")
    base = Base.of(registry.load_file(given.model) if given.model else registry.load("deformer"))
    avatars = [rig for path in given.avatars for rig in read(path, given.licence, given.blender)]
    learned = adapt(base, avatars, given.output, given.style)
    print(f"{given.output}: shapes that were left out came out with an error of {learned.after:.2f} of their size, "
          f"{learned.before:.2f} before it learned.")  # fmt: skip
