"""Bodies are fitted to people whose outline and joints are known, and written as avatars."""

from __future__ import annotations

import json
import struct
from functools import cache

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.geometry.raster import rasterise
from blendshape_addon.core.motion.sampling import Region
from training.body import command, makehuman, photo, posable
from training.body.fit import Fit, Fitter, View, project, seen
from training.body.measurements.extractor import NAMES, measure
from training.body.parameters import LANDMARKS, PHOTO
from training.body.person import COUNT, POINTS, Person
from training.body.posable import POSE
from training.body.synthetic import CAMERAS, Camera, Studio, Subject

GIRTHS = NAMES[1:]


@cache
def studio() -> Studio:
    return Studio()


@cache
def fitter() -> Fitter:
    return Fitter(studio().human)


def true_view(subject: Subject, camera: Camera, seed: int, side: bool = False, cloth: np.ndarray | float = 0.0) -> View:
    """What a perfect reader would see. cloth: metres over the skin."""
    made = studio()
    stance = made.stance(camera, np.random.default_rng(seed), side)
    points, heads = made.human.vertices_and_heads(subject.shape.person())
    joints = np.array([heads[name] for name in made.skeleton.names]) * subject.scale
    view = View(nobody((camera.height, camera.width)), camera.focal, (camera.height, camera.width))
    worn = made.dressed(points * subject.scale, cloth)
    place = seen(worn, joints, made.skeleton, made.skeleton.weight, stance)
    flat = project(place, view)
    size = max(camera.height, camera.width)
    drawn = np.column_stack([(flat - view.centre) / (size / 2) * [1, -1], place[:, 2]])
    mask = rasterise(drawn, made.triangles, size).mask
    top, left = (size - camera.height) // 2, (size - camera.width) // 2
    mask = mask[top : top + camera.height, left : left + camera.width].astype(float)
    bones = [made.skeleton.names.index(bone) for bone, _, _ in LANDMARKS.values()]
    own = np.eye(len(made.skeleton.names))[[made.skeleton.names.index(mover) for _, mover, _ in LANDMARKS.values()]]
    at = project(seen(joints[bones], joints, made.skeleton, own, stance), view)
    read = np.zeros((COUNT, 3))
    for name, spot in zip(LANDMARKS, at, strict=True):
        read[POINTS[name], :2] = spot
    world = np.zeros((COUNT, 3))
    yaw = stance.turn[1]
    world[POINTS["shoulder_l"]] = [0.2 * np.cos(yaw), 0, 0.2 * np.sin(yaw)]
    low, high = flat.min(0), flat.max(0)
    region = Region((low + high) / 2, 1.25 * float((high - low).max()))
    return View(Person(read, np.ones(COUNT), world, mask, 1.0, region), camera.focal, view.shape)


def nobody(shape: tuple[int, int]) -> Person:
    return Person(
        np.zeros((COUNT, 3)), np.zeros(COUNT), np.zeros((COUNT, 3)), np.zeros(shape), 0.0, Region(np.zeros(2), 1)
    )


def errors(fit: Fit, subject: Subject) -> np.ndarray:
    found = measure(makehuman.measured(fitter().human, fit.shape.person()))
    return np.array([found[name] * fit.scale - subject.centimetres[name] for name in GIRTHS])


def test_a_body_that_is_seen_well_is_measured_well():
    """With outline and joints as they are; the body of that height alone is off by 3 cm and more."""
    off, usual = [], []
    for seed, camera in enumerate(CAMERAS[:1]):
        subject = studio().subject(np.random.default_rng(seed))
        height = subject.centimetres["height"] / 100
        views = [true_view(subject, camera, seed), true_view(subject, camera, seed + 9, side=True)]
        off.append(np.abs(errors(fitter().fit(views, height), subject)).mean())
        plain = measure(makehuman.measured(fitter().human, posable.usual().person()))
        scale = 100 * height / plain["height"]
        usual.append(np.mean([abs(plain[name] * scale - subject.centimetres[name]) for name in GIRTHS]))
    assert np.mean(off) < 2.5 and np.mean(off) < 0.6 * np.mean(usual)


def test_without_a_height_the_proportions_are_as_good():
    subject = studio().subject(np.random.default_rng(1))
    fit = fitter().fit([true_view(subject, CAMERAS[1], 1)])
    assert fit.scale == 1
    found = measure(makehuman.measured(fitter().human, fit.shape.person()))
    scale = subject.centimetres["height"] / found["height"]
    assert np.mean([abs(found[name] * scale - subject.centimetres[name]) for name in GIRTHS]) < 4
    tall = fitter().as_tall(fit, 1.7)
    assert tall.scale * found["height"] == pytest.approx(170)
    view = true_view(subject, CAMERAS[1], 1)
    before, after = (project(fitter().posed(one, 0), view) for one in (fit, tall))
    assert after == pytest.approx(before, abs=0.01), "it is seen where it was"


