"""Where a network runs: the best provider that truly works, found by trying, with the reason for a fallback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import InputError, ModelError
from .registry import Model

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
CHOICES = ("auto", *PROVIDERS)


@dataclass(frozen=True)
class Session:
    """A loaded network. provider: the name in PROVIDERS that it runs on; reason: why not on the one asked for."""

    run: Any
    provider: str
    reason: str | None


def open_session(model: Model, provider: str = "auto") -> Session:
    """Load `model` on `provider`, falling back to CPU with a reason. `run(None, inputs)` gives its outputs.

    Raises InputError for an unknown provider, ModelError when not even the CPU can load it.
    """
    if provider not in CHOICES:
        raise InputError(f"Unknown provider “{provider}”: choose from {', '.join(CHOICES)}.")
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError("onnxruntime is not installed with the extension: install the extension again.") from error
    available = onnxruntime.get_available_providers()
    wanted = [p for p in PROVIDERS if provider in ("auto", p) and p != "cpu"]
    reason = None
    for name in wanted:
        if PROVIDERS[name] not in available:
            reason = f"{name} is not in this build of onnxruntime" if provider == name else reason
            continue
        try:
            session = _load(onnxruntime, model, [PROVIDERS[name], "CPUExecutionProvider"])
        except Exception as error:  # a provider may fail in any way of its own; the CPU still can
            reason = f"{name} failed to start: {str(error).splitlines()[0][:200]}"
            continue
        if session.get_providers()[0] == PROVIDERS[name]:
            return Session(_guarded(session.run, model), name, None)
        reason = f"{name} is installed but did not start (driver or runtime libraries are missing)"
    try:
        session = _load(onnxruntime, model, ["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"The model {model.name} cannot be loaded: install the extension again.") from error
    return Session(_guarded(session.run, model), "cpu", reason)


def _guarded(run: Callable, model: Model) -> Callable:
    """`run` whose failure is a sentence: a model of another version takes other inputs."""

    def guarded(names: list[str] | None, inputs: dict) -> list:
        try:
            return run(names, inputs)
        except Exception as error:
            raise ModelError(
                f"The model {model.name} does not fit this version of the add-on or failed to run: "
                f"use the one that came with it ({str(error).strip().splitlines()[0][:160]})."
            ) from error

    return guarded


def _load(onnxruntime: Any, model: Model, providers: list[str]) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # failures come back as exceptions; the console is the user's
    return onnxruntime.InferenceSession(model.data, sess_options=options, providers=providers)
