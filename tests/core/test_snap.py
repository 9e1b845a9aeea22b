"""Lids are set right where the eye is a piece of its own, lips where they are slit, and both left alone otherwise."""

from dataclasses import replace

import numpy as np
import pytest
from pieces import attached, mask, sheet

from blendshape_addon.core.avatar.avatar import Avatar
from blendshape_addon.core.detection.snap import snap_to_edges
from blendshape_addon.core.face.face_space import point
from blendshape_addon.core.vocabulary import LANDMARKS

LIDS = [i for i, name in enumerate(LANDMARKS) if name.startswith("lid")]
MOUTH = [i for i, name in enumerate(LANDMARKS) if name.startswith(("mouth", "lip_upper_inner", "lip_lower_inner"))]


def with_eyeballs(avatar: Avatar, marks: np.ndarray) -> Avatar:
    """The mask with a ball behind each eye hole."""
    vertices, triangles = [avatar.vertices], [avatar.triangles]
    at = np.arange(20 * 24).reshape(20, 24)
    quads = np.stack([at[:-1], np.roll(at, -1, 1)[:-1], np.roll(at, -1, 1)[1:], at[1:]], -1).reshape(-1, 4)
    ball = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])
    v, u = np.meshgrid(np.linspace(0.05, np.pi - 0.05, 20), np.arange(24) * 2 * np.pi / 24, indexing="ij")
    unit = np.stack([np.cos(u) * np.sin(v), np.cos(v), np.sin(u) * np.sin(v)], -1).reshape(-1, 3)
    for s in "lr":
        ring = marks[[i for i, n in enumerate(LANDMARKS) if n.startswith(("lid", "eye")) and n.endswith(f"_{s}")]]
        triangles.append(ball + sum(map(len, vertices)))
        vertices.append(unit * 0.21 + ring.mean(0) - [0, 0, 0.3])
    extra = sum(map(len, vertices[1:]))
    return Avatar(
        np.concatenate(vertices),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate([avatar.object_id, np.ones(extra, int)]),
        ("Face", "Eyes"),
    )


def test_shaken_lids_come_back_to_the_edge_of_the_eyeball(face):
    avatar, marks = face
    eyed = with_eyeballs(avatar, marks)
    edge = snap_to_edges(eyed, marks)
    assert np.linalg.norm((edge - marks)[LIDS], axis=1).max() < 0.1
    shaken = marks + np.random.default_rng(0).normal(0, 0.03, marks.shape)
    before = np.linalg.norm((shaken - edge)[LIDS], axis=1)
    after = np.linalg.norm((snap_to_edges(eyed, shaken) - edge)[LIDS], axis=1)
    assert np.median(after) < 0.5 * np.median(before)


def test_shaken_lips_come_back_to_the_slit(face):
    avatar, marks = face
    still = snap_to_edges(avatar, marks)
    assert np.linalg.norm((still - marks)[MOUTH], axis=1).max() < 0.1
    shaken = marks + np.random.default_rng(0).normal(0, 0.03, marks.shape) * [1, 1, 0]
    before, after = shaken - still, snap_to_edges(avatar, shaken) - still
    corners = [i for i in MOUTH if "corner" in LANDMARKS[i]]
    assert np.linalg.norm(after[corners], axis=1).max() < 0.04 < np.linalg.norm(before[corners], axis=1).max()
    assert np.abs(after[MOUTH, 1]).max() < 0.02 < np.abs(before[MOUTH, 1]).max()


@pytest.mark.parametrize("off", [-0.08, 0.08])
def test_lips_looked_for_too_low_or_too_high_come_back_each_to_its_side(face, off):
    avatar, marks = face
    still, moved = snap_to_edges(avatar, marks), marks.copy()
    lips = [i for i, name in enumerate(LANDMARKS) if name.startswith(("mouth", "lip"))]
    moved[lips] += [0, off, 0]
    found = snap_to_edges(avatar, moved)
    assert np.abs((found - still)[MOUTH, 1]).max() < 0.03
    for k in ("l", "mid", "r"):
        upper, lower = (found[LANDMARKS.index(f"lip_{lip}_outer_{k}"), 1] for lip in ("upper", "lower"))
        slit = still[LANDMARKS.index(f"lip_upper_inner_{k}"), 1]
        assert upper > slit + 0.03 and lower < slit - 0.03


def test_sealed_lips_are_left_alone(face):
    avatar, marks = face
    vertices = avatar.vertices.copy()
    seam = vertices[:, 1][np.isclose(vertices[:, 1], marks[LANDMARKS.index("mouth_corner_l"), 1], atol=0.1)]
    twins = [
        (i, j)
        for i in np.flatnonzero(np.isin(vertices[:, 1], seam))
        for j in np.flatnonzero(np.abs(vertices - vertices[i] - [0, 0.004, 0]).max(1) < 1e-9)
    ]
    assert len(twins) > 5
    for i, j in twins:
        vertices[j] = vertices[i]
    sealed = replace(avatar, vertices=vertices)
    assert np.allclose(snap_to_edges(sealed, marks)[MOUTH], marks[MOUTH])


def test_nothing_moves_without_an_eyeball_nor_away_from_eyes_and_mouth(face):
    avatar, marks = face
    assert np.allclose(snap_to_edges(avatar, marks)[LIDS], marks[LIDS])
    others = [i for i, n in enumerate(LANDMARKS) if not n.startswith(("lid", "eye")) and i not in MOUTH]
    assert np.allclose(snap_to_edges(with_eyeballs(avatar, marks), marks)[others], marks[others])


