"""What a base must reach on new people before the add-on's panel offers it: by the figures of `evaluate.compare`."""

from __future__ import annotations

from collections.abc import Mapping

Figures = Mapping[str, Mapping[str, float]]

ABOVE_COPY = 1.5  # dB by which the network must be nearer to the driver than the source that does not move
READ_BACK = 0.7  # correlation, of what is read in the network's pictures with what the drivers do
_PSNR = "PSNR, dB"
_READ = ("jawOpen read back, r", "head yaw read back, r")


def missed(figures: Figures) -> list[str]:
    """A sentence per bar that is not met; a figure that is not there is not met."""
    made, copy, warp = (figures.get(row, {}) for row in ("network", "copy", "landmark warp"))
    found = []
    for name, other, margin in (("a copy of the source", copy, ABOVE_COPY), ("the landmark warp", warp, 0.0)):
        gain = made.get(_PSNR, float("-inf")) - other.get(_PSNR, float("inf"))
        if not gain >= margin:
            found.append(f"It is {gain:+.2f} dB beside {name}, and {margin:+.2f} or more are asked for.")
    for name in _READ:
        value = made.get(name, float("nan"))
        if not value >= READ_BACK:
            found.append(f"Its {name.removesuffix(', r')} is r = {value:.2f}, and {READ_BACK} or more is asked for.")
    return found
