"""What a network that moves one portrait takes and gives; `python -m training portrait export` writes and `animate`
feeds it. M and S are the pixels of a side of a driver and of what is made."""

from __future__ import annotations

KIND = "portrait student"
DRIVER, PORTRAIT = "driver", "portrait"
INPUTS = {DRIVER: "(n, 3, M, M) sRGB, 0 to 1, of a face, cut as the pictures of renders are"}
OUTPUTS = {
    "picture": "(n, 3, S, S) sRGB, 0 to 1 and a little beyond: what is fetched and what is added",
    "flow": "(n, 2, S, S) from where in the portrait each pixel is fetched, right and down, in sides of the picture",
    "correction": "(n, 3, S, S) what is added",
}
CONSTANTS = {PORTRAIT: "(1, 3, S, S) the portrait that is moved, whatever the driver is"}