def test_clothes_are_found_and_not_taken_for_the_body():
    """A jacket over bare legs, by which the trunk is 15 cm and more too wide around."""
    subject = studio().subject(np.random.default_rng(7))
    height = subject.centimetres["height"] / 100
    trunk, arms, _ = posable.covered(studio().skeleton)
    views = [true_view(subject, CAMERAS[0], 7, side, 0.025 * trunk + 0.02 * arms) for side in (False, True)]
    found, taken = (fitter().fit(views, height, tight=tight) for tight in (False, True))
    assert min(found.clothes[:2]) > 0.012 and found.clothes[2] < 0.005 and max(taken.clothes) < 0.005
    off, much = (errors(fit, subject) for fit in (found, taken))
    assert np.abs(off).mean() < 0.6 * np.abs(much).mean()
    assert all(abs(off[GIRTHS.index(name)]) < 4 < 8 < much[GIRTHS.index(name)] for name in ("chest", "waist"))
    assert max(found.outline) < 1, "the outline is that of the clothes"


def test_a_pose_turns_what_hangs_on_a_bone_and_nothing_else():
    made = studio()
    points, heads = made.human.vertices_and_heads(posable.usual().person())
    joints = np.array([heads[name] for name in made.skeleton.names])
    angles = np.zeros(len(POSE))
    turn, place = posable.turns(made.skeleton, angles, joints)
    assert np.allclose(turn, np.eye(3)) and np.allclose(place, 0, atol=1e-12)
    angles[POSE.index(("upperarm_l", "z"))] = 0.5
    turn, place = posable.turns(made.skeleton, angles, joints)
    moved = np.einsum("vk,kxy,vy->vx", made.skeleton.weight, turn, points) + made.skeleton.weight @ place
    away = np.linalg.norm(moved - points, axis=1)
    assert away[points[:, 0] < 0].max() < 1e-3 and away[points[:, 1] < 0.7].max() < 1e-9
    hand = made.skeleton.names.index("hand_l")
    assert np.linalg.norm(turn[hand] @ joints[hand] + place[hand] - joints[hand]) > 0.1


def test_the_avatar_is_a_skinned_file(tmp_path):
    fit = Fit(posable.usual(1.0), 1.05, (), ())
    command.write_avatar(tmp_path / "avatar.glb", fit)
    data = (tmp_path / "avatar.glb").read_bytes()
    mark, version, length = struct.unpack_from("<4sII", data)
    (words,) = struct.unpack_from("<I", data, 12)
    document, numbers = json.loads(data[20 : 20 + words]), data[28 + words :]
    assert (mark, version, length) == (b"glTF", 2, len(data)) and len(numbers) == document["buffers"][0]["byteLength"]

    def values(accessor: int, kind: type, width: int) -> np.ndarray:
        row = document["accessors"][accessor]
        start = document["bufferViews"][row["bufferView"]]["byteOffset"]
        return np.frombuffer(numbers, kind, row["count"] * width, start).reshape(-1, width)

    meshes = {mesh["name"]: mesh["primitives"][0] for mesh in document["meshes"]}
    assert set(meshes) == {"Body", "Eye_L", "Eye_R", "Teeth_Upper", "Teeth_Lower", "Tongue", "Lashes"}
    body = meshes["Body"]["attributes"]
    points, weights = values(body["POSITION"], np.float32, 3), values(body["WEIGHTS_0"], np.float32, 4)
    tall = measure(makehuman.measured(fitter().human, fit.shape.person()))["height"] * 1.05 / 100
    assert np.ptp(points[:, 1]) == pytest.approx(tall, rel=1e-4)
    assert weights.sum(1) == pytest.approx(1, abs=1e-5)
    indices = values(meshes["Body"]["indices"], np.uint32, 1)
    assert indices.max() == len(points) - 1
    bones, inverse = document["skins"][0]["joints"], values(document["skins"][0]["inverseBindMatrices"], np.float32, 16)
    parent = {child: number for number in bones for child in document["nodes"][number].get("children", [])}
    found = fitter().human.bones(fit.shape.person())
    for bone in bones:
        place, above = np.eye(4), bone
        while above is not None:
            node = document["nodes"][above]
            local = np.eye(4)
            local[:3, :3], local[:3, 3] = Rotation.from_quat(node["rotation"]).as_matrix(), node["translation"]
            place, above = local @ place, parent.get(above)
        wanted = found[document["nodes"][bone]["name"]]
        assert place[:3, 3] == pytest.approx(wanted.head * 1.05, abs=1e-5)
        along = (wanted.tail - wanted.head) / np.linalg.norm(wanted.tail - wanted.head)
        assert place[:3, 1] == pytest.approx(along, abs=1e-5), "it points where it ends"
        assert inverse[bone].reshape(4, 4).T @ place == pytest.approx(np.eye(4), abs=1e-5)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"no picture"), "cannot be read as a picture: save it as JPEG"),
        (
            lambda path: path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
            "cannot be read as a picture: save it as JPEG",
        ),
        (lambda path: path.mkdir(), "cannot be read as a picture"),
        (lambda path: Image.new("RGB", (400, 600), (90, 90, 90)).save(path), "is blank"),
        (lambda path: Image.new("L", (6000, 5000)).save(path), "30 megapixels; make it smaller than 25"),
        (lambda path: Image.new("RGB", (90, 90)).save(path), "only 90 × 90 pixels"),
        (lambda path: None, "does not exist"),
    ],
)
def test_what_is_no_photo_is_refused_in_a_sentence(tmp_path, make, says):
    path = tmp_path / "photo.png"
    make(path)
    with pytest.raises(InputError, match=says):
        photo.load(path)


