"""Meshes over time from files, and the rotations of their vertices."""

import numpy as np
import pytest

from blendshape_addon.core.corrective import frames as reading
from blendshape_addon.core.corrective.bones import Bones, matrices, quaternions, rotation_vectors
from blendshape_addon.core.corrective.frames import Frames
from blendshape_addon.core.corrective.model import topology
from blendshape_addon.core.errors import InputError

CORNERS = np.array([0, 1, 2, 3, 0, 4, 1, 1, 4, 5, 2, 7])  # a quad, a triangle and a pentagon of 8 vertices
SIZES = np.array([4, 3, 5])


@pytest.fixture
def frames():
    positions = np.random.default_rng(0).normal(size=(11, 8, 3)).astype(np.float32)
    return Frames(positions, CORNERS, SIZES)


@pytest.fixture
def folder(tmp_path, frames):
    """frame_1.obj to frame_11.obj, whose order by letters is another."""
    for number, points in enumerate(frames.positions):
        reading.write_obj(tmp_path / f"frame_{number + 1}.obj", points, frames)
    return tmp_path


def test_obj_files_are_read_in_the_order_that_people_count_in(folder, frames):
    read = reading.read(folder)
    assert np.allclose(read.positions, frames.positions, atol=1e-6)
    assert reading.count_frames(folder) == 11
    assert read.topology == frames.topology and len(reading.read(folder, limit=2).positions) == 2
    assert np.array_equal(read.corners, CORNERS) and np.array_equal(read.sizes, SIZES)


def test_edges_and_triangles_are_those_of_the_polygons(frames):
    edges = {(0, 1), (1, 2), (2, 3), (0, 3), (0, 4), (1, 4), (4, 5), (2, 5), (2, 7), (1, 7)}
    assert {tuple(edge) for edge in frames.edges.tolist()} == edges
    assert frames.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 4, 1], [1, 4, 5], [1, 5, 2], [1, 2, 7]]


def test_a_file_of_frames_comes_back_as_it_was(tmp_path, frames):
    reading.write(tmp_path / "frames.npz", frames)
    assert reading.count_frames(tmp_path / "frames.npz") == 11
    read = reading.read(tmp_path / "frames.npz")
    assert np.array_equal(read.positions, frames.positions) and np.array_equal(read.corners, frames.corners)


def test_obj_as_other_programs_write_it(folder, frames):
    """With texture places, normals, comments and other order of the corners in a later frame."""
    text = (folder / "frame_3.obj").read_text()
    head, *faces = text.split("f ")
    lines = [" ".join(f"{corner}/1/1" for corner in face.split()) for face in faces]
    turned = [" ".join(line.split()[1:] + line.split()[:1]) for line in lines]
    (folder / "frame_3.obj").write_text(
        "# made by\nvt 0 0\nvn 0 0 1\n" + head + "".join(f"f {line}\n" for line in turned)
    )
    assert np.allclose(reading.read(folder).positions, frames.positions, atol=1e-6)


@pytest.mark.parametrize(("change", "words"), [
    (lambda text: text.replace("v ", "v nan ", 1), "Some places in frame_4.obj are no numbers"),
    (lambda text: "v 0 0 0\n" + text, "frame_4.obj has 9 vertices and frame_1.obj has 8"),
    (lambda text: text.replace("f 1 2 3 4", "f 1 3 2 4"), "frame_4.obj are in another order than those of frame_1.obj"),
    (lambda text: text.replace("f 1 2 3 4", "f 1 2 3 40"), "do not fit its vertices"),
    (lambda text: text.replace("v ", "v x", 1), "cannot be read as an OBJ file"),
    (lambda text: text.replace("f 1", "f one"), "cannot be read as an OBJ file"),
])  # fmt: skip
def test_a_frame_that_cannot_be_used_is_named(folder, change, words):
    path = folder / "frame_4.obj"
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=words):
        reading.read(folder)


def test_what_is_no_frames_at_all_is_refused(tmp_path):
    with pytest.raises(InputError, match="no OBJ files"):
        reading.read(tmp_path)
    (tmp_path / "movie.npz").write_bytes(b"PK not really")
    for name in ("movie.npz", "missing.npz"):
        with pytest.raises(InputError, match="neither a folder of OBJ files nor a file of frames"):
            reading.read(tmp_path / name)
        with pytest.raises(InputError, match="neither a folder of OBJ files nor a file of frames"):
            reading.count_frames(tmp_path / name)


