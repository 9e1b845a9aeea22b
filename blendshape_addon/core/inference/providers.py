"""Where a network runs: the best provider that truly works, found by trying, with the reason for a fallback."""

from __future__ import annotations

import time
from typing import Any

from ..errors import InputError, ModelError
from ..messages import Message, join_messages
from . import probe
from .registry import Model

PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
CHOICES = ("auto", *PROVIDERS)
# onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html: the arena stays under 1.5 GiB and grows by what
# is asked for, convolutions take no workspace beside it, and no 10-bit arithmetic, so that it is the CPU's result.
_OPTIONS = {
    "cuda": {
        "gpu_mem_limit": str(3 * 2**29),
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "cudnn_conv_use_max_workspace": "0",
        "use_tf32": "0",
    }
}
_TIMED = {"V": 2000, "E": 20}  # vertices and shapes of `test`


class Session:
    """A loaded network. provider: the name in PROVIDERS that it runs on; reason: why not on the one asked for.

    A provider that fails while it runs, out of memory for example, is left for the CPU, and both change.
    """

    def __init__(self, model: Model, loaded: Any, provider: str, reason: Message | None) -> None:
        self.provider = provider
        self.reason = reason
        self._model = model
        self._loaded = loaded

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what the network takes."""
        return tuple(one.name for one in self._loaded.get_inputs())

    def run(self, names: list[str] | None, inputs: dict) -> list:
        """The outputs `names`, all if None. Raises ModelError: a model of another version takes other inputs."""
        try:
            return self._loaded.run(names, inputs)
        except Exception as error:
            if self.provider == "cpu":
                raise ModelError(
                    "The model {model} does not fit this version of the add-on or failed to run: use the one that "
                    "came with it ({reason}).",
                    model=self._model.name,
                    reason=_first_line(error),
                ) from error
            on_cpu = Session(self._model, _load(self._model, "cpu"), "cpu", None)
            made = on_cpu.run(names, inputs)
            reason = Message(
                "{provider} failed while it ran: {reason}", provider=self.provider, reason=_first_line(error)
            )
            probe.cache.disabled[self.provider] = reason
            self._loaded, self.provider, self.reason = on_cpu._loaded, "cpu", reason
            return made


def open_session(model: Model, provider: str = "auto") -> Session:
    """Load `model` on `provider`, falling back to CPU with a reason.

    A provider other than the CPU is first tried in a process of its own, once a machine and version, see `trial`.
    Raises InputError for an unknown provider, ModelError when not even the CPU can load it.
    """
    if provider not in CHOICES:
        raise InputError(
            "Unknown provider “{provider}”: choose from {choices}.", provider=provider, choices=", ".join(CHOICES)
        )
    available = _onnxruntime().get_available_providers()
    failed: dict[str, str] = {}
    for name in (name for name in PROVIDERS if provider in ("auto", name) and name != "cpu"):
        if PROVIDERS[name] not in available:
            continue
        reason = probe.cache.disabled.get(name) or probe.cache.failure(name, _asked(name), model)
        if reason is None:
            try:
                return Session(model, _load(model, name), name, None)
            except Exception as error:  # a provider may fail in any way of its own; the CPU still can
                reason = Message("{name} failed to start: {reason}", name=name, reason=Message(_first_line(error)))
        failed[name] = reason
    try:
        loaded = _load(model, "cpu")
    except Exception as error:
        raise ModelError(
            "The model {model} cannot be loaded: install the extension again.", model=model.name
        ) from error
    probe.cache.disabled.update(failed)  # it was the provider, not the model
    if provider not in ("auto", "cpu", *failed):
        failed[provider] = Message("{provider} is not in this build of onnxruntime", provider=provider)
    return Session(model, loaded, "cpu", join_messages(list(failed.values())) or None)


def test(model: Model, provider: str = "auto") -> Message:
    """What the deformer `model` runs on and how fast, and why not on the GPU; tried anew. Raises as open_session."""
    probe.cache.forget()
    session = open_session(model, provider)
    seconds = _seconds(session)
    ran = Message(
        "Runs on {provider}: {ms:.0f} ms for {shapes} shapes on {vertices} vertices",
        provider=session.provider,
        ms=seconds * 1000,
        shapes=_TIMED["E"],
        vertices=_TIMED["V"],
    )
    if session.provider != "cpu":
        on_cpu = _seconds(open_session(model, "cpu"))
        return Message("{ran}, {ms:.0f} ms on the CPU.", ran=ran, ms=on_cpu * 1000)
    if provider == "cpu":
        return Message("{ran}.", ran=ran)
    reason = session.reason or Message("this build of onnxruntime knows no GPU of this system")
    return Message("{ran}. Why not the GPU: {reason}.", ran=ran, reason=reason)


def _seconds(session: Session) -> float:
    """The fastest of three passes, after one that warms up."""
    inputs = probe.feed(session._loaded, _TIMED)
    spent = []
    for _ in range(4):
        began = time.perf_counter()
        session.run(None, inputs)
        spent.append(time.perf_counter() - began)
    return min(spent[1:])


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError("onnxruntime is not installed with the extension: install the extension again.") from error
    return onnxruntime


def _asked(name: str) -> list:
    return [[PROVIDERS[name], _OPTIONS.get(name, {})]]


def _load(model: Model, name: str) -> Any:
    """An onnxruntime session of `model` on the provider `name`. Raises whatever onnxruntime does."""
    session = probe.load(_onnxruntime(), model.data, _asked(name))
    if session.get_providers()[0] != PROVIDERS[name]:
        raise RuntimeError(probe.MISSING)
    return session


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
