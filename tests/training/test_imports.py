"""Who may import whom in `training`, in a function too: no circle, nothing upwards, networks apart."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the modules of each room may import of the others. `config` and `commands` are ground that all stand on.
GROUND = {"config", "commands"}
DATA = GROUND | {"learning", "data"}
NETWORKS = {"deformer", "landmarks"}
MAY = {
    "config": set(),
    "commands": set(),
    "learning": GROUND,
    "data": GROUND | {"learning"},
    **dict.fromkeys(NETWORKS, DATA),
    "adaptation": DATA | {"deformer"},  # which works on the graph that the deformer is exported as
    "generate": DATA,
    "renders": DATA,
    "motion": DATA | {"renders"},
    "portrait": DATA | {"renders", "motion"},
    "corrective": DATA,
    "body": DATA | {"renders"},
    "evaluation": DATA | NETWORKS,
    "experiments": DATA | NETWORKS | {"adaptation", "generate", "evaluation"},
    "devtools": DATA | {"motion"},  # whose film drives the demo avatars
    "__main__": GROUND,
}


def modules(root: Path) -> dict[str, Path]:
    """Files below `root`/training by dotted name."""
    found = sorted((root / "training").rglob("*.py"))
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in found}


def imports(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of `known` that a file imports, wherever in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names}
    return found & known.keys() - {name}


def offences(root: Path) -> list[str]:
    """Every import against MAY, and every circle."""
    known = modules(root)
    graph = {name: imports(name, path, known) for name, path in known.items()}
    out = []
    for name, others in graph.items():
        own = name.partition(".")[2].partition(".")[0]
        for other in sorted(others - {"training"}):
            room = other.split(".")[1]
            if own and room not in {own} | MAY[own]:
                out.append(f"{name} imports {other}")
    try:
        tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        out.append(f"a circle: {' -> '.join(error.args[1])}")
    return out


def test_training_keeps_the_import_rule():
    assert offences(ROOT) == []


def test_the_service_alone_needs_its_packages():
    """A machine without the extra `service` runs everything else."""
    service = {"fastapi", "starlette", "pydantic", "uvicorn", "sqlalchemy", "redis", "rq", "minio"}
    found = set()
    for name, path in modules(ROOT).items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            if service & {one.partition(".")[0] for one in names}:
                found.add(name.rpartition(".")[0])
    assert found == {"training.body.service"}


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        ("learning/new.py", "from ..data import rigs", ["training.learning.new imports training.data.rigs"]),
        ("data/rigs.py", "from training.learning import loop", []),
        (
            "learning/new.py",
            "def f():\n    from ..data.rigs import Rig",
            ["training.learning.new imports training.data.rigs"],
        ),
        (
            "deformer/new.py",
            "from ..landmarks import model",
            ["training.deformer.new imports training.landmarks.model"],
        ),
        ("evaluation/new.py", "from ..landmarks import model", []),
        ("data/new.py", "import training.landmarks.model", ["training.data.new imports training.landmarks.model"]),
        ("learning/loop.py", "def f():\n    from . import loop, other", ["a circle: "]),
    ],
)
def test_rule_sees_what_breaks_it(tmp_path, where, code, said):
    files = {
        "data/rigs.py": "",
        "landmarks/model.py": "",
        "learning/loop.py": "",
        "learning/other.py": "from . import loop",
    }
    for name, text in (files | {where: code}).items():
        path = tmp_path / "training" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = offences(tmp_path)
    assert len(found) == len(said) and all(one.startswith(start) for one, start in zip(found, said, strict=True))


def test_what_blenders_own_python_runs_needs_numpy_alone():
    """`generate` starts `sources.keyed` in a Blender whose Python has numpy and nothing else."""
    code = (
        "import sys, numpy.random; before = set(sys.modules)\n"
        "from training.data.sources import keyed\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"blendshape_addon", "numpy", "training"}
