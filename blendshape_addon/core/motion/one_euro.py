"""The one-euro filter: still where a signal stands still, quick where it moves."""

from __future__ import annotations

import numpy as np

from .parameters import OneEuro


def smooth(times: np.ndarray, values: np.ndarray, filter: OneEuro, amount: float = 1.0) -> np.ndarray:
    """(F, ...) values at (F,) seconds, filtered forwards and backwards, so that nothing comes later than it was.

    amount: 0 leaves all as it is, 2 halves the cutoffs. Casiez, Roussel and Vogel: 1 € Filter, CHI 2012, section 3.
    """
    if not amount or len(values) < 2:
        return values
    forwards = _one_way(times, values, filter, amount)
    backwards = _one_way(-times[::-1], values[::-1], filter, amount)[::-1]
    return (forwards + backwards) / 2


def _one_way(times: np.ndarray, values: np.ndarray, filter: OneEuro, amount: float) -> np.ndarray:
    result = np.empty(values.shape)
    result[0], speed = values[0], np.zeros(values.shape[1:])
    for number in range(1, len(values)):
        step = max(float(times[number] - times[number - 1]), 1e-4)
        speed += _share(filter.derivative, step) * ((values[number] - values[number - 1]) / step - speed)
        cutoff = (filter.cutoff + filter.speed * np.abs(speed)) / amount
        result[number] = result[number - 1] + _share(cutoff, step) * (values[number] - result[number - 1])
    return result


def _share(cutoff: float | np.ndarray, step: float) -> float | np.ndarray:
    """Of the way to the new value, for a cutoff in hertz."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))
