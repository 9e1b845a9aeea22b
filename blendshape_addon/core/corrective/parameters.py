"""The numbers of the corrective deformer's runtime."""

from __future__ import annotations

ANCHOR = 0.9  # weight from which a vertex moves as its bone does, and its motion is fitted; of 1
MIN_ANCHORS = 4  # vertices without which no rotation is fitted: the strongest are taken then
