"""Renders: what they say of a picture is what was drawn."""

from dataclasses import replace

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.motion import pose
from blendshape_addon.core.refinement.parameters import EYE_TURN
from blendshape_addon.core.vocabulary import ARKIT, LANDMARK_INDEX
from training.data import rigs
from training.motion import clip, motions
from training.motion import renders as command
from training.renders import Scene, eyes, flow, people, random_scenes, render, shards

pytestmark = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="needs the folder of rigs")
SMALL = 96


@pytest.fixture(scope="module")
def someone() -> people.Person:
    """A light rig with both eyes and all units of its own."""
    return people.person(rigs.load(rigs.data_folder() / "facecap" / "example_head"), seed=5, complete=False)


@pytest.fixture(scope="module")
def eyeless() -> people.Person:
    return people.person(rigs.load(rigs.data_folder() / "makehuman_proxy" / "proxy741"), complete=False)


def irises(person: people.Person, truth) -> np.ndarray:
    """(2, 3) where the front of either eyeball is, in the truth's pixels."""
    front = [eye.chosen[person.face.vertices[eye.chosen, 2].argmax()] for eye in person.eyes]
    return truth.vertices[front]


@pytest.mark.parametrize(("across", "up"), [(20.0, 0.0), (0.0, 12.0), (-15.0, -10.0)])
def test_eyeballs_are_turned_by_the_gaze_and_by_nothing_else(someone, across, up) -> None:
    still = render(Scene(someone, size=SMALL))[1]
    scene = Scene(someone, gaze=((across, up), (across, up)), size=SMALL)
    truth = render(scene)[1]
    moved = irises(someone, truth)[:, :2] - irises(someone, still)[:, :2]
    # To the person's left is to the right in the picture, up is less down.
    if across:
        assert (np.sign(moved[:, 0]) == np.sign(across)).all()
    if up:
        assert (np.sign(moved[:, 1]) == -np.sign(up)).all()
    assert np.allclose(truth.gaze, [[across, up]] * 2)
    forward = eyes.turn(across, up) @ [0, 0, 1]
    assert np.allclose(np.degrees([np.arctan2(forward[0], forward[2]), np.arcsin(forward[1])]), [across, up])
    assert np.allclose(eyes.turn(across, up) @ eyes.turn(across, up).T, np.eye(3))


def test_eyes_look_as_far_as_the_units_say_whatever_keys_the_rig_has(someone) -> None:
    truth = render(Scene(someone, units={"eyeLookOutLeft": 1.0, "eyeLookInRight": 0.5}, size=SMALL))[1]
    angles = {gaze.value: angle for gaze, angle in EYE_TURN.angles.items()}
    assert np.allclose(truth.gaze, [[angles["Out"], 0], [angles["In"] / 2, 0]])
    assert truth.units["eyeLookOutLeft"] == pytest.approx(1) and truth.units["eyeLookInRight"] == pytest.approx(0.5)
    assert eyes.to_units(truth.gaze) == pytest.approx({k: v for k, v in truth.units.items() if k.startswith("eyeLook")})


def test_an_eye_keeps_its_shape_when_an_expression_moves_all_around_it(someone) -> None:
    units = dict.fromkeys(someone.index, 1.0)
    still, truth = (render(Scene(someone, units=u, gaze=((0, 0), (0, 0)), size=SMALL))[1] for u in ({}, units))
    for eye in someone.eyes:
        assert np.allclose(still.vertices[eye.chosen], truth.vertices[eye.chosen])


def test_a_blink_is_how_far_the_lids_are_closed(someone) -> None:
    values = [render(Scene(someone, units={"eyeBlinkLeft": w}, size=SMALL))[1].blink for w in (0, 0.5, 1)]
    assert values[0].tolist() == [0, 0]
    assert 0.2 < values[1][0] < values[2][0] and values[2][0] > 0.9
    assert max(blink[1] for blink in values) < 0.05, "the right eye stays open"


