"""Work in a thread beside Blender's main thread, with progress and a way to stop it. It must not use bpy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from ...core.errors import Cancelled
from ...core.pipeline import Progress

_log = logging.getLogger(__name__)


class Task:
    """Starts `work(progress)` at once."""

    def __init__(self, work: Callable[[Progress], Any]) -> None:
        self.fraction, self.stage = 0.0, ""
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether the work has ended, well or not."""
        return not self._thread.is_alive()

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None while there is too little to estimate from."""
        spent = time.monotonic() - self._began
        return spent * (1 - self.fraction) / self.fraction if self.fraction > 0.1 and spent > 0.5 else None

    def stop(self) -> None:
        """Ask the work to end at its next step; its result is discarded."""
        self._stop.set()

    def result(self) -> Any:
        """What the work returned, once it is done. Raises what it raised; Cancelled where it was stopped."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._result

    def _run(self, work: Callable[[Progress], Any]) -> None:
        try:
            self._result = work(self._progress)
        except BaseException as error:  # whatever it is, it belongs to who asks for the result
            _log.warning("the work in the background ended early", exc_info=True)
            self._error = error

    def _progress(self, fraction: float, stage: str) -> None:
        if self._stop.is_set():
            raise Cancelled("Stopped: nothing was changed.")
        self.fraction, self.stage = fraction, stage
