"""An artist's own shapes: relations of visemes, what is carried over, what is mixed, and what is left off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blendshape_addon.core import pipeline
from blendshape_addon.core.detection import detect
from blendshape_addon.core.options import GenerateOptions
from blendshape_addon.core.shapes import Shape
from blendshape_addon.core.style import own_shapes, own_style
from blendshape_addon.core.style.own_shapes import OwnShape, OwnStyle
from blendshape_addon.core.style.parameters import OWN_STYLE
from blendshape_addon.core.vocabulary import BLINKS, CONDITIONS, EMOTIONS, VISEMES
from tests import faces

KNOWN = list(own_style.artists().values())
GIVEN = ("vrc.v_aa", "vrc.v_oh", "vrc.v_ch")


def motions(seed: int, names=VISEMES) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(40, 3)) for name in names}


def test_the_shipped_relations_are_of_artists_with_many_visemes():
    assert len(KNOWN) >= 4
    for artist in KNOWN:
        assert artist.drawn.sum() >= 10
        assert np.allclose(artist.residuals, artist.residuals.T, atol=2e-3)
        assert np.linalg.eigvalsh(artist.residuals).min() > -1e-2
        assert (artist.sizes > 0).all()


@given(seed=st.integers(0, 99), scale=st.floats(0.3, 3))
@settings(max_examples=20, deadline=None)
def test_an_artist_like_the_network_changes_its_strength_alone(seed, scale):
    ours = motions(seed)
    own = {name: scale * ours[name] for name in GIVEN}
    learned = own_style.learn(own, ours, [own_style.measure(ours, ours)])
    assert learned.visemes == pytest.approx(1 + 0.75 * (scale - 1), rel=1e-3)  # held by a fourth shape
    made = own_style.complete(own, ours, own_style.Learned(visemes=scale), KNOWN)
    assert set(made) == set(VISEMES) - set(GIVEN)
    for name, offset in made.items():
        assert offset == pytest.approx(scale * ours[name])


@given(seed=st.integers(0, 99), scale=st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_what_is_made_grows_with_the_unit_of_length(seed, scale):
    ours, own = motions(seed), motions(seed + 100, GIVEN)
    known = [own_style.measure(motions(7), motions(8))]
    plain = own_style.carry_over(own, ours, GIVEN, "vrc.v_e", known)
    scaled = own_style.carry_over(
        {name: scale * offset for name, offset in own.items()},
        {name: scale * offset for name, offset in ours.items()}, GIVEN, "vrc.v_e", known,
    )  # fmt: skip
    assert scaled == pytest.approx(scale * plain, rel=1e-6)


def test_strength_of_visemes_says_nothing_of_units():
    units = ("jawOpen", "browInnerUp", "mouthPucker", "cheekPuff")
    ours = motions(0, (*GIVEN, *units))
    own = {name: 2 * ours[name] for name in GIVEN} | {name: ours[name] for name in units[:3]}
    learned = own_style.learn(own, ours, KNOWN)
    assert learned.visemes == pytest.approx(1.75) and learned.others == pytest.approx(1)
    assert own_style.complete(own, ours, learned, KNOWN)["cheekPuff"] == pytest.approx(ours["cheekPuff"])


def test_residuals_are_carried_over_as_known_artists_have_them():
    """All artists move the whole mouth off by the same; so does this one, on a face that nobody has seen."""
    ours, habit = motions(0), np.random.default_rng(1).normal(size=(40, 3))
    size = {name: np.linalg.norm(offset) / 6 for name, offset in ours.items()}
    drawn = {name: offset + size[name] * habit / 4 for name, offset in ours.items()}
    other, taste = motions(2), np.random.default_rng(3).normal(size=(40, 3))
    known = [own_style.measure(drawn, ours)]
    truth = {name: offset + np.linalg.norm(offset) / 24 * taste for name, offset in other.items()}
    own = {name: truth[name] for name in GIVEN}
    made = own_style.carry_over(own, other, GIVEN, "vrc.v_e", known)
    assert own_style.cosine(made, truth["vrc.v_e"]) > own_style.cosine(other["vrc.v_e"], truth["vrc.v_e"]) + 0.005


def alone(learned: own_style.Learned) -> own_style.Learned:
    """What was learned of the mixes and nothing else."""
    return own_style.Learned(regions=learned.regions)


def test_ch_that_opens_the_jaw_as_a_does_asks_for_the_usual_mixes():
    own, ours = motions(0, GIVEN), motions(1)
    ours |= {name: -own_style.mix(own, name) for name in own_style.MIXES}  # at odds with the mixes
    closed = alone(own_style.learn(own, ours, KNOWN))
    left = own_style.complete(own, ours, closed, KNOWN)
    assert closed.used and all(left[name] == pytest.approx(ours[name]) for name in own_style.MIXES)
    own["vrc.v_ch"] = own["vrc.v_aa"] + 0.1 * own["vrc.v_ch"]
    ours |= {name: -own_style.mix(own, name) / 4 for name in own_style.MIXES}
    made = own_style.complete(own, ours, alone(own_style.learn(own, ours, KNOWN)), KNOWN)
    for name in own_style.MIXES:  # as large as the network's, not as the mix of three wide shapes
        assert made[name] == pytest.approx(own_style.mix(own, name) / 4)
    assert made["vrc.v_pp"] == pytest.approx(ours["vrc.v_pp"])
    two = {name: own[name] for name in GIVEN[:2]}
    assert not own_style.learn(two, ours, KNOWN).mixes and not own_style.learn({}, ours, KNOWN).regions


def test_lips_like_the_networks_stay_while_teeth_follow_the_jaw():
    ours, teeth = motions(1), np.arange(40) >= 30
    own = {name: ours[name].copy() for name in GIVEN}
    own["vrc.v_ch"][teeth] = own["vrc.v_aa"][teeth]
    ours |= {name: -own_style.mix(own, name) for name in own_style.MIXES}
    learned = alone(own_style.learn(own, ours, KNOWN, teeth))
    assert [int(region.where.sum()) for region in learned.regions] == [30, 10]
    made = own_style.complete(own, ours, learned, KNOWN)
    for name in own_style.MIXES:
        assert own_style.cosine(made[name][teeth], own_style.mix(own, name)[teeth]) == pytest.approx(1)
        assert own_style.cosine(made[name][~teeth], ours[name][~teeth]) == pytest.approx(1)


def test_a_mix_that_agrees_takes_its_share():
    own, ours = motions(0, GIVEN), motions(1)
    towards = ours["vrc.v_e"] / np.linalg.norm(ours["vrc.v_e"])
    beside = own_style.mix(own, "vrc.v_e")
    beside = beside / np.linalg.norm(beside)
    ours["vrc.v_e"] = towards + 2 * beside
    made = own_style.complete(own, ours, alone(own_style.learn(own, ours, KNOWN)), KNOWN)["vrc.v_e"]
    assert own_style.cosine(ours["vrc.v_e"], beside) < own_style.cosine(made, beside) < 1


def test_visemes_are_drawn_to_what_known_artists_have_alike():
    """All artists draw E as A; the network does not. Four artists of the same hand say so louder than one."""
    ours = motions(0)
    drawn = ours | {"vrc.v_e": ours["vrc.v_aa"]}
    own = {name: drawn[name] for name in GIVEN}
    one = own_style.measure(drawn, ours)
    assert one.cosines[VISEMES.index("vrc.v_e"), VISEMES.index("vrc.v_aa")] == pytest.approx(1)
    found = []
    for known in ([one], [one] * 4):
        learned = own_style.Learned(carried=True, regions=(own_style.Region(np.ones(40, bool)),))
        made = own_style.complete(own, ours, learned, known)["vrc.v_e"]
        found.append(own_style.cosine(made, drawn["vrc.v_e"]))
    plain = own_style.cosine(own_style.carry_over(own, ours, GIVEN, "vrc.v_e", [one] * 4), drawn["vrc.v_e"])
    assert plain < found[1] and own_style.cosine(ours["vrc.v_e"], drawn["vrc.v_e"]) + 0.1 < found[0] < found[1]


def test_a_style_that_helps_no_given_shape_is_left_off():
    ours = motions(0)
    opposite = {name: -offset for name, offset in motions(1, GIVEN).items()}
    wrong = [own_style.measure({name: -9 * o for name, o in motions(5).items()}, motions(6))]
    learned = own_style.learn(opposite, ours, wrong)
    assert not learned.carried or learned.visemes < 1
    assert own_style.learn({}, ours, KNOWN) == own_style.Learned() and not own_style.Learned().used


def test_shapes_that_move_nothing_break_nothing():
    ours = motions(0) | {"vrc.v_sil": np.zeros((40, 3))}
    own = motions(1, (*GIVEN, "vrc.v_sil"))
    made = own_style.complete(own, ours, own_style.learn(own, ours, KNOWN), KNOWN)
    assert all(np.isfinite(offset).all() for offset in made.values())


def shape_of(name: str, motion: np.ndarray) -> Shape:
    moved = np.flatnonzero(motion.any(1))
    return Shape(name, moved, motion[moved].astype(np.float32))


@pytest.fixture(scope="module")
def drawn():
    """The face `proxy`, its landmarks as if found, and three vowels and a blink of its artist's units."""
    face = faces.load("proxy")
    units = face.units
    motions = {
        "vrc.v_aa": 0.7 * units["jawOpen"],
        "vrc.v_ih": 0.7 * (units["mouthStretchLeft"] + units["mouthStretchRight"]),
        "vrc.v_ou": 0.8 * units["mouthPucker"],
        "vrc.blink": units["eyeBlinkLeft"] + units["eyeBlinkRight"],
    }
    found = detect.Face(face.landmarks, np.ones(len(face.landmarks)), 1.0, np.eye(3), 1.0)
    return face, found, [OwnShape(f"own {name}", shape_of(name, motion)) for name, motion in motions.items()]