def shades(path) -> tuple[np.ndarray, np.ndarray]:
    """Mean colours of both halves of a picture."""
    found = photo.load(path).pixels.astype(float)
    return found[:, :100].mean((0, 1)), found[:, -100:].mean((0, 1))


def test_pictures_of_all_kinds_show_what_they_show(tmp_path):
    halves = np.repeat(np.repeat([[60, 180]], 300, 0), 150, 1).astype(np.uint8)
    plain = Image.fromarray(halves)
    plain.convert("RGB").save(tmp_path / "rgb.webp", lossless=True)
    plain.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    plain.convert("P").save(tmp_path / "palette.gif")
    Image.fromarray(halves.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    for name in ("rgb.webp", "cmyk.jpg", "palette.gif", "deep.png"):
        dark, light = shades(tmp_path / name)
        assert dark == pytest.approx(60, abs=3) and light == pytest.approx(180, abs=3), name
    hidden = np.dstack([halves, halves, halves, np.where(halves > 100, 255, 0).astype(np.uint8)])
    Image.fromarray(hidden).save(tmp_path / "cut.png")
    nothing, light = shades(tmp_path / "cut.png")
    assert nothing == pytest.approx(128) and light == pytest.approx(180)


def test_a_picture_that_moves_is_refused(tmp_path):
    frames = [Image.new("RGB", (300, 300), (shade, 0, 0)) for shade in (0, 255)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="more than one picture"):
        photo.load(tmp_path / "moves.gif")


def test_a_photo_is_turned_as_the_camera_was_held_and_its_lens_is_known(tmp_path):
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[:, :200] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    exif.get_ifd(0x8769)[0xA405] = 50
    Image.fromarray(pixels).save(tmp_path / "held.jpg", exif=exif)
    found = photo.load(tmp_path / "held.jpg")
    assert found.pixels.shape == (400, 300, 3)
    assert found.pixels[:150].mean() > 200 > 50 > found.pixels[250:].mean()
    assert found.focal == pytest.approx(400 * 50 / 36) and found.said_focal


@pytest.mark.parametrize(("given", "says"), [(["--height", "0"], "no person's"), (["--height", "400"], "no person's"),
                                             (["--out", "a.obj"], "has to end in .glb or .blend")])  # fmt: skip
def test_what_was_given_wrong_is_said_before_any_work(given, says):
    with pytest.raises(InputError, match=says):
        command.main(["photo.jpg", *given])


@pytest.mark.parametrize("given", [["--overlay", "me.png"], ["--side", "side.png", "--overlay", "./side.png"]])
def test_a_photo_is_not_replaced(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="is the photo itself"):
        command.main(["me.png", *given])


def test_without_blender_a_blend_file_is_refused_before_any_work(monkeypatch):
    monkeypatch.setenv("VRC_BLENDER", "/nowhere/blender")
    with pytest.raises(InputError, match="name its program by VRC_BLENDER"):
        command.main(["photo.jpg", "--out", "a.blend"])


class Reader:
    """Reads what it was given."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def read(self, picture: np.ndarray) -> Person:
        return self._person


def test_views_that_cannot_be_measured_are_refused():
    subject = studio().subject(np.random.default_rng(0))
    front, side = (true_view(subject, CAMERAS[0], 0, turned).person for turned in (False, True))
    height, width = front.mask.shape
    picture = photo.Photo("me.jpg", np.zeros((height, width, 3), np.uint8), 700.0, False)
    for person in (front, side):
        for name in ("nose", "toe_l", "toe_r"):
            person.points[POINTS[name], :2] = width / 2, height / 2
    photo.view(picture, Reader(front), side=False)
    photo.view(picture, Reader(side), side=True)
    with pytest.raises(InputError, match="from the side or the back"):
        photo.view(picture, Reader(side), side=False)
    with pytest.raises(InputError, match="not show the person from the side"):
        photo.view(picture, Reader(front), side=True)
    turned = [POINTS[f"{point}_{one}"] for point in ("hip", "shoulder") for one in "lr"]
    front.points[turned, 1] *= -1
    with pytest.raises(InputError, match="upside down: turn the picture upright"):
        photo.view(picture, Reader(front), side=False)
    front.points[turned, 1] *= -1
    front.mask[-1] = 1
    with pytest.raises(InputError, match="cuts the person off"):
        photo.view(picture, Reader(front), side=False)
    front.points[POINTS["ankle_l"], 1] = height + 5
    with pytest.raises(InputError, match="not show the feet"):
        photo.view(picture, Reader(front), side=False)
    assert PHOTO.most_turned < 90
