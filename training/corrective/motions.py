"""Motions of a humanoid for synthetic data: angles of joints over time, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FPS = 30.0
FADE = 12  # frames in which one motion becomes the next
# Radians by channel, at rest 0. Sides are _l and _r; positive flexes, abducts or turns to the person's left.
CHANNELS = (
    "spine_bend", "spine_side", "spine_twist", "neck_bend", "neck_twist",
    *(f"{joint}_{side}" for side in "lr" for joint in (
        "hip_flex", "hip_abduct", "hip_twist", "knee", "ankle", "shoulder_flex", "shoulder_abduct", "shoulder_twist",
        "elbow", "wrist", "fingers",
    )),
)  # fmt: skip
# How far each goes at most, radians; an elbow is bent by some 44 degrees in MakeHuman's rest pose already.
LIMIT = {
    "spine": 0.8, "neck": 0.5, "hip_flex": 2.1, "hip_abduct": 0.6, "hip_twist": 0.5, "knee": 2.45, "ankle": 0.5,
    "shoulder_flex": 2.4, "shoulder_abduct": 1.5, "shoulder_twist": 0.8, "elbow": 1.65, "wrist": 0.7, "fingers": 1.2,
}  # fmt: skip
Motion = tuple[dict[str, np.ndarray], np.ndarray]  # (F,) by channel, and (F, 3) metres of the hips


def walk(frames: int, rng: np.random.Generator) -> Motion:
    """Strides of varying length, speed and swing of the arms."""
    pace = 0.9 + 0.25 * _wander(frames, rng, 3.0)
    phase = 2 * np.pi * np.cumsum(pace) / FPS + rng.uniform(0, 6)
    size = 1 + 0.35 * _wander(frames, rng, 2.0)
    angles = _still(frames)
    for side, shift in (("l", 0.0), ("r", np.pi)):
        swing = np.sin(phase + shift)
        angles[f"hip_flex_{side}"] = size * (0.15 + 0.5 * swing)
        angles[f"knee_{side}"] = size * (0.15 + 0.9 * np.clip(np.cos(phase + shift), 0, None) ** 1.5)
        angles[f"ankle_{side}"] = 0.25 * size * np.sin(phase + shift + 1)
        angles[f"shoulder_flex_{side}"] = -0.45 * size * swing
        angles[f"shoulder_abduct_{side}"] = np.full(frames, -0.45)
        angles[f"elbow_{side}"] = 0.25 - 0.35 * size * np.sin(phase + shift - 0.4)
    angles["spine_twist"] = 0.12 * size * np.sin(phase)
    angles["spine_side"] = 0.05 * np.sin(phase)
    hips = np.zeros((frames, 3))
    hips[:, 1] = 0.025 * size * np.cos(2 * phase)
    hips[:, 2] = np.cumsum(1.3 * pace * size) / FPS
    return angles, hips


def reach(frames: int, rng: np.random.Generator) -> Motion:
    """Arms to random places, now and then a hand to its own shoulder; the trunk follows."""
    angles = _still(frames)
    for side in "lr":
        keys = []
        for _ in range(frames // 15 + 2):
            folded = rng.random() < 0.4
            keys.append([
                rng.uniform(-0.4, 2.2), rng.uniform(-0.6, 1.2), rng.uniform(-0.5, 0.5),
                rng.uniform(1.2, 1.65) if folded else rng.uniform(-0.5, 1.3), rng.uniform(-0.5, 0.5), rng.uniform(0, 1),
            ])  # fmt: skip
        track = _through(np.array(keys), frames, rng)
        for column, joint in enumerate(
            ("shoulder_flex", "shoulder_abduct", "shoulder_twist", "elbow", "wrist", "fingers")
        ):
            angles[f"{joint}_{side}"] = track[:, column]
    for name, most in (("spine_bend", 0.35), ("spine_side", 0.25), ("spine_twist", 0.45), ("neck_twist", 0.4)):
        angles[name] = most * _wander(frames, rng, 1.5)
    hips = 0.05 * np.stack([_wander(frames, rng, 1.5) for _ in range(3)], 1)
    return angles, hips


def squat(frames: int, rng: np.random.Generator) -> Motion:
    """Down to the heels and up, at different speeds and depths, the arms held forward or bent."""
    angles = _still(frames)
    count = frames // 20 + 2
    depth = rng.uniform(0.35, 1.0, count)
    depth[::2] *= 0.1
    arms = np.stack([rng.uniform(0.2, 1.6, count), rng.uniform(-0.2, 1.5, count)], 1)
    track = _through(np.column_stack([depth, arms]), frames, rng, 0.45, 1.1)
    wide = 0.35 + 0.15 * _wander(frames, rng, 3.0)
    for side in "lr":
        one = np.clip(track[:, 0] * (1 + 0.06 * _wander(frames, rng, 1.0)), 0, 1.02)
        angles[f"hip_flex_{side}"], angles[f"knee_{side}"] = 1.95 * one, 2.4 * one
        angles[f"hip_abduct_{side}"], angles[f"ankle_{side}"] = wide * one, 0.35 * one
        angles[f"shoulder_flex_{side}"] = track[:, 1] * (1 + 0.1 * _wander(frames, rng, 1.0))
        angles[f"elbow_{side}"] = track[:, 2]
    angles["spine_bend"] = 0.6 * track[:, 0]
    hips = np.zeros((frames, 3))
    hips[:, 1] = -0.55 * track[:, 0]
    return angles, hips


def climb(frames: int, rng: np.random.Generator) -> Motion:
    """Knees drawn up in turn, the opposite arm overhead and pulled down to the shoulder, with small leaps."""
    pace = 0.7 + 0.2 * _wander(frames, rng, 2.0)
    phase = 2 * np.pi * np.cumsum(pace) / FPS + rng.uniform(0, 6)
    size = 1 + 0.15 * _wander(frames, rng, 1.5)
    angles = _still(frames)
    for side, shift in (("l", 0.0), ("r", np.pi)):
        up = 0.5 + 0.5 * np.sin(phase + shift)
        pull = 0.5 + 0.5 * np.sin(phase + shift + np.pi + 0.5)
        angles[f"hip_flex_{side}"] = size * (0.1 + 1.65 * up)
        angles[f"knee_{side}"] = size * (0.2 + 1.95 * up**0.8)
        angles[f"hip_abduct_{side}"] = 0.3 * up
        angles[f"shoulder_flex_{side}"] = size * (0.3 + 1.7 * pull)
        angles[f"shoulder_abduct_{side}"] = -0.3 + 0.6 * pull
        angles[f"elbow_{side}"] = 1.6 - 1.7 * pull * size
        angles[f"fingers_{side}"] = 0.9 * pull
    angles["spine_twist"], angles["spine_side"] = 0.3 * np.sin(phase), 0.15 * np.sin(phase + 1)
    angles["spine_bend"] = 0.15 + 0.15 * np.cos(2 * phase)
    hips = np.zeros((frames, 3))
    hips[:, 1] = 0.06 * np.abs(np.sin(phase)) * size
    return angles, hips


MOTIONS: dict[str, Callable[[int, np.random.Generator], Motion]] = {
    "walk": walk, "reach": reach, "squat": squat, "climb": climb,
}  # fmt: skip


def draw(name: str, frames: int, seed: int) -> Motion:
    """A motion of MOTIONS at FPS, within LIMIT, that begins and ends in the middle of it."""
    rng = np.random.default_rng([seed, list(MOTIONS).index(name)])
    angles, hips = MOTIONS[name](frames, rng)
    for channel, track in angles.items():
        limit = next(most for start, most in LIMIT.items() if channel.startswith(start))
        angles[channel] = np.clip(track, -limit if channel[:4] not in ("knee", "elbo") else -0.6, limit)
    return angles, hips


def _still(frames: int) -> dict[str, np.ndarray]:
    return {channel: np.zeros(frames) for channel in CHANNELS}


def _wander(frames: int, rng: np.random.Generator, period: float) -> np.ndarray:
    """(F,) smooth noise within some -1 to 1 whose waves last `period` seconds and less."""
    time = np.arange(frames) / FPS
    waves = [rng.uniform(0.4, 1) * np.sin(2 * np.pi * f * time / period + rng.uniform(0, 6.3)) for f in (1, 1.7, 2.3)]
    return np.sum(waves, 0) / 2


def _through(
    keys: np.ndarray, frames: int, rng: np.random.Generator, least: float = 0.35, most: float = 0.9
) -> np.ndarray:
    """(F, C) from key to key of (N, C), each in `least` to `most` seconds, without a jerk (Flash and Hogan 1985, eq.
    3); from the first key again where they end."""
    out: list[np.ndarray] = []
    number = 0
    while len(out) < frames:
        steps = int(rng.uniform(least, most) * FPS)
        s = np.arange(steps)[:, None] / steps
        start, end = keys[number % len(keys)], keys[(number + 1) % len(keys)]
        out.extend(start + (end - start) * (10 * s**3 - 15 * s**4 + 6 * s**5))
        number += 1
    return np.array(out[:frames])


def sequence(names: list[str], frames: int, seed: int) -> Motion:
    """Motions of MOTIONS one after another, each as long, without a break: one fades into the next."""
    lengths = np.diff(np.linspace(0, frames, len(names) + 1).round().astype(int))
    parts = [
        draw(name, int(length) + FADE, seed + at) for at, (name, length) in enumerate(zip(names, lengths, strict=True))
    ]
    ramp = (1 - np.cos(np.pi * (np.arange(FADE) + 0.5) / FADE)) / 2
    angles, hips = {channel: track[:0] for channel, track in parts[0][0].items()}, np.zeros((0, 3))
    for number, (own, place) in enumerate(parts):
        if not number:
            angles, hips = own, place
            continue
        for channel, track in own.items():
            before = angles[channel]
            mixed = before[-FADE:] * (1 - ramp) + track[:FADE] * ramp
            angles[channel] = np.concatenate([before[:-FADE], mixed, track[FADE:]])
        place = place + (hips[-FADE] - place[0]) * [1, 0, 1]
        mixed = hips[-FADE:] * (1 - ramp[:, None]) + place[:FADE] * ramp[:, None]
        hips = np.concatenate([hips[:-FADE], mixed, place[FADE:]])
    return {channel: track[:frames] for channel, track in angles.items()}, hips[:frames]