def test_pairs_are_of_one_mesh(frames):
    fewer = Frames(frames.positions[:5], CORNERS, SIZES)
    other = Frames(frames.positions, CORNERS[::-1] % 6, SIZES)
    smaller = Frames(frames.positions[:, :-1], CORNERS % 7, SIZES)
    reading.check_pair(frames, frames, least=11)
    for words, target, least in (
        ("11 skinned frames and 5 target", fewer, 1), ("another order", other, 1),
        ("8 vertices and the target 7", smaller, 1), ("11 frames, and 12 are looked at", frames, 12),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            reading.check_pair(frames, target, least)


def test_joints_are_read_from_text_and_from_arrays(tmp_path):
    joints = np.random.default_rng(1).normal(size=(11, 4, 3)).astype(np.float32)
    (tmp_path / "text").mkdir()
    for number, rows in enumerate(joints):
        np.savetxt(tmp_path / "text" / f"j{number + 1}.txt", rows, fmt="%.7f")
    np.save(tmp_path / "joints.npy", joints)
    assert np.allclose(reading.read_joints(tmp_path / "text", 11), joints, atol=1e-6)
    assert np.array_equal(reading.read_joints(tmp_path / "joints.npy"), joints)
    with pytest.raises(InputError, match="joints of 11 frames and 12 frames"):
        reading.read_joints(tmp_path / "joints.npy", 12)
    (tmp_path / "text" / "j5.txt").write_text("1 2 3\n")
    for path in (tmp_path / "text", tmp_path / "none.npy"):
        with pytest.raises(InputError, match="cannot be read"):
            reading.read_joints(path)
    joints[2, 1] = np.inf
    np.save(tmp_path / "joints.npy", joints)
    with pytest.raises(InputError, match="no numbers"):
        reading.read_joints(tmp_path / "joints.npy")


def test_a_topology_is_that_of_edges_in_any_order():
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    assert topology(edges, 4) == topology(edges[::-1, ::-1], 4) == topology(np.concatenate([edges, edges]), 4)
    assert len({topology(edges, 4), topology(edges, 5), topology(edges[:2], 4), topology((edges + 1) % 4, 4)}) == 4


def test_rotations_come_back_from_quaternions_and_vectors():
    rng = np.random.default_rng(2)
    # Half turns about each axis, where each of the four ways of Shepperd is the only good one.
    unit = np.concatenate([np.eye(4), rng.normal(size=(200, 4))])
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    turn = matrices(unit)
    assert np.allclose(matrices(quaternions(turn)), turn, atol=1e-12)
    vectors = rng.normal(size=(50, 3))
    vectors *= rng.uniform(0, 3.1, (50, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)
    half = np.linalg.norm(vectors, axis=1, keepdims=True) / 2
    turn = matrices(np.concatenate([np.cos(half), np.sin(half) * vectors / (2 * half)], 1))
    assert np.allclose(rotation_vectors(turn), vectors, atol=1e-6)


def test_rigid_motions_are_found_of_blended_vertices_too():
    rng = np.random.default_rng(3)
    rest = rng.normal(size=(60, 3))
    index = np.array([[0, 1]] * 25 + [[1, 0]] * 25 + [[0, 1]] * 10)
    weight = np.array([[1.0, 0.0]] * 50 + [[0.6, 0.4]] * 10)
    bones = Bones(rest, index, weight, np.array([[1, 1, 1], [0, 0, 0]]))
    unit = rng.normal(size=(2, 4))
    turn = matrices(unit / np.linalg.norm(unit, axis=1, keepdims=True))
    place = rng.normal(size=(2, 3))
    moved = np.einsum("kab,vb->kva", turn, rest) + place[:, None]
    skinned = np.einsum("vb,vba->va", weight, moved[index, np.arange(60)[:, None]])
    motion = bones.fit(skinned[None])
    assert np.allclose(motion.turn[0], turn, atol=1e-9) and np.allclose(motion.place[0], place, atol=1e-9)
    assert np.allclose(bones.vertex_turns(turn)[:25], turn[0], atol=1e-9)
    assert np.allclose(bones.strays(skinned, motion)[:50], 0, atol=1e-9)
