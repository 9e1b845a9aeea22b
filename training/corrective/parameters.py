"""The numbers of the corrective deformer's training, with unit and origin."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Linear:
    """Of the linear maps, chosen on a synthetic body by the error on a motion that was not learned.

    scale: 1/metre, by which places count beside radians. ridge, ridge_hinges, ridge_bells: penalty per frame of a
    squared coefficient, metres² per square of the column's unit. knots: hinges along each rotation. bells: poses per
    bone; bell: radians, their width.
    """

    scale: float = 20.0
    ridge: float = 1e-5
    knots: int = 8
    ridge_hinges: float = 1e-3
    bells: int = 48
    bell: float = 0.4
    ridge_bells: float = 1e-3


LINEAR = Linear()


@dataclass(frozen=True)
class Training:
    """Of the networks. rate: of the first epoch; it falls with the root of the epoch's number. hidden: width. code:
    numbers that a vertex is known by. active: metres, a vertex whose error is less has nothing to learn. commitment: of
    the codebook, from the paper. smooth: weight of the Laplacian's error beside the error itself."""

    rate: float = 2e-3
    hidden: int = 64
    code: int = 16
    active: float = 2e-5
    commitment: float = 0.25
    smooth: float = 1.0


TRAINING = Training()
