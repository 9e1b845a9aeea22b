"""What portraits learn from: people who are drawn, by one process or many, and clips with their backgrounds."""

import pytest

from blendshape_addon.core.errors import InputError, OutputError
from training.data import rigs
from training.portrait import synth
from training.renders import people, shards

needs_rigs = pytest.mark.skipif(not rigs.data_folder().is_dir(), reason="needs the folder of rigs")
OPTIONS = ["--people", "2", "--frames", "2", "--size", "64", "--families", "facecap"]


@needs_rigs
def test_people_are_the_same_whoever_draws_them_and_none_is_drawn_twice(tmp_path, capsys):
    synth.main(["--out", str(tmp_path / "one"), *OPTIONS, "--jobs", "1", "--first", "1"])
    assert "1 people were drawn, 0 were there" in capsys.readouterr().out
    before = {path: path.stat().st_mtime_ns for path in shards.paths_in(tmp_path / "one")}
    synth.main(["--out", str(tmp_path / "one"), *OPTIONS, "--jobs", "1"])
    assert "1 people were drawn, 1 were there" in capsys.readouterr().out
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())
    synth.main(["--out", str(tmp_path / "many"), *OPTIONS, "--jobs", "2", "--scheduler", "local"])
    first, second = (shards.paths_in(tmp_path / name) for name in ("one", "many"))
    assert [path.name for path in first] == [path.name for path in second] and len(first) == 2
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(first, second, strict=True))


@needs_rigs
def test_a_disk_that_does_not_take_a_person_is_said(tmp_path):
    (tmp_path / "file").write_text("in the place of the folder")
    folder = next(iter(people.of_folds(people.drawable(), "facecap")))
    with pytest.raises(OutputError, match="check the folder and the free space"):
        synth.draw(tmp_path / "file", folder, 3, 2, 64)


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--frames", "1"], "at least 2"), (["--size", "32"], "at least 64"), (["--jobs", "0"], "--jobs is 0")],
)
def test_numbers_that_make_no_sense_are_said(tmp_path, more, said):
    with pytest.raises(InputError, match=said):
        synth.main(["--out", str(tmp_path), *more])
