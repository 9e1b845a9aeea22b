"""The mask of numbers as a fixture."""

from __future__ import annotations

import numpy as np
import pytest
from pieces import mask

from blendshape_addon.core.avatar.avatar import Avatar


@pytest.fixture(scope="session")
def face() -> tuple[Avatar, np.ndarray]:
    """The mask and its landmarks."""
    return mask()