def test_flow_is_how_the_vertices_move_in_the_picture(someone) -> None:
    before, after = (
        render(Scene(someone, units=units, head=head, size=SMALL))[1]
        for units, head in (({}, (0, 0, 0)), ({"jawOpen": 0.8}, (3, 8, 0)))
    )
    moves, share = flow(before, after)
    pixel = np.round(before.vertices[:, :2]).astype(int)
    inside = ((pixel >= 2) & (pixel < SMALL - 2)).all(1)
    checked = 0
    for vertex in np.flatnonzero(inside):
        column, row = pixel[vertex]
        samples = before.drawn.depth[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        if share[row, column] < 1 or np.ptp(samples) > 0.05 or before.vertices[vertex, 2] < samples.min() - 0.02:
            continue  # at an edge, or hidden
        wanted = after.vertices[vertex, :2] - before.vertices[vertex, :2]
        if np.linalg.norm(moves[row, column] - wanted) < 0.35 + 0.1 * np.linalg.norm(wanted):
            checked += 1
    seen = (before.vertices[inside, 2] > 0).sum()
    assert checked > 0.3 * seen
    unmoved = flow(before, before)
    assert np.allclose(unmoved[0], 0) and np.allclose(moves[share == 0], 0)


def test_head_and_landmarks_are_where_the_picture_shows_them(someone) -> None:
    truth = render(Scene(someone, head=(0, 20, 0), size=SMALL))[1]
    assert np.allclose(truth.head, pose.to_matrices(np.radians([[0, 20, 0]]))[0])
    nose, left, right = (truth.landmarks[LANDMARK_INDEX[n], 0] for n in ("nose_tip", "eye_outer_l", "eye_outer_r"))
    assert left - nose < nose - right, "turned to the person's left, the left half of the face is the narrower one"
    still = render(Scene(someone, size=SMALL))[1]
    shifted = render(Scene(someone, shift=(0.2, 0), size=SMALL))[1]
    assert (shifted.landmarks[:, 0] > still.landmarks[:, 0]).all()


def test_units_that_a_rig_lacks_are_said_to_be_nothing(eyeless) -> None:
    lacks = sorted(set(ARKIT) - eyeless.makes)
    truth = render(Scene(eyeless, units=dict.fromkeys(ARKIT, 0.5), size=SMALL))[1]
    assert lacks and all(truth.units[name] == 0 for name in lacks)
    assert truth.known == eyeless.makes and set(truth.units) == set(ARKIT)


def test_a_rig_without_eyes_gets_a_pair_behind_its_lids(eyeless) -> None:
    for eye, sign in zip(eyeless.eyes, (1, -1), strict=True):
        assert (eyeless.part[eye.chosen] == Part.EYE).all() and (eyeless.face.vertices[eye.chosen, 0] * sign > 0).all()
    left, right = (eye.centre for eye in eyeless.eyes)
    assert np.allclose(left * [-1, 1, 1], right, atol=0.02)


def test_what_a_rig_lacks_the_deformer_makes_and_is_named() -> None:
    rig = rigs.load(rigs.data_folder() / "jeeliz" / "turtle")
    made = people.person(rig)
    assert made.distilled and not made.distilled & rig.shapes.keys()
    assert made.distilled < set(made.face.names)


def test_pictures_are_the_same_for_the_same_seeds_and_people_are_other_people(someone) -> None:
    drawn = [shards.draw(someone, 3, np.random.default_rng(4), SMALL) for _ in range(2)]
    for name, value in vars(drawn[0]).items():
        assert np.array_equal(value, getattr(drawn[1], name)), name
    assert not drawn[0].units[0].any() and not drawn[0].gaze[0].any(), "the first picture is of the neutral face"
    rig = rigs.load(rigs.data_folder() / "facecap" / "example_head")
    others = [people.person(rig, seed, complete=False) for seed in (5, 6)]
    assert np.array_equal(others[0].face.vertices, someone.face.vertices)
    assert np.abs(others[0].face.marks - others[1].face.marks).max() > 0.01


def test_every_random_scene_asks_for_what_the_person_can_make(someone) -> None:
    rng = np.random.default_rng(0)
    scenes = random_scenes.scenes(someone, 40, rng, SMALL)
    assert all(set(scene.units) <= someone.makes for scene in scenes)
    assert all(0 <= value <= 1 for scene in scenes for value in scene.units.values())
    assert len({tuple(scene.units) for scene in scenes}) > 10


def test_every_picture_moves_the_mouth_where_that_is_asked_for(someone) -> None:
    def still(mouths: bool) -> list[bool]:
        scenes = random_scenes.scenes(someone, 30, np.random.default_rng(2), SMALL, mouths)[1:]
        return [
            not any(name.startswith(("jaw", "mouth", "cheek", "nose", "tongue")) for name in one.units)
            for one in scenes
        ]

    assert any(still(False)) and not any(still(True))


def test_people_are_chosen_evenly_from_all_families() -> None:
    found = people.drawable()
    folds = set(found.values())
    assert len(folds) > 8 and not any(folder.parent.name == "plain" for folder in found), "neutral faces make no units"
    chosen = shards.choose(found, 2 * len(folds), 3)
    assert sorted(found[folder] for folder, _ in chosen) == sorted([*folds, *folds])
    assert chosen[: len(folds)] == shards.choose(found, len(folds), 3)


def test_a_run_keeps_what_is_there_and_shows_a_sheet(tmp_path) -> None:
    line = ["--out", str(tmp_path), "--people", "2", "--frames", "2", "--size", "64", "--families", "facecap",
            "--own-units", "--flow", "--sheet", str(tmp_path / "sheet.png")]  # fmt: skip
    command.main(line)
    paths = shards.paths_in(tmp_path)
    kept = {path: path.read_bytes() for path in paths}
    shard = shards.load(paths[0])
    assert shard.pictures.shape == (2, 64, 64, 3) and shard.flow.shape == (1, 64, 64, 3) and shard.fold == "facecap"
    assert (tmp_path / "sheet.png").stat().st_size > 1000
    paths[1].unlink()
    command.main(line)
    assert {path: path.read_bytes() for path in shards.paths_in(tmp_path)} == kept


@pytest.mark.parametrize(
    "line", [["--people", "0"], ["--families", "nobody"], ["--sheet", "sheet.jpg"], ["--size", "8"]]
)
def test_renders_refuse_what_makes_no_sense(tmp_path, line) -> None:
    with pytest.raises(InputError):
        command.main(["--out", str(tmp_path), *line])
    assert not list(tmp_path.iterdir())


def test_a_clip_is_pictures_and_a_table_that_can_be_filmed_again(tmp_path) -> None:
    table = tmp_path / "units.csv"
    table.write_text("Timecode,JawOpen,eyeBlinkLeft,headYaw,gazeLeft\n00:00,0,0,0,0\n00:01,0.5,1,10,12\n")
    clip.main(["facecap/example_head", "--units", str(table), "--out", str(tmp_path / "clip"), "--size", "96"])
    assert sorted(path.name for path in (tmp_path / "clip").iterdir()) == ["0001.png", "0002.png", "units.csv"]
    again = motions.load(tmp_path / "clip" / "units.csv")
    assert again[1].units["jawOpen"] == pytest.approx(0.5) and again[1].head == pytest.approx((0, 10, 0))
    assert again[1].gaze == pytest.approx((12, 0)) and again[0].gaze == pytest.approx((0, 0))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "names no ARKit unit"), ("a,b\n1,2\n", "names no ARKit unit"), ("jawOpen\n1.5\n", "row 2: jawOpen is 1.5"),
     ("jawOpen\nwide\n", "row 2: jawOpen is wide"), ("jawOpen\nnan\n", "row 2")],
)  # fmt: skip
def test_a_table_of_units_that_is_none_is_refused(tmp_path, text, said) -> None:
    (tmp_path / "units.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        motions.load(tmp_path / "units.csv")


def test_whoever_is_not_there_cannot_be_filmed(tmp_path) -> None:
    with pytest.raises(InputError, match="no rig and no avatar"):
        clip.main(["nobody/nowhere", "--out", str(tmp_path)])


def test_the_demo_shows_every_part_of_a_face() -> None:
    frames = motions.demo()
    for name in ("jawOpen", "eyeBlinkLeft", "mouthSmileRight", "mouthPucker", "browInnerUp", "browDownLeft"):
        assert max(frame.units[name] for frame in frames) > 0.5, name
    assert all(0 <= value <= 1 for frame in frames for value in frame.units.values())
    assert max(abs(frame.head[1]) for frame in frames) < 45
    assert frames[0].units["jawOpen"] == 0 and replace(frames[0], head=(0, 0, 0)).head == (0, 0, 0)
