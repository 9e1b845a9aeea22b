"""From what was read of a face to what an avatar does: neutral face, gaps, filters, head, gaze, visemes."""

import dataclasses

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.expressions import Gaze
from blendshape_addon.core.inference.face_format import POINTS, SCORES
from blendshape_addon.core.motion import clip, descriptor, one_euro, pose, units, visemes
from blendshape_addon.core.motion.descriptor import Descriptors
from blendshape_addon.core.motion.face import FaceReader, networks_of
from blendshape_addon.core.motion.parameters import PERFORMANCE, READER
from blendshape_addon.core.motion.performance import READ, UNREAD, DriveOptions, perform, unread_units
from blendshape_addon.core.refinement.parameters import EYE_TURN
from blendshape_addon.core.vocabulary import ARKIT
from tests.faces import person

RATE = 30.0


def described(count: int = 60, **scores: np.ndarray) -> Descriptors:
    """Descriptors of a face that looks at the camera with a habit of its own, and does what `scores` say."""
    table = np.zeros((count, len(SCORES)), np.float32)
    table[:, SCORES.index("eyeSquintLeft")] = 0.4
    for name, values in scores.items():
        table[:, SCORES.index(name)] += values
    blink = table[:, [SCORES.index("eyeBlinkLeft"), SCORES.index("eyeBlinkRight")]]
    return Descriptors(
        times=np.arange(count) / RATE, found=np.ones(count, bool), landmarks=np.zeros((count, POINTS, 3), np.float32),
        rotation=np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)), place=np.zeros((count, 3), np.float32),
        scores=table, mouth=np.zeros((count, 0), np.float32),
        tongue=np.zeros(count, np.float32), gaze=np.zeros((count, 2, 2), np.float32), blink=blink,
        presence=np.ones(count, np.float32), faces=1, content="clip",
    )  # fmt: skip


def pulse(count: int, first: int, last: int, height: float) -> np.ndarray:
    return np.where((np.arange(count) >= first) & (np.arange(count) <= last), height, 0.0)


def test_units_are_counted_from_the_persons_own_neutral_face():
    done = perform(described(jawOpen=pulse(60, 20, 40, 0.5)), DriveOptions(smoothing=0), "clip")
    assert set(done.units) == set(READ) and not set(UNREAD) & set(done.units)
    assert set(READ) | set(UNREAD) == set(ARKIT)
    assert done.units["eyeSquintLeft"].max() == 0, "a habit is no motion"
    assert done.units["jawOpen"][30] == pytest.approx(0.5 * units.weights("jawOpen")["score"])
    assert done.units["jawOpen"][:20].max() == 0
    assert not 20 <= done.neutral <= 40 and not done.notes and not done.lost


def test_a_jaw_is_read_from_the_lips_and_the_chin_too():
    """Scores say little of small openings."""
    data = described()
    landmarks = np.zeros((60, POINTS, 3), np.float32)
    landmarks[:, 14, 1], landmarks[:, 152, 1] = -0.02, -1.0
    landmarks[20:41, 14, 1], landmarks[20:41, 152, 1] = -0.12, -1.1
    done = perform(dataclasses.replace(data, landmarks=landmarks), DriveOptions(smoothing=0), "clip")
    assert done.units["jawOpen"][30] == pytest.approx(
        0.1 * (units.weights("jawOpen")["lips"] + units.weights("jawOpen")["chin"])
    )
    assert done.units["jawOpen"][:20].max() == pytest.approx(0, abs=1e-6)


def test_sides_have_measures_of_their_own():
    assert units.weights("browOuterUpLeft").keys() == {"score", "brow_outerLeft"}
    assert units.weights("mouthLeft") == units.weights("mouthRight") and units.weights("mouthFrownLeft") == {"score": 1}
    landmarks = np.zeros((2, POINTS, 3))
    landmarks[1, [276, 293, 300], 1] = 0.1  # the left brow is raised
    away = np.diff(units.measures(landmarks), axis=0)
    table, nobody = np.zeros((1, len(SCORES))), np.zeros((1, 0))
    left, right = (units.value(f"browOuterUp{side}", table, away, nobody)[0] for side in ("Left", "Right"))
    assert left == pytest.approx(0.1 * units.weights("browOuterUpLeft")["brow_outerLeft"]) and right == 0