def with_cards(avatar: Avatar, cards: dict[str, tuple[np.ndarray, tuple[float, float]]]) -> Avatar:
    """The mask with flat pieces before it, by name the middle of each and half its width and height."""
    for name, (middle, half) in cards.items():
        places, triangles = sheet(np.linspace(-half[0], half[0], 9), np.linspace(-half[1], half[1], 5))
        avatar = attached(avatar, places + middle + [0, 0, 0.04], triangles, name)
    return avatar


BROWS = [i for i, name in enumerate(LANDMARKS) if name.startswith("brow")]


def test_brows_that_are_pieces_take_their_landmarks_along(face):
    avatar, marks = face
    middles = {s: point(marks, f"brow_mid_{s}") + [0, 0.1, 0] for s in "lr"}
    found = snap_to_edges(with_cards(avatar, {f"card {s}": (middles[s], (0.25, 0.03)) for s in "lr"}), marks)
    for side, out in (("l", 1), ("r", -1)):
        inner, mid, outer = (point(found, f"brow_{at}_{side}") for at in ("inner", "mid", "outer"))
        assert np.abs((mid - middles[side])[:2]).max() < 0.02
        assert 0.18 < (mid - inner)[0] * out < 0.25 and 0.18 < (outer - mid)[0] * out < 0.25
        assert max(abs(inner[2] - marks[BROWS, 2].max()), abs(outer[2] - marks[BROWS, 2].min())) < 0.2  # on the skin


@pytest.mark.parametrize(
    ("sides", "off", "half"),
    [
        ("l", (0, 0.1), (0.25, 0.03)),  # a scar or a patch on one side
        ("lr", (0, 0.1), (0.1, 0.2)),  # strands of hair
        ("lr", (0, -0.3), (0.25, 0.03)),  # lashes
        ("lr", (0, 0.6), (0.25, 0.03)),  # a band on the forehead
    ],
)
def test_what_is_no_pair_of_brows_leaves_them_alone(face, sides, off, half):
    avatar, marks = face
    cards = {f"card {s}": (point(marks, f"brow_mid_{s}") + [*off, 0], half) for s in sides}
    assert np.allclose(snap_to_edges(with_cards(avatar, cards), marks)[BROWS], marks[BROWS])


EYES = [i for i, name in enumerate(LANDMARKS) if name.startswith(("lid", "eye"))]


def with_sockets(avatar: Avatar, marks: np.ndarray, depth: float) -> Avatar:
    """The mask with a floor of skin in each eye hole, `depth` behind its edge, and an iris before it that is narrower
    than the hole, as many anime faces have them."""
    edges, count = np.unique(
        np.sort(np.concatenate([avatar.triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]), 1), axis=0,
        return_counts=True,
    )  # fmt: skip
    rim = edges[count == 1]
    vertices, triangles = [avatar.vertices], [avatar.triangles]
    for s in "lr":
        middle = point(marks, f"eye_inner_{s}", f"eye_outer_{s}")
        own = rim[(np.abs(avatar.vertices[rim] - middle)[:, :, :2] < 0.5).all((1, 2))]
        border, local = np.unique(own, return_inverse=True)
        first, (a, b) = sum(map(len, vertices)), (local.reshape(-1, 2) + sum(map(len, vertices))).T
        floor = avatar.vertices[border] - [0, 0, depth]
        vertices.append(np.concatenate([floor, floor.mean(0)[None]]))
        hub = np.full(len(a), first + len(border))
        triangles += [np.stack([a, b, hub], 1), np.stack([*own.T, a], 1), np.stack([own[:, 1], b, a], 1)]
    extra = sum(map(len, vertices[1:]))
    owner = np.concatenate([avatar.object_id, np.zeros(extra, int)])
    avatar = Avatar(np.concatenate(vertices), np.concatenate(triangles).astype(np.int32), owner, avatar.object_names)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    disc = np.stack([0.13 * np.cos(turn), 0.1 * np.sin(turn), 0 * turn], 1)
    fan = np.stack([np.zeros(22, int), np.arange(1, 23), np.arange(2, 24)], 1)
    for s in "lr":
        middle = point(marks, f"eye_inner_{s}", f"eye_outer_{s}") - [0, 0, depth / 2]
        avatar = attached(avatar, disc + middle, fan, f"iris {s}")
    return avatar


def test_lids_far_off_come_back_to_the_edge_of_a_socket_whose_white_is_skin(face):
    avatar, marks = face
    eyed = with_sockets(avatar, marks, 0.12)
    edge = snap_to_edges(eyed, marks)
    assert np.linalg.norm((edge - marks)[EYES], axis=1).max() < 0.1
    for off, scale in (([0.05, 0.08, 0], 1.0), ([0, -0.05, 0], 1.35), ([0, 0.04, 0], 0.7)):
        far = marks.copy()
        for s in "lr":
            own = [i for i in EYES if LANDMARKS[i].endswith(f"_{s}")]
            middle = marks[own].mean(0)
            far[own] = (marks[own] - middle) * scale + middle + off
        before, after = (np.linalg.norm((found - edge)[EYES], axis=1) for found in (far, snap_to_edges(eyed, far)))
        assert np.median(after) < 0.04 < np.median(before)
        assert after.max() < 0.08  # the mask is coarse: a corner may be a step higher


def test_an_eye_on_closed_skin_has_no_edges_to_come_to(face):
    _, marks = face
    closed, _ = mask(eye_holes=False)
    drawn = with_cards(
        closed, {f"iris {s}": (point(marks, f"eye_inner_{s}", f"eye_outer_{s}"), (0.1, 0.1)) for s in "lr"}
    )
    assert np.allclose(snap_to_edges(drawn, marks)[EYES], marks[EYES])