def test_none_is_made_in_place_of_an_own_shape(drawn):
    face, found, own = drawn
    names = VISEMES + EMOTIONS + BLINKS
    plain = pipeline.generate(face.avatar, GenerateOptions(names, provider="cpu"), face=found)
    made = pipeline.generate(face.avatar, GenerateOptions(names, provider="cpu", own=own), face=found)
    kept = {one.shape.name for one in own}
    assert {shape.name for shape in made.shapes} == set(names) - kept - set(made.report["refused"])
    assert made.report["own"]["used"] == {one.shape.name: one.key for one in own}
    assert [str(note) for note in made.report["notes"]][-2].startswith("Uses 4 of your own keys: own vrc.v_aa = ")
    before, after = ({shape.name: shape for shape in run.shapes} for run in (plain, made))
    assert any(
        before[name].deltas.shape != after[name].deltas.shape
        or not np.allclose(before[name].deltas, after[name].deltas)
        for name in ("vrc.v_e", "vrc.v_oh")
    )
    again = pipeline.generate(
        face.avatar, GenerateOptions(names, provider="cpu"), face=found, analysis=made.analysis
    )  # what is kept of a run with own shapes is not taken for one without
    for shape in again.shapes:
        assert shape.deltas == pytest.approx(before[shape.name].deltas, abs=1e-6)


