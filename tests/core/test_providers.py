"""A provider that fails in any way costs its reason in the report, and nothing else."""

import re

import numpy as np
import onnxruntime
import pytest

from blendshape_addon.core.errors import ModelError
from blendshape_addon.core.inference import probe, registry
from blendshape_addon.core.inference.session import open_session, report_provider

# What the process that tries a provider imports as onnxruntime: its CUDA does `on_cuda`, its CPU works.
FAKE = """
import os, sys, time
from pathlib import Path
import numpy as np

with Path(__file__).with_name("tries").open("a") as file:
    file.write("try ")

class SessionOptions:
    def add_session_config_entry(self, name, value): pass

class Input:
    name, shape = "inputs", ["V", 3]

class InferenceSession:
    def __init__(self, data, sess_options, providers):
        self.providers = [one[0] for one in providers]
        self.result = np.ones(3, np.float32)
        if self.providers[0] == "CUDAExecutionProvider":
            {on_cuda}
    def disable_fallback(self): pass
    def get_inputs(self): return [Input]
    def get_providers(self): return self.providers
    def run(self, names, inputs): return [self.result]
"""
LIBRARY = (
    "sys.stderr.write('FAIL with error: libcublas.so: cannot open\\x1b[m'); self.providers = ['CPUExecutionProvider']"
)


@pytest.fixture(autouse=True)
def untried(monkeypatch):
    monkeypatch.setattr(probe, "cache", probe.ProbeCache())


@pytest.fixture
def card(monkeypatch, tmp_path):
    """card(what its driver does) makes this machine one whose onnxruntime offers CUDA; returns a count of tries."""

    def make(on_cuda: str):
        package = tmp_path / "onnxruntime"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(FAKE.format(on_cuda=on_cuda))
        monkeypatch.syspath_prepend(str(tmp_path))
        offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
        return lambda: (package / "tries").read_text().count("try") if (package / "tries").exists() else 0

    return make


@pytest.fixture(scope="module")
def model():
    return registry.load("deformer")


@pytest.fixture(scope="module")
def inputs(model):
    return probe.random_inputs(onnxruntime.InferenceSession(model.data), {"V": 5, "E": 2})


@pytest.mark.parametrize(
    ("on_cuda", "reason"),
    [
        ("os.abort()", "cuda crashed when it was tried"),
        ("os._exit(0)", "cuda gave no answer"),
        ("time.sleep(60)", "cuda did not answer within 2 seconds"),
        ("raise RuntimeError('CUDA failure 2: out of memory')", "out of memory"),
        (LIBRARY, "cuda does not work: libcublas.so: cannot open$"),
        ("self.result = self.result * 1.01", "its results are not the CPU's"),
        ("self.result = self.result * np.nan", "its results are not the CPU's"),
    ],
)
def test_a_driver_that_fails_in_its_own_process_leaves_the_cpu(card, model, inputs, monkeypatch, on_cuda, reason):
    monkeypatch.setattr(probe, "SECONDS", 2 if "sleep" in on_cuda else 60)
    tries = card(on_cuda)
    session = open_session(model, "cuda")
    assert session.provider == "cpu"
    assert re.search(reason, session.reason), session.reason
    assert np.isfinite(session.run(None, inputs)[0]).all()
    other = open_session(registry.load("landmarks"), "cuda")
    assert (other.provider, other.reason) == ("cpu", session.reason)
    assert tries() == 1  # a provider that failed one network is not tried with the next


def test_a_verdict_is_kept_for_the_machine_and_a_damaged_one_is_not_believed(card, model, monkeypatch, tmp_path):
    tries = card("os.abort()")
    monkeypatch.setattr(probe, "cache", probe.ProbeCache(tmp_path / "config"))
    first = open_session(model, "auto").reason
    (kept,) = (tmp_path / "config").iterdir()
    saved = kept.read_text()

    def as_in_a_new_process(content):
        monkeypatch.setattr(probe, "cache", probe.ProbeCache(tmp_path / "config"))
        kept.write_text(content)
        return open_session(model, "auto").reason

    assert as_in_a_new_process(saved) == first and tries() == 1
    for number, damaged in enumerate(
        ("{", "[]", saved.replace('"{name} crashed', '7, "'), saved.replace("{name}", "{else}")), start=2
    ):
        assert as_in_a_new_process(damaged) == first and tries() == number
    assert "crashed" in report_provider(model, "auto") and tries() == 6  # Test asks anew


def test_a_program_that_is_not_python_is_not_started_again(card, model, monkeypatch):
    """Blender where it is linked to its Python: a second Blender would open."""
    tries = card("pass")
    monkeypatch.setattr(probe.sys, "executable", "/opt/blender/blender")
    session = open_session(model, "auto")
    assert session.provider == "cpu" and "no Python of its own" in session.reason and tries() == 0
    probe.cache.forget()
    monkeypatch.setattr(probe.sys, "executable", "/nowhere/python3")
    assert "could not be tried safely: No such file" in open_session(model, "auto").reason


class OnCard:
    """A session that onnxruntime has put on the GPU."""

    def __init__(self, real, failure=None):
        self.real, self.failure = real, failure

    def get_providers(self):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def get_inputs(self):
        return self.real.get_inputs()

    def run(self, names, inputs):
        if self.failure:
            raise self.failure
        return self.real.run(names, inputs)


@pytest.fixture
def loaded(card, monkeypatch):
    """loaded(a failure) lets the trial pass, and what is then loaded on CUDA fails when it runs."""

    def make(failure=None):
        card("pass")
        load = probe.load

        def on_card(runtime, data, providers):
            if providers[0][0] != "CUDAExecutionProvider":
                return load(runtime, data, providers)
            assert int(providers[0][1]["gpu_mem_limit"]) < 2e9
            return OnCard(load(runtime, data, [["CPUExecutionProvider", {}]]), failure)

        monkeypatch.setattr(probe, "load", on_card)

    return make


def test_what_works_is_used(loaded, model):
    loaded()
    session = open_session(model, "auto")
    assert (session.provider, session.reason) == ("cuda", None)
    assert report_provider(model).startswith("Runs on cuda: ") and report_provider(model).endswith("on the CPU.")


def test_memory_that_runs_out_half_way_costs_nothing_but_time(loaded, model, inputs):
    loaded(RuntimeError("Failed to allocate memory for requested buffer\nat somewhere"))
    session = open_session(model, "auto")
    truth = open_session(model, "cpu").run(None, inputs)[0]
    np.testing.assert_array_equal(session.run(None, inputs)[0], truth)
    assert session.provider == "cpu"
    assert session.reason == "cuda failed while it ran: Failed to allocate memory for requested buffer"
    assert open_session(model, "auto").reason == session.reason  # and is not tried again


def test_a_model_that_no_provider_runs_is_not_held_against_the_card(loaded, model):
    loaded(RuntimeError("Invalid feed"))
    session = open_session(model, "auto")
    with pytest.raises(ModelError, match="does not fit"):
        session.run(None, {"inputs": np.zeros((3, 2), np.float32)})
    assert probe.cache.disabled == {}


def test_the_test_tells_what_runs_and_how_fast(model):
    said = report_provider(model, "cpu")
    assert said.startswith("Runs on cpu: ") and " ms for 20 shapes on 2000 vertices." in said
    if onnxruntime.get_available_providers()[0] in ("AzureExecutionProvider", "CPUExecutionProvider"):
        assert "knows no GPU" in report_provider(model)
        assert "cuda is not in this build" in report_provider(model, "cuda")
