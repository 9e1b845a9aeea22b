"""Does a provider run a network here? Tried in a process of its own first: a driver may crash, and Blender must not.

The verdict is kept for the machine and the versions. `python -P probe.py` is the process that may crash; this file is
run alone there, without the package around it, so it imports nothing of ours when it is loaded.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..messages import Message
    from .registry import Model

SECONDS = 120  # a provider that compiles the network at its first run takes some
TOLERANCE = 1e-3  # of the largest output, to the CPU's
_FILE = "vrc_blendshape_providers.json"
MISSING = "driver or runtime libraries are missing"
WRONG = "its results are not the CPU's"
_CAUSE = re.compile(r"with error: ([^\n\x1b]+)")  # onnxruntime's log names the library that it could not load


class ProbeCache:
    """Which providers work here, as far as it was tried: in this process, and on this machine where there is a folder.

    disabled: provider to why it is not tried again in this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """folder: where verdicts outlive the process, such as Blender's folder of settings."""
        self.disabled: dict[str, Message] = {}
        self._file = folder / _FILE if folder else None
        self._verdicts: dict[str, Message | None] = {}

    def failure(self, name: str, providers: list[list[Any]], model: Model) -> Message | None:
        """Why `model` cannot run on the provider `name` on this machine, None if it can.

        providers: [[onnxruntime's name of it, its options]], as JSON has them.
        """
        key = _key(name, providers, model)
        if key not in self._verdicts:
            self._verdicts.update(self._load_verdicts())
        if key not in self._verdicts:
            self._verdicts[key] = _try(name, providers, model.data)
            self._save_verdicts()
        return self._verdicts[key]

    def forget(self) -> None:
        """Try everything anew."""
        self.disabled.clear()
        self._verdicts.clear()
        if self._file:
            self._file.unlink(missing_ok=True)

    def _load_verdicts(self) -> dict[str, Message | None]:
        """The verdicts of earlier processes; none where their file is missing or damaged: everything is tried again."""
        from ..messages import from_json

        try:
            found = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
            return {key: reason and from_json(reason) for key, reason in found.items()}
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            return {}

    def _save_verdicts(self) -> None:
        if not self._file:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._file.parent, encoding="utf-8", delete=False) as file:
                json.dump({key: reason and reason.for_json() for key, reason in self._verdicts.items()}, file, indent=1)
            Path(file.name).replace(self._file)
        except OSError:  # it is tried again the next time
            pass


cache = ProbeCache()  # of this process; Blender's session puts its own here for as long as it lasts


def random_inputs(session: Any, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """Random float32 inputs of a network; open dimensions have their size in `sizes`, else 8."""
    random = np.random.default_rng(0)
    inputs = {}
    for one in session.get_inputs():
        shape = [n if isinstance(n, int) else sizes.get(n, 8) for n in one.shape]
        inputs[one.name] = random.random(shape, dtype=np.float32)
    return inputs


def load(onnxruntime: Any, data: bytes, providers: list[list[Any]]) -> Any:
    """An onnxruntime session that stays on `providers`, see `failure`, and on the CPU for what they lack."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # failures come back as exceptions; the console is the user's
    # Its threads wait for more work by spinning, which keeps a processor busy long after the last run.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if providers[0][0] == "DmlExecutionProvider":  # it can do neither otherwise
        options.enable_mem_pattern = False
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    wanted: list[Any] = [tuple(one) for one in providers]
    if providers[0][0] != "CPUExecutionProvider":
        wanted.append("CPUExecutionProvider")
    session = onnxruntime.InferenceSession(data, sess_options=options, providers=wanted)
    session.disable_fallback()  # a failure is reported, not hidden
    return session


def _try(name: str, providers: list[list[Any]], data: bytes) -> Message | None:
    from ..messages import Message

    if not Path(sys.executable or "").stem.lower().startswith("python"):
        return Message("{name} could not be tried safely: this program has no Python of its own", name=name)
    # The process finds what this one does, the extension's wheels too, and not what lies beside this file.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-P", __file__, json.dumps(providers)]
    no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows alone
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, check=False, env=environment, timeout=SECONDS,
            creationflags=no_window,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Message("{name} did not answer within {seconds} seconds", name=name, seconds=SECONDS)
    except OSError as error:
        return Message("{name} could not be tried safely: {reason}", name=name, reason=error.strerror or str(error))
    if done.returncode:
        return Message("{name} crashed when it was tried (exit status {status})", name=name, status=done.returncode)
    try:
        answer = json.loads(done.stdout.splitlines()[-1])["reason"]
    except (IndexError, KeyError, TypeError, ValueError):
        return Message("{name} gave no answer when it was tried", name=name)
    if not answer:
        return None
    cause = _CAUSE.search(done.stderr.decode(errors="replace"))
    reason = {MISSING: Message(MISSING), WRONG: Message(WRONG)}.get(answer, answer[:300])
    return Message("{name} does not work: {reason}", name=name, reason=cause[1].strip()[:300] if cause else reason)


def _key(name: str, providers: list[list[Any]], model: Model) -> str:
    import onnxruntime

    machine = f"{platform.node()} {platform.platform()} Python {platform.python_version()}"
    return f"{name} {providers} {model.card.get('sha256')} onnxruntime {onnxruntime.__version__} {machine}"


def _child() -> None:
    """Run the network of standard input on the provider of the first argument and say what is wrong with it."""
    import onnxruntime

    data, providers = sys.stdin.buffer.read(), json.loads(sys.argv[1])
    reason = None
    try:
        session = load(onnxruntime, data, providers)
        inputs = random_inputs(session, {})
        if session.get_providers()[0] != providers[0][0]:
            reason = MISSING
        else:
            truth = load(onnxruntime, data, [["CPUExecutionProvider", {}]]).run(None, inputs)
            outputs = session.run(None, inputs)
            close = [np.abs(a - b).max() <= TOLERANCE * np.abs(b).max() for a, b in zip(outputs, truth, strict=True)]
            reason = None if all(close) else WRONG
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    print(json.dumps({"reason": reason}), flush=True)
    os._exit(0)  # what a driver does when it is put away says nothing about the network


if __name__ == "__main__":
    _child()
