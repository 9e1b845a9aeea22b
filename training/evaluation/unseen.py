"""The shipped models on rigs that neither of them saw in training, as a user would run them.

The face is found without help, then every shape that the rig's artist made is compared with what the tool makes of it.
A family whose rigs share an artist with training (proxies of MakeHuman) tests other meshes, not another artist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.face.face_space import FaceSpace
from blendshape_addon.core.inference import registry
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ARKIT, CONDITIONS, EMOTIONS, LANDMARKS, VISEMES

from ..data import labels
from ..data.metrics import compare
from ..data.rigs import Rig, folders, landmarks_of, load
from ..landmarks.evaluate import FOUND_WITHIN
from .visible import visible

SETS = {"visemes": VISEMES, "emotions": EMOTIONS, "ARKit units": ARKIT}
FIGURES = ("cos", "cos seen", "rel", "amplitude")
BROWS = np.array([name.startswith("brow") for name in LANDMARKS])


def unseen_rigs(models: Path | None = None) -> Iterator[Rig]:
    """One after the other, the rigs with shapes and a face that no model in the folder names on its card."""
    cards = [registry.load(kind, models).card for kind in ("deformer", "landmarks")]
    known = {row["name"] for card in cards for row in card["trained_on"]}
    for folder in folders():
        if f"{folder.parent.name}/{folder.name}" not in known:
            rig = load(folder)
            if rig.shapes and rig.facts.face:
                yield rig


def measure(rigs: Iterable[Rig], models: Path | None = None) -> dict[str, dict]:
    """By FAMILY/NAME what `attempt` gives of each rig."""
    out = {}
    for rig in rigs:
        key = f"{rig.family}/{rig.name}"
        out[key] = attempt(rig, models)
        print(f"  {key:32} {out[key]['said']}", flush=True)
    return out


def attempt(rig: Rig, models: Path | None = None) -> dict:
    """What became of one rig: family; found (bool); said; and of a rig with labels on a modelled face that was found:
    landmark errors (L,) in % of the eye distance, and by shape that its artist made the FIGURES."""
    row: dict = {"family": rig.family, "found": False, "landmark errors": [], "shapes": {}}
    try:
        made = pipeline.generate(rig.avatar(), GenerateOptions(CONDITIONS, models=models, provider="cpu"))
    except FaceNotFound as refusal:
        return row | {"said": f"refused: {refusal}"}
    outcome = f"found with {made.face.score:.0%}"
    if rig.marks is None and rig.name not in labels.names():
        return row | {"found": True, "said": f"{outcome}; it has no labels"}
    truth = landmarks_of(rig, rig.vertices)
    errors = np.linalg.norm(made.face.points - truth, axis=1) / FaceSpace.of(truth).scale * 100
    outcome += f", landmarks off by {np.median(errors):.1f} % of the eye distance"
    if np.median(errors) >= FOUND_WITHIN:
        return row | {"said": f"{outcome}: it is another place"}
    row |= {"found": True, "said": outcome}
    if rig.facts.flat:  # most of its landmarks are guesses, and its mouth is no mouth to be measured by
        return row
    shapes = {name: np.zeros(rig.vertices.shape) for name in CONDITIONS}  # one left out moves nothing
    for shape in made.shapes:
        shapes[shape.name][shape.indices] = shape.deltas
    return row | {"landmark errors": errors.tolist(), "shapes": score(rig, shapes, FaceSpace.of(truth))}


def score(rig: Rig, shapes: dict[str, np.ndarray], space: FaceSpace) -> dict[str, dict[str, float]]:
    """FIGURES of each of SETS that the rig's artist made, v_sil aside, which hardly moves.

    cos and rel as in `metrics.compare` over all vertices whose truth means something; cos seen and amplitude (length of
    ours over the artist's) over those of them that are seen from outside.
    """
    known = ~np.isin(rig.part_id, rig.hidden_parts)
    shown = rig.triangles[known[rig.triangles].all(1)]
    seen = visible(space.to_face(rig.vertices), shown)
    out = {}
    for name in (name for members in SETS.values() for name in members):
        if name in rig.shapes and name in rig.real and name != "vrc.v_sil":
            ours, artist = shapes[name] / space.scale, rig.shapes[name] / space.scale
            whole, outside = compare(ours[known], artist[known]), compare(ours[seen], artist[seen])
            size = np.linalg.norm(artist[seen])
            amplitude = float(np.linalg.norm(ours[seen]) / size) if size > 0 else float("nan")
            out[name] = {
                "cos": whole["cos"], "cos seen": outside["cos"] if size > 0 else float("nan"), "rel": whole["rel"],
                "amplitude": amplitude,
            }  # fmt: skip
    return out


def families(rows: dict[str, dict]) -> dict[str, dict]:
    """By family: rigs and found, counts; landmarks and brows, median and 95th percentile in % of the eye distance
    (landmarks: all but the brows); and by set of SETS the number of shapes and the medians of FIGURES, rigs pooled."""
    out = {}
    for family in dict.fromkeys(row["family"] for row in rows.values()):
        own = [row for row in rows.values() if row["family"] == family]
        entry: dict = {"rigs": len(own), "found": sum(row["found"] for row in own), "landmarks": [], "brows": []}
        if errors := [row["landmark errors"] for row in own if row["landmark errors"]]:
            for name, which in (("landmarks", ~BROWS), ("brows", BROWS)):
                entry[name] = np.quantile(np.array(errors)[:, which], (0.5, 0.95)).tolist()
        entry["shapes"] = {}
        for name, members in SETS.items():
            pooled = [values for row in own for shape, values in row["shapes"].items() if shape in members]
            if pooled:
                columns = {k: np.array([one[k] for one in pooled], float) for k in FIGURES}
                known = {k: column[np.isfinite(column)] for k, column in columns.items()}
                medians = {k: float(np.median(column)) if len(column) else None for k, column in known.items()}
                entry["shapes"][name] = {"count": len(pooled)} | medians
        out[family] = entry
    return out
