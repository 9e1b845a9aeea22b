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
    left_out,
    parts,
    preview,
    provider,
    speak,
    tuning,
    use_face,
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
    *left_out.CLASSES,
    *use_face.CLASSES,
    *export.CLASSES,
    *dataset.CLASSES,
    *learn.CLASSES,
    *provider.CLASSES,
)
