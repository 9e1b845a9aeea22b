"""The mask of numbers as a fixture, with what the core knows of it."""

from __future__ import annotations

import numpy as np
import pytest
from pieces import mask

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.face.anatomy import FaceAnatomy
from blendshape_addon.core.face.features import Features, compute


@pytest.fixture(scope="session")
def face() -> tuple[Avatar, np.ndarray]:
    """The mask and its landmarks."""
    return mask()


@pytest.fixture(scope="session")
def anatomy(face: tuple[Avatar, np.ndarray]) -> FaceAnatomy:
    """The mask's anatomy."""
    return FaceAnatomy(face[0], compute(*face))


@pytest.fixture(scope="session")
def features(anatomy: FaceAnatomy) -> Features:
    """The mask's features."""
    return anatomy.features
