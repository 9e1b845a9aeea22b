"""What is measured of an animator on people that it did not learn from, beside the portrait that does not move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch
from onnx.shape_inference import infer_shapes

from blendshape_addon.core.inference import registry
from blendshape_addon.core.inference.face_format import FACE
from blendshape_addon.core.motion.face import FaceReader
from blendshape_addon.core.motion.sampling import Region, sample

from .. import video_metrics
from . import conditions, dataset, losses, use
from .dataset import Clip
from .model import Animator

SHOWN = ("jawOpen", "mouthSmileLeft", "mouthPucker", "yaw", "pitch")  # columns of `dataset.KNOWN`, told by name
_BLUR = 0.04  # standard deviation of the alignment's blur, in sides of the picture


class LandmarkFeatures:
    """Features of pictures by the network that finds a face's landmarks: what it computes them from, mean over its
    places. Raises ModelError as `registry.load` does."""

    def __init__(self, side: int | None = None) -> None:
        """side: of the last features that are so many places wide; None: those that landmarks are computed from."""
        model = onnx.load_from_string(registry.load("face_landmarks").data)
        made_by = {name: node for node in model.graph.node for name in node.output}
        node = made_by["landmarks"]
        while node.op_type != "Conv":
            node = made_by[node.input[0]]
        self._name = node.input[0]
        if side is not None:
            known = {value.name: value.type.tensor_type.shape.dim for value in infer_shapes(model).graph.value_info}
            wide = {name: [one.dim_value for one in size[2:]] for name, size in known.items() if len(size) == 4}
            *_, self._name = (name for name in made_by if wide.get(name) == [side, side])
        model.graph.output.append(onnx.ValueInfoProto(name=self._name))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """(F, K) of (F, S, S, 3) uint8 pictures in the animator's window."""
        return np.stack([self.by_place(picture).mean(1) for picture in pictures])

    def by_place(self, picture: np.ndarray) -> np.ndarray:
        """(K, P) of each of the places of one (S, S, 3) uint8 picture."""
        low, high = FACE.landmark_range
        side = picture.shape[0]
        whole = Region(np.array([side / 2, side / 2]), float(side))
        pixels = sample(picture, whole, FACE.landmark_size, outside=True)
        scaled = (pixels * ((high - low) / 255) + low)[None].astype(np.float32)
        (found,) = self._session.run([self._name], {"image": scaled})
        return found.reshape(found.shape[1], -1)


@dataclass(frozen=True)
class Made:
    """What a portrait became. clip: whose motion it is; frames: (F, S, S, 3) uint8; painted: (F,) mean correction."""

    clip: Clip
    frames: np.ndarray
    painted: np.ndarray


