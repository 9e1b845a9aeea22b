"""A person's face, and what MediaPipe reads in pictures of it: the truth that the readers of faces are held to.

`python -m tests.faces.person MODEL` makes `person.npz` anew: MODEL is `face_landmarker.task`, of the wheel that
training/motion/convert.py pins. It needs an environment of its own with mediapipe 0.10.14, scikit-image and numpy
below 2, for nothing else of the project runs there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("person.npz")


def pictures(face: np.ndarray) -> dict[str, np.ndarray]:
    """Names and (H, W, 3) uint8 pictures, made of one of a face."""
    height, width = face.shape[:2]
    wide = np.pad(face, ((20, 60), (150, 10), (0, 0)), mode="edge")
    twice = face.repeat(2, axis=0).repeat(2, axis=1)
    down, across = np.mgrid[:height, :width]
    leaning = face[(down + across // 4 - width // 8).clip(0, height - 1), across]
    found = {
        "plain": face,
        "mirrored": face[:, ::-1],
        "dark": (face * 0.4).astype(np.uint8),
        "at the side": wide,
        "twice as large": twice,
        "leaning": leaning,
    }
    return {name: np.ascontiguousarray(picture) for name, picture in found.items()}


def stored() -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray], tuple[str, ...]]:
    """The face, and by picture MediaPipe's (478, 3) landmarks in pixels and its (52,) scores, and their names."""
    with np.load(FILE) as file:
        landmarks = {name: file[f"{name}: landmarks"].astype(float) for name in pictures(file["face"])}
        scores = {name: file[f"{name}: scores"] for name in landmarks}
        return file["face"], landmarks, scores, tuple(file["names"])


def make(model: str) -> None:
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision
    from skimage import data

    face = data.astronaut()[36:196, 144:304]
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=model), output_face_blendshapes=True, num_faces=1
    )
    arrays: dict[str, np.ndarray] = {"face": face}
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for name, picture in pictures(face).items():
            read = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))
            points = np.array([[one.x, one.y, one.z] for one in read.face_landmarks[0]])
            height, width = picture.shape[:2]
            arrays[f"{name}: landmarks"] = (points * [width, height, width]).astype(np.float32)
            arrays[f"{name}: scores"] = np.array([one.score for one in read.face_blendshapes[0]], np.float32)
    arrays["names"] = np.array([one.category_name for one in read.face_blendshapes[0]])
    np.savez_compressed(FILE, **arrays)


if __name__ == "__main__":
    make(sys.argv[1])
