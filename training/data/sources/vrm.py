"""What a .vrm file itself says its expressions are: VRM 0's blend shape clips, VRM 1's expressions.

A VRM's morph targets may have any name; its presets say which of them make up a vowel, a blink or an emotion
(VRM 0.0 specification, blendShapeMaster; VRMC_vrm-1.0 specification, expressions).
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

from blendshape_addon.core.avatar import key_names

Recipe = dict[str, float]  # weight by name of the morph target
_JSON = 0x4E4F534A
_NO_PRESET = ("", "unknown")


def expressions(path: Path) -> dict[str, Recipe]:
    """{shape: weights of morph targets} of the expressions that are shapes.

    Empty for a file that is no VRM, or whose table is not as the specification has it.
    """
    try:
        return _expressions(_document(path))
    except (LookupError, TypeError, ValueError, AttributeError):
        return {}


def _expressions(document: dict) -> dict[str, Recipe]:
    extensions = document.get("extensions", {})
    found: dict[str, Recipe] = {}
    for name, targets in (*_clips(extensions), *_presets(extensions, document)):
        shape = key_names.recognise(name)
        recipe: Recipe = {}
        for mesh, index, weight in targets:
            target = _target_name(document, mesh, index)
            recipe[target] = max(weight, recipe.get(target, 0.0))  # one key that several meshes share is one key
        if shape and recipe:
            found.setdefault(shape, recipe)
    return found


def _clips(extensions: dict) -> list[tuple[str, list[tuple[int, int, float]]]]:
    """VRM 0: name and (mesh, target, weight) of each clip."""
    groups = extensions.get("VRM", {}).get("blendShapeMaster", {}).get("blendShapeGroups", [])
    return [
        (
            group["name"] if group.get("presetName", "") in _NO_PRESET else group["presetName"],
            [(bind["mesh"], bind["index"], bind["weight"] / 100) for bind in group.get("binds") or []],
        )
        for group in groups
    ]


def _presets(extensions: dict, document: dict) -> list[tuple[str, list[tuple[int, int, float]]]]:
    """VRM 1: the same of each preset expression."""
    presets = extensions.get("VRMC_vrm", {}).get("expressions", {}).get("preset", {})
    return [
        (
            name,
            [
                (document["nodes"][bind["node"]]["mesh"], bind["index"], bind["weight"])
                for bind in preset.get("morphTargetBinds") or []
            ],
        )
        for name, preset in presets.items()
    ]


def _target_name(document: dict, mesh: int, index: int) -> str:
    """A morph target's name as Blender's importer gives it to the shape key."""
    names = document["meshes"][mesh].get("extras", {}).get("targetNames", [])
    return names[index] if index < len(names) else f"target_{index}"


def _document(path: Path) -> dict:
    """The JSON chunk of a binary glTF file, {} if it is none."""
    with path.open("rb") as file:
        head = file.read(20)
        if len(head) < 20 or head[:4] != b"glTF":
            return {}
        length, kind = struct.unpack("<II", head[12:])
        return json.loads(file.read(length)) if kind == _JSON else {}
