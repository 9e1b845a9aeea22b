"""The folder LICENSES of a zip: whose work is inside and on what terms."""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

_TEXTS = ("LICENSE", "ThirdPartyNotices.txt")
_DIRECTML = "DirectML.dll"
_VRM = "bpy_vrm_format"


def licences(wheels: Sequence[Path], models: Path) -> dict[str, bytes]:
    """File name to content: THIRD_PARTY.md lists every part, the texts that come in a wheel stand beside it.

    models: the folder of model cards and their licence. Raises KeyError for a wheel without its licence.
    """
    lines = [
        "# What is inside, and its licences",
        "",
        "The extension's own code: GPL-3.0-or-later, see `LICENSE` one folder up.",
    ]
    texts = {"models-LICENSE": (models / "LICENSE").read_bytes()}
    lines += ["", "## onnxruntime", ""]
    vrm = [wheel for wheel in wheels if wheel.name.startswith(_VRM)]
    for wheel in wheels:
        if wheel in vrm:
            continue
        distribution, version = wheel.name.split("-")[:2]
        with zipfile.ZipFile(wheel) as archive:
            for text in _TEXTS:
                texts[f"{distribution}-{text}"] = archive.read(f"onnxruntime/{text}")
            native = {Path(name).name for name in archive.namelist()}
        lines.append(
            f"- `wheels/{wheel.name}`: {distribution} {version} by Microsoft, MIT (`{distribution}-LICENSE`); it is "
            f"built of the parts that `{distribution}-ThirdPartyNotices.txt` names"
        )
        if _DIRECTML in native:
            lines.append(f"  - {_DIRECTML} in it: by Microsoft, redistributable under its licence terms for DirectML")
    lines += ["", "## VRM Add-on for Blender", ""]
    lines += [  # no text lies in the wheel: its files name the licences
        f"- `wheels/{wheel.name}`: by Isamu Mogi and iCyP, MIT or GPL-3.0-or-later (`LICENSE` one folder up)"
        for wheel in vrm
    ]
    for card in map(_card, sorted(models.glob("*.toml"))):
        lines += ["", f"## {card['name']} (`models/{card['file']}`)", ""]
        lines.append(f"{card['licence']} (`models-LICENSE`). {card.get('changes', '')}".rstrip())
        for table, said in (("trained_on", "It was trained on:"), ("made_from", "It was made from:")):
            if rows := card.get(table):
                lines += ["", said, "", *(f"- {row['name']}: {row['licence']}" for row in rows)]
    return {"THIRD_PARTY.md": ("\n".join(lines) + "\n").encode(), **texts}


def _card(path: Path) -> dict:
    return tomllib.loads(path.read_text(encoding="utf-8"))
