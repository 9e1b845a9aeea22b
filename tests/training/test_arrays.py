"""The one format of arrays on disk."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from safetensors.numpy import save_file

from blendshape_addon.core.errors import InputError
from training.learning import arrays

FORM = arrays.Format("test file", 3, "make it again")
KINDS = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool")


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(KINDS))
def test_arrays_and_notes_come_back_bit_by_bit(tmp_path_factory, data, kind):
    path = tmp_path_factory.mktemp("arrays") / "one.safetensors"
    one = data.draw(arrays_of.arrays(kind, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
    notes = data.draw(st.dictionaries(st.text(), st.lists(st.text()) | st.integers() | st.none()))
    given = {"plain": one, "turned": np.arange(6).astype(kind).reshape(2, 3).T}
    arrays.save(path, FORM, given, notes)
    found, said = arrays.load(path, FORM)
    assert said == json.loads(json.dumps(notes)) and found.keys() == given.keys()
    for name, value in given.items():
        assert found[name].dtype == value.dtype and found[name].shape == value.shape
        assert found[name].tobytes() == value.tobytes()


def test_the_same_content_is_the_same_bytes(tmp_path):
    content = {kind: np.arange(5).astype(kind) for kind in KINDS}
    notes = {f"note {n}": n for n in range(20)}
    files = [tmp_path / f"{n}.safetensors" for n in range(5)]
    for file in files:
        arrays.save(file, FORM, content, notes)
    assert len({file.read_bytes() for file in files}) == 1


def test_what_is_not_the_format_is_reported(tmp_path):
    path = tmp_path / "one.safetensors"
    arrays.save(path, FORM, {"a": np.zeros(3)})
    for other, said in (
        (dataclasses.replace(FORM, what="face"), "is a test file and no face: make it again"),
        (dataclasses.replace(FORM, version=4), "another version.*format 3 instead of 4.*make it again"),
    ):
        with pytest.raises(InputError, match=said):
            arrays.load(path, other)
    whole = path.read_bytes()
    for damaged in (b"", whole[:7], whole[:-1], b"PK\x03\x04" + bytes(40), b"\x93NUMPY"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"one.safetensors is damaged or no test file: make it again"):
            arrays.load(path, FORM)
    save_file({"a": np.zeros(3)}, path)  # of another program
    with pytest.raises(InputError, match="no test file"):
        arrays.load(path, FORM)
    with pytest.raises(InputError, match="no test file"):
        arrays.load(tmp_path / "none.safetensors", FORM)
