"""What is known of a rig: its own meta.json first, then the table."""

import json

import numpy as np
import pytest

from blendshape_addon.core.errors import InputError
from blendshape_addon.core.vocabulary import VISEMES
from training.data import families, labels, rigs

needs_rigs = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason=f"no rigs in {rigs.data_folder()}")


def folder(path, **meta):
    """A rig folder of two triangles in two parts."""
    path.mkdir(parents=True)
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 1]], float)
    np.savez(
        path / "rig.npz", vertices=vertices, triangles=[[0, 1, 2], [3, 4, 5]], part_id=[0, 0, 0, 1, 1, 1],
        part_names=["skin", "overlay"],
    )  # fmt: skip
    known = {"name": path.name, "family": path.parent.name, "licence": "CC0", "visemes": {}, "emotions": {}}
    (path / "meta.json").write_text(json.dumps(known | {"n_real_visemes": 0} | meta))
    return path


def test_an_unknown_family_is_a_fold_of_its_own_and_no_toon():
    assert families.of("studio", "someone") == families.Facts(fold="studio", artist="studio")
    assert families.fold_title("studio") == "studio"


def test_facts_of_a_rig_win_over_those_of_its_family():
    assert families.of("plain", "rocketbox_Male_Adult_01").fold == "rocketbox"
    assert families.of("vrm", "godette") == families.Facts(fold="vrm", artist="godette", toon=True, flat=True)
    assert not families.of("vrm", "seed_san").flat and not families.of("plain", "cryptovoxels").face


def test_networks_learn_from_every_rig_with_labels(tmp_path, monkeypatch):
    monkeypatch.setattr(labels, "names", lambda: ("known", "other"))
    for name in ("vrm/known", "valid/other", "vrm/unlabelled"):
        folder(tmp_path / name)
    assert [path.name for path in rigs.learned(tmp_path)] == ["other", "known"]


def test_rigs_of_one_family_may_be_of_different_artists_and_those_of_two_families_of_one():
    assert families.of("charmorph", "antonia").artist != families.of("charmorph", "vitruvian").artist
    assert families.of("makehuman_proxy", "proxy741").artist == families.of("makehuman", "base_hm08").artist


def with_shapes(path, names, **meta):
    """`folder` with shapes of which each moves every vertex by its number, from 1."""
    folder(path, **meta)
    data = dict(np.load(path / "rig.npz"))
    offsets = np.ones((len(names), 6, 3)) * np.arange(1, len(names) + 1)[:, None, None]
    np.savez(path / "rig.npz", **data, shape_names=names, shape_offsets=offsets)
    return rigs.load(path)


def test_units_are_sums_where_no_shape_has_their_name_and_only_listed_visemes_are_an_artists(tmp_path):
    rig = with_shapes(
        tmp_path / "studio" / "someone", ["jawOpen", "wide", "narrow"],
        units_arkit={"jawOpen": {"wide": 1}, "mouthPucker": {"wide": 0.5, "narrow": 1}, "eyeBlinkLeft": {"narrow": 1}},
        visemes={"aa": {"jawOpen": 1}, "O": {"narrow": 1}}, n_real_visemes=1, real_visemes=["aa"],
    )  # fmt: skip
    moved = {name: float(offset.max()) for name, offset in rig.shapes.items()}
    assert moved == {
        "jawOpen": 1, "mouthPucker": 4, "eyeBlinkLeft": 3, "vrc.blink_left": 3, "vrc.v_aa": 1, "vrc.v_oh": 3,
    }  # fmt: skip
    assert rig.real & set(VISEMES) == {"vrc.v_aa"} and "mouthPucker" in rig.real
    every = with_shapes(tmp_path / "studio" / "other", ["jawOpen"], visemes={"aa": {"jawOpen": 1}}, n_real_visemes=15)
    assert every.real >= set(VISEMES)


def test_what_meta_says_wins_over_the_table(tmp_path):
    own = rigs.load(folder(tmp_path / "vrm" / "adult", toon=False, fold="studio"))
    assert own.facts == families.Facts(fold="studio", artist="vrm")
    assert rigs.load(folder(tmp_path / "vrm" / "other")).facts == families.Facts(fold="vrm", artist="vrm", toon=True)
    assert rigs.load(folder(tmp_path / "studio" / "drawn", fold="vrm")).facts.toon, "as its fold"


def test_parts_are_masked_by_number_and_by_name(tmp_path):
    for number, meta in enumerate(({"hide_parts": [1]}, {"mask_parts": ["overlay"]})):
        assert rigs.load(folder(tmp_path / "studio" / str(number), **meta)).hidden_parts == (1,)
    with pytest.raises(InputError, match="no rig folder"):
        rigs.load(folder(tmp_path / "studio" / "wrong", mask_parts=["hat"]))


def test_folds_of_the_finder_are_those_that_evaluation_leaves_out():
    assert set(families.evaluated()) == families.pictures().keys() - {"avatars100"}
    assert sum(families.pictures().values()) > 100


@needs_rigs
def test_every_shared_rig_of_an_evaluated_fold_has_a_title_and_its_basis():
    for place in rigs.folders():
        meta = json.loads((place / "meta.json").read_text())
        facts = families.of(meta["family"], meta["name"], meta)
        assert not facts.people or (place.parent / "identity.npz").exists()
        if facts.fold in families.evaluated():
            assert families.fold_title(facts.fold) != facts.fold
