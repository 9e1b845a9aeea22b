"""The execution providers that a network may run on: their names, their options, and which to try for a choice."""

from __future__ import annotations

from typing import Any

from ..errors import InputError, ModelError

# Ours to onnxruntime's names, in the order in which `auto` tries them.
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
CHOICES = ("auto", *PROVIDERS)
# onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html: the arena stays under 1.5 GiB and grows by what
# is requested, convolutions take no workspace beside it, and no 10-bit arithmetic, so that it is the CPU's result.
_OPTIONS = {
    "cuda": {
        "gpu_mem_limit": str(3 * 2**29),
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "cudnn_conv_use_max_workspace": "0",
        "use_tf32": "0",
    }
}


def candidates(choice: str) -> list[str]:
    """The providers beside the CPU to try for one of CHOICES, best first, that this onnxruntime was built with.

    Raises InputError for another choice, ModelError where onnxruntime is not installed.
    """
    if choice not in CHOICES:
        raise InputError(
            "Unknown provider “{provider}”: choose from {choices}.", provider=choice, choices=", ".join(CHOICES)
        )
    available = onnxruntime().get_available_providers()
    wanted = [name for name in PROVIDERS if choice in ("auto", name) and name != "cpu"]
    return [name for name in wanted if PROVIDERS[name] in available]


def for_onnxruntime(name: str) -> list[list[Any]]:
    """The provider `name` as `probe` takes it: [[onnxruntime's name, its options]]."""
    return [[PROVIDERS[name], _OPTIONS.get(name, {})]]


def onnxruntime() -> Any:
    """The module onnxruntime. Raises ModelError where it is not installed."""
    try:
        import onnxruntime as module
    except ImportError as error:
        raise ModelError("onnxruntime is not installed with the extension: install the extension again.") from error
    return module
