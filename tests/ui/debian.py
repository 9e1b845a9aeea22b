"""A Debian in a folder with Blender, a screen without a monitor and a mouse: `python -m tests.ui.debian SUITE FOLDER`.

Wants root, mmdebstrap and a machine whose own apt fetches from a Debian mirror, which is used with apt's settings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1] / "requirements" / "ui.txt"
_SHARED = "/mnt"  # where folders of this machine are inside


def make(suite: str, folder: Path) -> None:
    """Set up Debian `suite`, such as trixie, in `folder` anew. Raises SystemExit where that cannot be."""
    require()
    shutil.rmtree(folder, ignore_errors=True)
    settings = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True).stdout
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(settings)
        file.flush()
        packages = [line for line in PACKAGES.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        include = f"--include={','.join(packages)}"
        options = ["--variant=apt", "--components=main", f"--aptopt={file.name}", include]
        done = subprocess.run(["mmdebstrap", *options, suite, str(folder), _mirror()], check=False)
    if done.returncode:
        raise SystemExit(f"Debian {suite} could not be set up in {folder}: the lines above say why.")


def require() -> None:
    """Raises SystemExit, in a sentence, where this machine cannot have a Debian in a folder."""
    if sys.platform != "linux" or not shutil.which("apt-get"):
        raise SystemExit("The window is tested in Debian's Blender, which needs Debian here as well.")
    if os.geteuid():
        raise SystemExit("Setting up and entering a Debian in a folder needs root: sudo make test-ui")
    if not shutil.which("mmdebstrap"):
        raise SystemExit("A Debian in a folder is made by mmdebstrap: sudo apt-get install mmdebstrap")


def inside(
    folder: Path, shared: dict[str, Path], command: Sequence[str], seconds: int, **environment: str
) -> tuple[int, str]:
    """Run `command` in the Debian in `folder`, where each of `shared` is /mnt/NAME; returns its exit status, 124 or
    137 where it took longer than `seconds`, and what it printed, which is shown too. The mounts are gone when it ends.
    """
    for name in shared:
        (folder / _SHARED[1:] / name).mkdir(parents=True, exist_ok=True)
    # The shell stays the first process: Xvfb does not tell that one that it is ready.
    binds = [("/proc", "/proc"), ("/dev", "/dev"), *((str(path), f"{_SHARED}/{name}") for name, path in shared.items())]
    mounts = "".join(f"mount --bind '{path}' '{folder}{place}' && " for path, place in binds)
    words = [f"{name}={value}" for name, value in environment.items()]
    limit = ["timeout", "--foreground", "--kill-after=10", str(seconds)]
    alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", f'{mounts}chroot "$@"; exit $?', "sh"]
    line, printed = [*limit, *alone, str(folder), "env", *words, *command], []
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(line, **pipes, encoding="utf-8", errors="replace") as process:
        for text in process.stdout:
            printed.append(text)
            print(text, end="", flush=True)
    return process.returncode, "".join(printed)


def _mirror() -> str:
    """Where this machine's own apt fetches Debian from. Raises SystemExit where it does not."""
    ask = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    told = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.splitlines()
    for line in told:
        label, _, address = line.partition(" ")
        if label == "Debian":
            return address
    raise SystemExit("This machine's apt knows no Debian mirror: run apt-get update, on Debian.")


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]).resolve())
