"""Relations of artists' visemes: measured on a face, written, read back; and what own shapes buy there."""

import dataclasses
import tomllib

import numpy as np
import pytest
import shipped

from blendshape_addon.core.inference import registry
from blendshape_addon.core.style import own_style
from blendshape_addon.core.vocabulary import CONDITIONS, VISEMES, VOWELS
from training.adaptation import relations
from training.adaptation.relations import Drawn
from training.experiments import adaptation_gain


@pytest.fixture(scope="module")
def face():
    """The face `proxy` with visemes as an artist would have drawn them."""
    rig = shipped.rig("proxy")
    rig = dataclasses.replace(rig, real=rig.real | set(VISEMES))
    return Drawn.of(rig, registry.load("deformer"))


def test_a_face_has_what_its_artist_and_the_network_drew(face):
    assert set(face.ours) == set(CONDITIONS) and set(face.visemes) == set(VISEMES) & set(face.truth)
    sizes = {offsets.shape for offsets in (*face.truth.values(), *face.ours.values())}
    assert len(sizes) == 1
    assert own_style.cosine(face.truth["jawOpen"], face.ours["jawOpen"]) > 0.7


def test_relations_are_written_and_read_back(face):
    found = relations.by_artist([face, face])
    (artist,) = found
    again = own_style.parse(tomllib.loads(relations.text(found)))[artist]
    assert (again.drawn == found[artist].drawn).all() and again.drawn.sum() == len(face.visemes)
    for name in ("residuals", "with_ours", "sizes", "cosines", "likeness"):
        assert np.allclose(getattr(again, name), getattr(found[artist], name), atol=6e-4)


def test_an_artist_who_is_known_is_completed_nearer(face):
    """Its own relations beside the shipped ones: what was not given comes out nearer."""
    given = list(adaptation_gain.THREE)
    known = list(relations.by_artist([face]).values())
    rest = [name for name in face.visemes if name not in given]
    made = adaptation_gain.completed(face, given, known)
    before, after = (adaptation_gain.medians(shapes, face.truth, rest)[1] for shapes in (face.ours, made))
    assert after > before + 0.02
    assert set(made) == set(face.ours) - set(given)


def test_the_table_has_a_row_for_each_face_and_none_for_one_that_lacks_them(face):
    bare = dataclasses.replace(face, truth={name: face.truth[name] for name in ("jawOpen", "mouthPucker")})
    rows = adaptation_gain.viseme_rows([face, bare], own_style.artists(), adaptation_gain.THREE)
    ((name, count, gain, of_three, mixed, usual),) = rows
    assert (name, count, gain.split(" → ")[1]) == ("proxy", "3", of_three)
    assert -1 <= float(usual) <= float(mixed) <= 1


def test_three_vowels_are_given_in_every_way(face):
    """The artist's own relations among the known: the other two come out nearer."""
    bare = dataclasses.replace(face, truth={name: face.truth[name] for name in VOWELS[:4]})
    known = {"another": relations.by_artist([face])[face.rig.facts.artist]}
    ((name, rel, cos),) = adaptation_gain.vowel_rows([face, bare], known)
    assert name == "proxy"
    before, after = map(float, cos.split(" → "))
    assert before < after <= 1 and float(rel.split(" → ")[1]) < 1
