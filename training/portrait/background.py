"""Takes people in pictures off their backgrounds: `python -m training portrait prepare` makes the network for it, once.

It is Google's selfie segmentation (https://ai.google.dev/edge/mediapipe/solutions/vision/image_segmenter), whose file
lies in a package of the Python index. Nothing of that package runs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ..learning import converted
from ..learning.converted import Network

FOLDER = Path("out/portrait/networks")
VERB = "portrait prepare"
NETWORK = Network(
    "person_mask",
    "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
    "Person mask",
    "Which pixels of a picture are a person's.",
    "MediaPipe Selfie Segmentation Model Card",
    ("input_1", "image"),
    {"activation_10": "mask"},
)
_SIZE = 256  # pixels of a side that the network sees


class PersonMask:
    """The network. folder: where it is. Raises InputError where it is not."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._session = converted.open_network(NETWORK.kind, folder, VERB)

    def of(self, picture: np.ndarray) -> np.ndarray:
        """(H, W) uint8 of a (H, W, 3) uint8 picture: 255 where a pixel is a person's."""
        height, width = picture.shape[:2]
        small = Image.fromarray(picture).resize((_SIZE, _SIZE), Image.Resampling.BILINEAR)
        (mask,) = self._session.run(["mask"], {"image": np.asarray(small, np.float32)[None] / 255})
        whole = Image.fromarray((mask[0, :, :, 0].clip(0, 1) * 255).round().astype(np.uint8))
        return np.asarray(whole.resize((width, height), Image.Resampling.BILINEAR))


def cut_out(picture: np.ndarray, mask: PersonMask) -> np.ndarray:
    """A (H, W, 4) uint8 picture with the alpha of its person, if it is not transparent anyway."""
    if picture[..., 3].min() < 255:
        return picture
    return np.dstack([picture[..., :3], mask.of(picture[..., :3])])


def main(arguments: list[str]) -> None:
    converted.prepare_by(arguments, VERB, __doc__, [NETWORK], FOLDER)
