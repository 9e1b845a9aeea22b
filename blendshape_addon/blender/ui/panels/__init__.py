"""The sidebar tab "VRChat", top to bottom as the work goes; one file per sub-panel. Panels only draw."""

from . import (
    artist_style,
    avatar,
    body,
    check,
    corrective,
    dataset,
    drive,
    export,
    keys,
    landmarks,
    main,
    portrait,
    preview,
    shapes,
    tuning,
)

CLASSES = (  # in the order of the tab: what comes after Generate first
    *main.CLASSES,
    *preview.CLASSES,
    *check.CLASSES,
    *export.CLASSES,
    *drive.CLASSES,
    *tuning.CLASSES,
    *avatar.CLASSES,
    *landmarks.CLASSES,
    *shapes.CLASSES,
    *keys.CLASSES,
    *artist_style.CLASSES,
    *dataset.CLASSES,
    *corrective.CLASSES,
    *body.CLASSES,
    *portrait.CLASSES,
)