def test_strength_and_more_units():
    scores = {"jawOpen": pulse(60, 20, 40, 0.3), "cheekPuff": pulse(60, 20, 40, 0.4)}
    plain = perform(described(**scores), DriveOptions(smoothing=0), "clip").units
    strong = perform(described(**scores), DriveOptions(smoothing=0, strength=1.5, more=("cheekPuff",)), "clip").units
    assert strong["jawOpen"][30] == pytest.approx(1.5 * plain["jawOpen"][30])
    assert strong["cheekPuff"][30] > 0.3 and "cheekPuff" not in plain


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strength": 2.5}, "Strength is 2.5"),
        ({"smoothing": -1}, "Smoothing is -1"),
        ({"more": ("jawOpen",)}, "Unknown units “jawOpen”"),
    ],
)
def test_options_that_cannot_be_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        DriveOptions(**options)


def test_a_chosen_neutral_frame_is_the_neutral_one():
    scores = described(mouthSmileLeft=pulse(60, 30, 59, 0.6))
    done = perform(scores, DriveOptions(neutral=45, smoothing=0), "clip")
    assert done.neutral == 45 and done.units["mouthSmileLeft"].max() == 0
    with pytest.raises(InputError, match="Frame 61 cannot be the neutral one"):
        perform(scores, DriveOptions(neutral=60), "clip")


def test_a_lost_face_is_held_then_eased_to_neutral():
    data = described(jawOpen=pulse(60, 15, 59, 0.6))
    found = np.ones(60, bool)
    found[25:55] = False
    scores = np.where(found[:, None], data.scores, 0)
    done = perform(dataclasses.replace(data, found=found, scores=scores), DriveOptions(smoothing=0), "clip")
    jaw = done.units["jawOpen"]
    assert done.lost == ((25, 54),) and "In 30 of 60 frames" in done.notes[0]
    assert jaw[25] == pytest.approx(jaw[24]) and jaw[30] == pytest.approx(jaw[24]), "held"
    after = 25 + int((PERFORMANCE.hold + PERFORMANCE.ease) * RATE) + 1
    assert np.diff(jaw[25:after]).max() <= 0 and jaw[after:55].max() == 0, "eased"
    assert 0 < jaw[56] < jaw[59], "blended in again"


def test_a_face_that_is_turned_away_is_not_read():
    data = described(count=30)
    away = pose.to_matrices(np.tile([0, np.radians(60), 0], (30, 1))).astype(np.float32)
    with pytest.raises(InputError, match="turned away by more than 45 degrees all the time"):
        perform(dataclasses.replace(data, rotation=away), DriveOptions(), "clip")
    part = np.where(np.arange(30)[:, None, None] < 10, away, data.rotation)
    done = perform(dataclasses.replace(data, rotation=part), DriveOptions(smoothing=0), "clip")
    assert done.lost == ((0, 9),) and "10 of them turned away" in done.notes[0]
    assert not done.head[:5].any()


def test_the_largest_of_several_faces_is_said():
    done = perform(dataclasses.replace(described(), faces=2), DriveOptions(), "clip")
    assert "2 faces" in done.notes[0]


def test_a_face_without_a_persons_proportions_is_said():
    numbers, face, _ = pose.rigid_points()
    landmarks = np.zeros((60, POINTS, 3), np.float32)
    landmarks[:, numbers] = face / 8.9
    assert not perform(dataclasses.replace(described(), landmarks=landmarks), DriveOptions(), "clip").notes
    landmarks[:, numbers, 1] *= np.where(face[:, 1] < 0, 0.6, 1.1)  # a short chin below large eyes
    (note,) = perform(dataclasses.replace(described(), landmarks=landmarks), DriveOptions(), "clip").notes
    assert "made for people" in note


def test_the_head_turns_against_the_neutral_frame():
    data = described(count=40)
    vectors = np.zeros((40, 3))
    vectors[:, 0] = 0.2  # a camera that looks from below
    vectors[20:, 1] = 0.3
    data = dataclasses.replace(data, rotation=pose.to_matrices(vectors).astype(np.float32))
    done = perform(data, DriveOptions(neutral=5, smoothing=0), "clip")
    assert np.abs(done.head[:20]).max() < 1e-3
    assert np.degrees(np.linalg.norm(done.head[30])) == pytest.approx(np.degrees(0.3), abs=0.5)
    assert done.head[30, 1] > 0.25, "to the avatar's left"


