"""A network loaded on the best provider that truly works, found by trying, with the reason for a fallback."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np

from ..errors import ModelError
from ..messages import Message, join_messages
from . import probe, providers
from .registry import Model

_log = logging.getLogger(__name__)
TIMED = {"V": 2000, "E": 20}  # vertices and shapes of the network's run in `report_provider`


class Session:
    """A loaded network. provider: the name in PROVIDERS that it runs on; reason: why not on the one chosen.

    A provider that fails while it runs, out of memory for example, is left for the CPU, and both change.
    """

    def __init__(self, model: Model, loaded: Any, provider: str, reason: Message | None) -> None:
        self.provider = provider
        self.reason = reason
        self._model = model
        self._loaded = loaded

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's inputs."""
        return tuple(one.name for one in self._loaded.get_inputs())

    def run(self, names: list[str] | None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs `names`, all if None. Raises ModelError: a model of another version takes other inputs."""
        try:
            return self._loaded.run(names, inputs)
        except Exception as error:
            _log.warning("%s failed to run %s", self.provider, self._model.name, exc_info=True)
            if self.provider == "cpu":
                raise ModelError(
                    "The model {model} does not fit this version of the add-on or failed to run: use the one that "
                    "came with it ({reason}).",
                    model=self._model.name,
                    reason=_first_line(error),
                ) from error
            on_cpu = Session(self._model, _load(self._model, "cpu"), "cpu", None)
            outputs = on_cpu.run(names, inputs)
            reason = Message(
                "{provider} failed while it ran: {reason}", provider=self.provider, reason=_first_line(error)
            )
            probe.cache.disabled[self.provider] = reason
            self._loaded, self.provider, self.reason = on_cpu._loaded, "cpu", reason
            return outputs

    def seconds(self, sizes: dict[str, int]) -> float:
        """The fastest of three runs on random inputs, after one that warms up; `sizes` are those of open dimensions."""
        inputs = probe.random_inputs(self._loaded, sizes)
        spent = []
        for _ in range(4):
            began = time.perf_counter()
            self.run(None, inputs)
            spent.append(time.perf_counter() - began)
        return min(spent[1:])


def open_session(model: Model, provider: str = "auto") -> Session:
    """Load `model` on `provider`, falling back to CPU with a reason.

    A provider other than the CPU is first tried in a process of its own, once per machine and version, see `probe`.
    Raises InputError for an unknown provider, ModelError when not even the CPU can load it.
    """
    failed: dict[str, Message] = {}
    for name in providers.candidates(provider):
        reason = probe.cache.disabled.get(name) or probe.cache.failure(name, providers.for_onnxruntime(name), model)
        if reason is None:
            try:
                return Session(model, _load(model, name), name, None)
            except Exception as error:  # a provider may fail in any way of its own; the CPU still can
                _log.warning("%s failed to load %s", name, model.name, exc_info=True)
                reason = Message("{name} failed to start: {reason}", name=name, reason=Message(_first_line(error)))
        failed[name] = reason
    try:
        loaded = _load(model, "cpu")
    except Exception as error:
        _log.warning("the CPU failed to load %s", model.name, exc_info=True)
        raise ModelError(
            "The model {model} cannot be loaded: install the extension again.", model=model.name
        ) from error
    for name, reason in failed.items():
        _log.info("%s is not used: %s", name, reason)
    probe.cache.disabled.update(failed)  # the fault was the provider's, not the model's
    if provider not in ("auto", "cpu", *failed):
        failed[provider] = Message("{provider} is not in this build of onnxruntime", provider=provider)
    return Session(model, loaded, "cpu", join_messages(list(failed.values())) or None)


def report_provider(model: Model, provider: str = "auto") -> Message:
    """What the deformer `model` runs on and how fast, and why not on the GPU; tried anew. Raises as open_session."""
    probe.cache.forget()
    session = open_session(model, provider)
    seconds = session.seconds(TIMED)
    ran = Message(
        "Runs on {provider}: {ms:.0f} ms for {shapes} shapes on {vertices} vertices",
        provider=session.provider,
        ms=seconds * 1000,
        shapes=TIMED["E"],
        vertices=TIMED["V"],
    )
    if session.provider != "cpu":
        on_cpu = open_session(model, "cpu").seconds(TIMED)
        return Message("{ran}, {ms:.0f} ms on the CPU.", ran=ran, ms=on_cpu * 1000)
    if provider == "cpu":
        return Message("{ran}.", ran=ran)
    reason = session.reason or Message("this build of onnxruntime knows no GPU of this system")
    return Message("{ran}. Why not the GPU: {reason}.", ran=ran, reason=reason)


def _load(model: Model, name: str) -> Any:
    """An onnxruntime session of `model` on the provider `name`. Raises whatever onnxruntime does."""
    session = probe.load(providers.onnxruntime(), model.data, providers.for_onnxruntime(name))
    if session.get_providers()[0] != providers.PROVIDERS[name]:
        raise RuntimeError(probe.MISSING)
    return session


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
