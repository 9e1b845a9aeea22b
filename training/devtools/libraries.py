"""Does this machine have the system libraries that bpy is linked to? Says in one sentence what to install if not."""

from __future__ import annotations

import ctypes
import sys

# Library to the Debian or Ubuntu package that has it.
_PACKAGES = {
    "libX11.so.6": "libx11-6",
    "libXrender.so.1": "libxrender1",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libGL.so.1": "libgl1",
}


def main() -> None:
    if sys.platform != "linux":
        return
    missing = [package for library, package in _PACKAGES.items() if not _loads(library)]
    if missing:
        sys.exit(f"Blender needs system libraries that are missing here: sudo apt-get install {' '.join(missing)}")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
