"""What the buttons do, one file per kind. A UserError becomes a report and leaves everything as it was."""

from . import (
    background,
    check,
    dataset,
    export,
    generate,
    keys,
    landmarks,
    learn,
    parts,
    preview,
    provider,
    speak,
    tuning,
)

CLASSES = (
    *background.CLASSES,
    *parts.CLASSES,
    *landmarks.CLASSES,
    *generate.CLASSES,
    *tuning.CLASSES,
    *preview.CLASSES,
    *speak.CLASSES,
    *keys.CLASSES,
    *check.CLASSES,
    *export.CLASSES,
    *dataset.CLASSES,
    *learn.CLASSES,
    *provider.CLASSES,
)