class Measure:
    """Measures on some new people, on up to `frames` of each."""

    def __init__(self, clips: Sequence[Clip], frames: int) -> None:
        self.clips = [_cut(clip, frames) for clip in clips]
        self._reader, self._features = FaceReader(provider="cpu"), LandmarkFeatures()
        self._true = self._features.of(np.concatenate([clip.frames for clip in self.clips]))

    def of_network(self, animator: Animator) -> tuple[dict[str, float], list[Made]]:
        """Figures of an animator, and what it made of each person's portrait by the person's own motion."""
        animator.eval()
        made = [
            Made(clip, *use.moved(animator, clip.portrait, clip.rows[0], clip.frames, clip.deltas))
            for clip in self.clips
        ]
        return self.figures(made), made

    def of_copy(self) -> dict[str, float]:
        """Figures of portraits that do not move."""
        return self.figures([_unpainted(clip, clip.portrait[None].repeat(len(clip.frames), 0)) for clip in self.clips])

    def of_truth(self) -> dict[str, float]:
        """Figures of the true frames, at the animator's size: what reading at that size leaves."""
        return self.figures([_unpainted(clip, clip.frames) for clip in self.clips])

    def of_another(self, animator: Animator, drivers: bool = True) -> tuple[dict[str, float], list[Made]]:
        """Figures of portraits that are moved by the motion of somebody else: the likeness to their own pictures by the
        Fréchet distance and by colour, and the agreement with the driver. drivers: whether the animator sees the
        driver's frames beside the descriptors."""
        animator.eval()
        made = []
        half = (len(self.clips) + 1) // 2  # in the order of names a neighbour is often of the same family
        for clip, other in zip(self.clips, self.clips[half:] + self.clips[:half], strict=True):
            shown = other.frames if drivers else None
            made.append(Made(other, *use.moved(animator, clip.portrait, clip.rows[0], shown, other.deltas)))
        found = self._agreement(made) | {"frechet": self._frechet(made)}
        drift = [
            video_metrics.colour_drift(one.frames, clip.portrait[None]).mean()
            for one, clip in zip(made, self.clips, strict=True)
        ]
        return found | {"colour drift": float(np.mean(drift))}, made

    def figures(self, made: Sequence[Made]) -> dict[str, float]:
        """reconstruction: mean absolute difference; psnr: dB; ssim. alignment: mean absolute blurred residual.
        smoothness: `video_metrics.flicker`. residual: mean size of what was painted. colour drift: dE. agreement: mean
        correlation of all columns of `conditions` that move, read back, with what was read in the clip; agreement NAME
        of one; true NAME: with what is true of the clip, where that is known. frechet: distance of the features of all
        pictures; depends on their number. unread: share of the frames in which no face was read. What is infinite or
        has no value, as the psnr of equal pictures or the agreement with what stands still, is left out."""
        pairs = [(one.frames, one.clip.frames) for one in made]

        def mean(figure) -> float:
            return float(np.mean([np.mean(figure(*pair)) for pair in pairs]))

        found = {name: mean(getattr(video_metrics, name)) for name in ("l1", "psnr", "ssim")}
        found = {"reconstruction": found.pop("l1"), **found}
        found["alignment"] = mean(self._misaligned)
        found["smoothness"] = mean(video_metrics.flicker)
        found["residual"] = float(np.mean([one.painted.mean() for one in made]))
        found["colour drift"] = mean(video_metrics.colour_drift)
        found |= self._agreement(made) | {"frechet": self._frechet(made)}
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _misaligned(self, made: np.ndarray, true: np.ndarray) -> np.ndarray:
        apart = torch.from_numpy((made.astype(np.float32) - true) / 255).permute(0, 3, 1, 2)
        return losses.blurred(apart, _BLUR * made.shape[1]).abs().mean((1, 2, 3)).numpy()

    def _agreement(self, made: Sequence[Made]) -> dict[str, float]:
        read = [self.read_back(one.frames) for one in made]
        wanted = np.concatenate([one.clip.deltas for one in made])
        # Each person's own mean is left out on both sides: what is told is motion, not who it is.
        centred = [rows - np.nanmean(rows, 0) if np.isfinite(rows).any() else rows for rows in read]
        asked = np.concatenate([one.clip.deltas - one.clip.deltas.mean(0) for one in made])
        unread = float(np.isnan(np.concatenate(read)).any(1).mean())
        if unread * len(wanted) > len(wanted) - 2:
            return {"unread": unread}
        told = video_metrics.agreement(np.concatenate(centred), asked)
        columns = [conditions.COLUMNS[name] for name in SHOWN]
        found = {"agreement": float(np.nanmean(told.r))}
        found |= {f"agreement {name}": float(r) for name, r in zip(SHOWN, told.r[columns], strict=True)}
        if all(one.clip.truth is not None for one in made):
            true = np.concatenate([one.clip.truth - one.clip.truth.mean(0) for one in made])
            told = video_metrics.agreement(np.concatenate(centred)[:, columns], true)
            found |= {f"true {name}": float(r) for name, r in zip(SHOWN, told.r, strict=True)}
        return found | {"unread": unread}

    def read_back(self, frames: np.ndarray) -> np.ndarray:
        """(F, K) rows of `conditions` of made frames, NaN where no face is read."""
        told = dataset.describe(frames, self._reader)
        size = (frames.shape[2], frames.shape[1])
        whole = conditions.Window((size[0] / 2, size[1] / 2), float(size[0]))
        rows = conditions.rows(told, whole, size)
        rows[~told.found] = np.nan
        return rows

    def _frechet(self, made: Sequence[Made]) -> float:
        return video_metrics.frechet_distance(
            self._features.of(np.concatenate([one.frames for one in made])), self._true
        )


def _cut(clip: Clip, frames: int) -> Clip:
    truth = None if clip.truth is None else clip.truth[:frames]
    some = clip.frames[:frames], clip.times[:frames], clip.rows[: frames + 1]
    return Clip(clip.name, clip.portrait, *some, truth)


def _unpainted(clip: Clip, frames: np.ndarray) -> Made:
    return Made(clip, frames, np.zeros(len(frames)))
