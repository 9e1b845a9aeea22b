"""A small bent sheet with made-up shapes as an instance to train on."""

import numpy as np

from blendshape_addon.core.face.parts import Part
from blendshape_addon.core.vocabulary import CONDITIONS
from training.data import dataset, surface_rings


def grid(side):
    """(side², 3) vertices of a flat sheet that faces +z, and its triangles."""
    y, x = np.mgrid[:side, :side]
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(side * side)], 1) / (side - 1) - [0.5, 0.5, 0]
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    lower = np.stack([corner, corner + 1, corner + side + 1], 1)
    upper = np.stack([corner, corner + side + 1, corner + side], 1)
    return vertices, np.concatenate([lower, upper])


def instance(seed=0, side=12):
    rng = np.random.default_rng(seed)
    vertices, triangles = grid(side)
    vertices = vertices + [0, 0, 1] * np.cos(vertices[:, :1])
    waves = rng.normal(size=(2, len(CONDITIONS), 3)) * 0.1
    targets = np.cos(3 * vertices[:, :1, None]) * waves[0] + np.sin(2 * vertices[:, 1:2, None]) * waves[1]
    return dataset.Instance(
        canonical=vertices.astype(np.float32),
        normals=np.tile(np.float16([0, 0, 1]), (len(vertices), 1)),
        side=np.zeros((len(vertices), 3), np.float16),
        part=np.full(len(vertices), Part.SKIN, np.int8),
        to_face=np.tile(np.eye(3, dtype=np.float32), (len(vertices), 1, 1)),
        targets=targets.astype(np.float16),
        energy=(targets**2).sum(-1).mean(0).astype(np.float32),
        known=np.ones(len(CONDITIONS), bool),
        places=vertices.astype(np.float32),
        triangles=surface_rings.sampled_triangles(vertices, triangles, np.arange(len(vertices))),
    )


def folder(path, **changes):
    """A dataset of two artists' faces in `path`, with some fields of each changed."""
    path.mkdir(parents=True)
    for number, artist in enumerate(("anna", "bert")):
        one = instance(number)
        vars(one).update(changes)
        dataset.save(one, path / f"{artist}__sheet__0000.safetensors")
    return path
