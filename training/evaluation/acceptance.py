"""The shipped models on every rig there is, as a user would run them: no click, and no shape where there is no face."""

from __future__ import annotations

from blendshape_addon.core import pipeline
from blendshape_addon.core.errors import FaceNotFound
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.vocabulary import ALL_SHAPES

from ..data.rigs import Rig


def attempt(rig: Rig) -> tuple[dict, pipeline.GenerationResult | None]:
    """What became of one rig: right (1 or 0), the outcome in words (`said`), and what was made.

    Right is: a rig with a face gets all shapes and all of them pass their checks, one without is refused.
    """
    has_face = rig.facts.face
    try:
        made = pipeline.generate(rig.avatar(), GenerateOptions(ALL_SHAPES, provider="cpu"))
    except FaceNotFound as refusal:
        return {"right": float(not has_face), "said": f"refused: {refusal}"}, None
    failed = [f"{row['name']} {' '.join(row['notes'])}" for row in made.report["shapes"] if not row["ok"]]
    outcome = f"found with {made.face.score:.0%}"
    if failed:
        outcome += f"; {len(failed)} shapes fail: {'; '.join(failed)}"
    gaps = {row["name"]: row["lip_gap_mm"] for row in made.report["shapes"]}
    right = has_face and not failed
    return {"right": float(right), "said": outcome, "pp": gaps["vrc.v_pp"], "aa": gaps["vrc.v_aa"]}, made
