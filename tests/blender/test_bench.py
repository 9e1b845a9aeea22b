"""What `make bench` measures: one face at other sizes, and a template transfer, which must work to be beaten."""

import numpy as np
import pytest

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.geometry.mesh import crosses
from tests.core.pieces import ball, mask
from training.data.labelled_face import LabelledFace
from training.devtools import sizes, transfer


@pytest.mark.parametrize("vertices", [400, 5000, 20000])
def test_a_face_of_another_size_has_the_same_surface(vertices):
    avatar, _ = mask(41, 51)
    places, triangles = ball(0.2)
    count = len(avatar.vertices)
    both = Avatar(
        np.concatenate([avatar.vertices, places + [0, 0, 3]]),
        np.concatenate([avatar.triangles, triangles + count]).astype(np.int32),
        np.repeat(np.arange(2, dtype=np.int32), [count, len(places)]),
        ("Face", "Ball"),
    )
    made = sizes.resized(both, vertices)
    assert vertices / 1.6 < len(made.vertices) < vertices * 1.6
    for number in range(2):
        areas = []
        for one in (both, made):
            mine = one.triangles[one.object_id[one.triangles[:, 0]] == number]
            areas.append(np.linalg.norm(crosses(one.vertices, mine), axis=0).sum())
        assert areas[1] == pytest.approx(areas[0], rel=0.05)


def test_a_template_drawn_over_another_mesh_carries_its_units():
    pytest.importorskip("trimesh", reason="trimesh, which draws the template, is in one Blender's environment only")
    heads = []
    for columns, rows in ((31, 39), (27, 45)):
        avatar, marks = mask(columns, rows)
        smile = np.exp(-(((avatar.vertices - [0.4, -1.1, 0.1]) / 0.3) ** 2).sum(1))[:, None] * [0.05, 0.1, 0.0]
        heads.append(
            LabelledFace(
                vertices=avatar.vertices, triangles=avatar.triangles, part_id=avatar.object_id, part_names=("Face",),
                names=("mouthSmileLeft",), offsets=smile[None].astype(np.float32), hidden=np.zeros(len(smile), bool),
                marks=marks, mark_offsets=np.zeros((1, *marks.shape), np.float32),
            )
        )  # fmt: skip
    carried, seconds = transfer.transferred(heads[0], heads[1], ["mouthSmileLeft"])
    truth, made = heads[0].offsets[0].ravel(), carried["mouthSmileLeft"].ravel()
    assert truth @ made / (np.linalg.norm(truth) * np.linalg.norm(made)) > 0.95 and seconds > 0