def test_a_key_of_the_body_is_no_viseme(drawn):
    """A may be the name of anything."""
    face, found, own = drawn
    far = np.argsort(face.avatar.vertices[:, 1])[:50]
    body = OwnShape("A", Shape("vrc.v_e", np.sort(far), np.full((50, 3), 0.1, np.float32)))
    made = pipeline.generate(face.avatar, GenerateOptions(VISEMES, provider="cpu", own=[*own, body]), face=found)
    assert "vrc.v_e" in {shape.name for shape in made.shapes} and "vrc.v_e" not in made.report["own"]["used"]
    assert "Not used, for they move something else than the face: A." in map(str, made.report["notes"])


def test_nothing_is_made_where_all_is_there(drawn):
    face, found, own = drawn
    made = pipeline.generate(face.avatar, GenerateOptions(["vrc.v_aa"], provider="cpu", own=own), face=found)
    assert made.shapes == [] and made.report["shapes"] == [] and made.report["ok"]


def test_a_blink_of_one_eye_comes_of_both(drawn):
    face, found, own = drawn
    features = pipeline.analyse(face.avatar, face=found).anatomy.features
    offsets = np.zeros((1, len(features.index), 3), np.float32)
    offsets[0] = 1
    given = own_shapes.given_of([one for one in own if one.shape.name == "vrc.blink"], offsets, features)
    assert set(given) == {"vrc.blink_left", "vrc.blink_right", "eyeBlinkLeft", "eyeBlinkRight"}
    assert given["vrc.blink_left"] + given["vrc.blink_right"] == pytest.approx(offsets[0])


def test_recipes_take_what_the_artist_drew():
    """A consonant that is mixed of vowels is mixed of the artist's; the network's part stays the network's."""
    names = ("vrc.v_aa", "vrc.v_ih", "vrc.v_ou")
    given, ours = motions(0, names), motions(1, names)
    style = OwnStyle.of(given, ours)
    row = np.zeros(len(CONDITIONS), np.float32)
    row[CONDITIONS.index("vrc.v_ih")], row[CONDITIONS.index("jawOpen")] = 0.6, 0.5
    left = style.weights(row[None], ["vrc.v_dd"])
    assert left[0, CONDITIONS.index("vrc.v_ih")] == 0 and left[0, CONDITIONS.index("jawOpen")] == 0.5
    made = np.zeros((1, 40, 3))
    style.apply(["vrc.v_dd"], made, row[None])
    assert made[0] == pytest.approx(np.float32(0.6) * given["vrc.v_ih"])


def test_too_few_shapes_change_nothing_else():
    given, ours = motions(0, GIVEN[:2]), motions(1)
    style = OwnStyle.of(given, ours)
    made = ours["vrc.v_e"][None].copy()
    style.apply(["vrc.v_e"], made, np.ones((1, len(CONDITIONS)), np.float32))
    assert made[0] == pytest.approx(ours["vrc.v_e"]) and style.learned is None
    assert OWN_STYLE.fewest == 3
