"""`make coverage`: what part of each package the tests ran, from the data that all kinds of test left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "out" / "coverage"
CORE = "blendshape_addon/core"
CORE_PERCENT = 95.0  # of its lines, at least

Lines = tuple[int, int]  # that can run, and that did


def by_package(files: Mapping[str, Lines]) -> dict[str, Lines]:
    """Folder to the lines of the files in it; files: path from the repository to its lines."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path, lines in files.items():
        total = found[PurePath(path).parent.as_posix()]
        total[0] += lines[0]
        total[1] += lines[1]
    return {folder: (there, ran) for folder, (there, ran) in sorted(found.items())}


def together(packages: Mapping[str, Lines], top: str) -> Lines:
    """The lines of `top` and of all packages below it."""
    inside = [lines for folder, lines in packages.items() if folder == top or folder.startswith(f"{top}/")]
    return sum(there for there, _ in inside), sum(ran for _, ran in inside)


def percent(lines: Lines) -> float:
    """100 for a package without lines that can run."""
    there, ran = lines
    return 100 * ran / there if there else 100.0


def table(files: Mapping[str, Lines]) -> list[str]:
    """A line per package with its lines and the part of them that ran, then the files that never ran."""
    packages = by_package(files)
    tops = (CORE, "blendshape_addon/blender", "blendshape_addon", "training")
    rows = [*packages.items(), *((f"{top}/ in all", together(packages, top)) for top in tops)]
    printed = [f"{name:42} {lines[0]:6} {percent(lines):6.1f} %" for name, lines in rows if lines[0]]
    return printed + [f"{path} never ran" for path, (there, ran) in sorted(files.items()) if there and not ran]


def measured() -> dict[str, Lines]:
    """Path from the repository to lines, of what `coverage` kept. Raises CalledProcessError where it kept nothing."""
    total = f"--data-file={FOLDER}.all"

    def coverage(*arguments: str) -> str:
        command = [sys.executable, "-m", "coverage", *arguments]
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    coverage("combine", "--quiet", "--keep", total, *sorted(map(str, FOLDER.iterdir())))
    files = json.loads(coverage("json", "--quiet", total, "-o", "-"))["files"]
    return {
        PurePath(path).as_posix(): (file["summary"]["num_statements"], file["summary"]["covered_lines"])
        for path, file in files.items()
    }


def main() -> int:
    """Print the table; 1 where less of the core ran than CORE_PERCENT."""
    files = measured()
    print("\n".join(table(files)))
    core = percent(together(by_package(files), CORE))
    if core < CORE_PERCENT:
        print(f"{CORE} is below {CORE_PERCENT:g} %.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