def test_eyes_look_where_irises_are_and_not_while_they_are_shut():
    looks = np.zeros((60, 2, 2), np.float32)
    looks[20:40, :, 0] = 15
    looks[50:54] = -30  # what lids that shut make of an iris
    data = dataclasses.replace(described(eyeBlinkLeft=pulse(60, 49, 54, 0.6)), gaze=looks)
    done = perform(data, DriveOptions(smoothing=0), "clip")
    assert done.gaze[30, 0] == pytest.approx(15) and np.abs(done.gaze[48:56]).max() < 1e-6
    assert done.units["eyeLookOutLeft"][30] == pytest.approx(15 / PERFORMANCE.look[Gaze.OUT])
    assert done.units["eyeLookInRight"][30] == pytest.approx(15 / PERFORMANCE.look[Gaze.IN])
    assert done.units["eyeLookInLeft"].max() == done.units["eyeLookOutRight"].max() == 0


def test_eyes_turn_as_far_as_the_add_ons_shapes_turn_them():
    assert PERFORMANCE.look == EYE_TURN.angles


def test_the_filter_stills_trembling_and_keeps_motion_in_its_place():
    times = np.arange(120) / RATE
    noise = np.random.default_rng(0).normal(0, 0.02, 120)
    still = one_euro.smooth(times, noise, PERFORMANCE.units)
    assert still.std() < 0.6 * noise.std()
    bump = np.exp(-(((times - 2) / 0.15) ** 2))
    kept = one_euro.smooth(times, bump, PERFORMANCE.units)
    assert abs(int(kept.argmax()) - int(bump.argmax())) <= 1 and kept.max() > 0.85
    assert one_euro.smooth(times, noise, PERFORMANCE.units, 0) is noise


def test_units_become_visemes_for_avatars_without_them():
    curves = {name: np.zeros(3) for name in ARKIT}
    curves["jawOpen"] = np.array([0.0, 0.7, 0.2])
    curves["mouthPucker"] = np.array([0.0, 0.0, 0.9])
    curves["mouthSmileLeft"] = curves["mouthSmileRight"] = np.array([1.0, 0.0, 0.0])
    curves["eyeBlinkLeft"] = np.array([0.0, 1.0, 1.0])
    curves["eyeBlinkRight"] = np.array([0.0, 1.0, 0.0])
    found = visemes.from_units(curves)
    spoken = np.stack([found[name] for name in visemes.SPOKEN])
    assert np.abs(spoken[:, 0]).max() < 1e-3, "a smile with a shut mouth is no sound"
    assert found["vrc.v_aa"][1] > 0.9 and found["vrc.v_ou"][2] > 0.9
    assert spoken.min() >= 0 and spoken.sum(0).max() <= 1 + 1e-6
    assert found["vrc.blink"].tolist() == [0, 1, 0] and found["vrc.blink_left"].tolist() == [0, 1, 1]


@pytest.fixture(scope="module")
def photographs() -> clip.ArrayClip:
    """A photograph that moves, and is lost for a frame."""
    picture = person.pictures(person.stored()[0])["at the side"]
    frames = [np.roll(picture, -4 * number, axis=1) for number in range(5)]
    frames[3] = np.full_like(picture, 120)
    return clip.ArrayClip("photographs", np.array(frames), 10.0, "hash")


