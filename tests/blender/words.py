"""What the add-on says: the words that Blender looks up by itself, and those that the code hands to `translate`."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import bpy

from blendshape_addon import blender
from blendshape_addon.blender.stored import tuning
from blendshape_addon.blender.viewport.landmark_overlay import label as landmark
from blendshape_addon.core.vocabulary import LANDMARKS

PACKAGE = Path(blender.__file__).parents[1]
# Functions whose words are translated, and which of their arguments these are.
SAYING = {
    "Message": 0, "translate": 0, "UserError": 0, "InputError": 0, "OutputError": 0, "FaceNotFound": 0, "ModelError": 0,
    "Cancelled": 0, "paragraph": 2, "report": 1, "progress": 1, "stages": 0, "part": 1,
}  # fmt: skip


def drawn_by_blender() -> set[str]:
    """Labels, tooltips, and names and descriptions of properties that have a name, of all classes of the add-on."""
    found = set()
    for cls in (cls for module in (*blender._MODULES, tuning) for cls in module.CLASSES):
        rna = cls.bl_rna
        if issubclass(cls, bpy.types.Operator):
            rna = getattr(bpy.ops.vrc_blendshape, cls.bl_idname.partition(".")[2]).get_rna_type()
            found |= {rna.name, rna.description}
        elif issubclass(cls, bpy.types.Panel):
            found.add(cls.bl_label)
        inherited = {prop.identifier for prop in rna.base.properties}
        for prop in rna.properties:
            if prop.identifier in inherited or not prop.name or prop.name == prop.identifier:
                continue
            found |= {prop.name, prop.description}
            if prop.type == "ENUM":
                for item in prop.enum_items:
                    found |= {item.name, item.description} - {item.identifier}
    return found - {""}


def said() -> set[str]:
    """The templates in the code, and the names of landmarks."""
    found = {landmark(name).values.get("point", landmark(name)) for name in LANDMARKS}
    for path, tree in _sources():
        constants = _constants(tree)
        for _, words in _handed(path, tree):
            for one in _choices(words):
                value = constants.get(one.id) if isinstance(one, ast.Name) else getattr(one, "value", None)
                if isinstance(value, str):
                    found.add(value)
    return {str(words) for words in found if any(letter.isalpha() for letter in _letters(words))}


def put_together() -> list[str]:
    """Places in the code where words are put together before they could be translated."""
    found = []
    for path, tree in _sources():
        for call, words in _handed(path, tree):
            if any(_is_put_together(one) for one in _choices(words)):
                found.append(f"{path.relative_to(PACKAGE)}:{call.lineno}")
    return found


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _handed(path: Path, tree: ast.Module) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Each call that says something, and what it says."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", "")).lstrip("_")
        place = SAYING.get(name)
        if place is not None and len(call.args) > place:
            yield call, call.args[place]
        if "blender" in path.parts and path.name != "render.py":
            yield from ((call, word.value) for word in call.keywords if word.arg == "text")


def _choices(words: ast.expr) -> list[ast.expr]:
    if isinstance(words, ast.IfExp):
        return [*_choices(words.body), *_choices(words.orelse)]
    if isinstance(words, ast.BoolOp):
        return [choice for value in words.values for choice in _choices(value)]
    return [words]


def _constants(tree: ast.Module) -> dict[str, object]:
    """Names of a module that stand for a text."""
    return {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }  # fmt: skip


def _is_put_together(words: ast.expr) -> bool:
    if isinstance(words, ast.JoinedStr):
        fixed = [part.value for part in words.values if isinstance(part, ast.Constant)]
        return any(letter.isalpha() for letter in "".join(fixed))
    return isinstance(words, ast.BinOp) or (isinstance(words, ast.Call) and getattr(words.func, "attr", "") == "format")


def _letters(template: str) -> str:
    """A template without its placeholders."""
    return "".join(text for text, *_ in string.Formatter().parse(template))
