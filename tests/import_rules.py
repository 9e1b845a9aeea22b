"""Who imports whom, read from the source: what the tests of the import rules share.

A module is named by its path in its package, without suffix: `core/geometry/mesh` in the package `blendshape_addon`. A
rule table says for each room (a folder or a module) which rooms its modules may import beside their own.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Rules = Mapping[str, Collection[str]]


def names_of(folder: Path) -> set[str]:
    """Every module of the package `folder`: "core/pipeline", "blender/ui/__init__"."""
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.py")}


def imports(folder: Path, name: str) -> set[str]:
    """The modules of the package `folder` that its module `name` imports, in functions too; not for types alone."""
    return {module for module, _, _ in _imported(folder, name)}


def private_names(folder: Path, name: str) -> list[str]:
    """Names that begin with an underscore and that the module `name` takes from another one of the package."""
    found, modules = set(), {}
    for module, imported, bound in _imported(folder, name):
        if f"/{module.removesuffix('/__init__')}".endswith(
            f"/{imported}"
        ):  # the module itself, whatever it is called here
            modules[bound] = module
        elif _private(imported):
            found.add(f"{module}.{imported}")
    attributes = [node for node in ast.walk(_tree(folder, name)) if isinstance(node, ast.Attribute)]
    for node in attributes:
        if isinstance(node.value, ast.Name) and node.value.id in modules and _private(node.attr):
            found.add(f"{modules[node.value.id]}.{node.attr}")
    return sorted(found)


def room(rules: Rules, name: str) -> str:
    """The longest name in `rules` that `name` is or lies in; `name` itself where there is none."""
    return max((one for one in rules if name == one or name.startswith(f"{one}/")), key=len, default=name)


def upward(folder: Path, rules: Rules, name: str) -> list[str]:
    """The modules that `name` imports although the rule of its room does not name them or their rooms."""
    mine = room(rules, name)
    allowed = rules.get(mine, ())
    others = imports(folder, name)
    return sorted(other for other in others if other not in allowed and room(rules, other) not in {mine, *allowed})


def circle(folder: Path, without: Collection[str] = ()) -> list[str]:
    """Modules that import each other in a circle, the first one twice; empty where there is none."""
    graph = {name: imports(folder, name) for name in names_of(folder) - set(without)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def _imported(folder: Path, name: str) -> Iterator[tuple[str, str, str]]:
    """For each import of `name` from the package, relative or by the package's name: the module that it comes from,
    what is imported, which may be the module, and what it is called here."""
    modules = names_of(folder)
    for node in _running(_tree(folder, name)):
        if not isinstance(node, ast.ImportFrom):
            continue
        parts = (node.module or "").split(".")
        if node.level:
            above = Path(name).parents[node.level - 1].as_posix().strip(".")
            parts = [above, *parts]
        elif parts[0] == folder.name:
            parts = parts[1:]
        else:
            continue
        base = "/".join(part for part in parts if part)
        for alias in node.names:
            inside = f"{base}/{alias.name}".lstrip("/")
            within = [one for one in (inside, f"{inside}/__init__") if one in modules]
            around = [one for one in (base, f"{base}/__init__".lstrip("/")) if one in modules]
            for module in within or around:
                yield module, alias.name, alias.asname or alias.name


def _tree(folder: Path, name: str) -> ast.Module:
    return ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes below `node` that run: all but those under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING"):
            yield child
            yield from _running(child)


def _private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