def test_a_clip_is_read_and_kept_as_a_file(photographs, tmp_path):
    steps = []
    read = clip.read(photographs, FaceReader(provider="cpu"), lambda fraction, stage: steps.append(fraction))
    assert read.found.tolist() == [True, True, True, False, True] and read.faces == 1
    assert steps == sorted(steps) and len(steps) == 5
    seen = read.landmarks[read.found]
    assert np.abs(seen - seen[0]).max() < 0.1, "where the face is in the picture is not in its landmarks"
    assert read.place[0, 0] - read.place[4, 0] == pytest.approx(16 / picture_height(photographs), abs=0.02)
    assert read.scores[0, SCORES.index("mouthSmileLeft")] > 0.7
    (tmp_path / "d.npz").write_bytes(descriptor.to_bytes(read))
    again = descriptor.load(tmp_path / "d.npz")
    for field in dataclasses.fields(Descriptors):
        assert np.array_equal(getattr(again, field.name), getattr(read, field.name)), field.name
    assert again.networks == networks_of()
    done = perform(again, DriveOptions(), "photographs")
    assert done.lost == ((3, 3),) and all(np.isfinite(values).all() for values in done.units.values())


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_clip_on_its_side_is_read_as_if_it_was_upright(quarters):
    upright = person.pictures(person.stored()[0])["at the side"]
    picture = np.ascontiguousarray(np.rot90(upright, -quarters))  # clockwise
    empty = np.full_like(picture, 120)
    frames = np.array([empty, *[picture] * (READER.recount + 2)])
    turned = clip.read(clip.ArrayClip("clip", frames, 10.0), FaceReader(provider="cpu"), lambda fraction, stage: None)
    plain = clip.read(
        clip.ArrayClip("clip", np.array([upright] * 3), 10.0), FaceReader(provider="cpu"), lambda *_: None
    )
    assert turned.found[READER.recount :].all() and not turned.found[0]
    assert np.abs(turned.scores[-1] - plain.scores[-1]).max() < 0.1
    assert np.abs(turned.landmarks[-1] - plain.landmarks[-1]).max() < 0.1
    notes = perform(turned, DriveOptions(), "clip").notes
    assert any(f"turned by {90 * quarters} degrees" in note for note in notes)
    assert not perform(plain, DriveOptions(), "clip").notes


def picture_height(photographs: clip.ArrayClip) -> int:
    return photographs.frames.shape[1]


def test_pictures_without_any_face_are_described():
    none = descriptor.describe([None, None], (20, 10), RATE, 0, "hash")
    assert none.found.tolist() == [False, False] and not none.landmarks.any() and none.count == 2


def test_clips_without_a_face_or_without_motion_are_refused(photographs):
    reader = FaceReader(provider="cpu")
    for frames, said in ((photographs.frames[:1], "one frame only"), (photographs.frames[[3, 3]], "No face was found")):
        with pytest.raises(InputError, match=said):
            clip.read(clip.ArrayClip("clip.mp4", frames, 10.0), reader, lambda fraction, stage: None)


def test_a_file_that_holds_no_descriptors_is_refused(tmp_path):
    file = tmp_path / "d.npz"
    for content in (b"", b"PK\x03\x04 not a zip", b"text"):
        file.write_bytes(content)
        with pytest.raises(InputError, match="no motion descriptors"):
            descriptor.load(file)
    np.savez(file, version=descriptor.VERSION, times=np.zeros(3))
    with pytest.raises(InputError, match="no motion descriptors"):
        descriptor.load(file)
    whole = dataclasses.asdict(described())
    hole = whole["landmarks"].copy()
    hole[3, 0, 0] = np.nan
    for changed in (
        {"version": descriptor.VERSION - 1}, {"version": np.arange(2)}, {"landmarks": hole}, {"times": 0.0},
        {"scores": whole["scores"].astype(str)},
    ):  # fmt: skip
        np.savez(file, **({"version": descriptor.VERSION} | whole | changed))
        with pytest.raises(InputError, match="no motion descriptors"):
            descriptor.load(file)
    with file.open("wb") as stream:
        np.save(stream, np.zeros(3))  # an array by itself
    with pytest.raises(InputError, match="no motion descriptors"):
        descriptor.load(file)
    with pytest.raises(InputError, match="cannot be opened"):
        descriptor.load(tmp_path / "missing.npz")


def test_what_other_networks_read_drives_nobody():
    with pytest.raises(InputError, match=r"old\.npz holds was read by other networks"):
        perform(dataclasses.replace(described(), networks="another"), DriveOptions(), "old.npz")


def test_of_two_frames_one_is_neutral():
    done = perform(described(2, jawOpen=np.array([0.0, 0.8])), DriveOptions(smoothing=0), "clip")
    assert done.neutral == 0 and done.calm == (0,)
    whole = perform(described(2, jawOpen=np.array([0.0, 0.8])), DriveOptions(neutral=0, smoothing=0), "clip")
    assert done.units["jawOpen"][1] > 1.5 * whole.units["jawOpen"][1], "frames beside a chosen one are counted in"


def test_units_that_are_not_keyed_may_be_named_without_their_sides():
    assert unread_units("noseSneer") == ("noseSneerLeft", "noseSneerRight")
    assert unread_units("mouthRoll") == ("mouthRollLower", "mouthRollUpper")
    assert unread_units("cheekPuff") == ("cheekPuff",) and unread_units("jawOpen") == ("jawOpen",)
