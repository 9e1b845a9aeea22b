"""The sidebar tab "VRChat", top to bottom as the work goes; one file per sub-panel. Panels only draw."""

from . import avatar, check, dataset, export, keys, landmarks, learn, main, preview, shapes, tuning

CLASSES = (  # in the order of the tab
    *main.CLASSES,
    *avatar.CLASSES,
    *landmarks.CLASSES,
    *shapes.CLASSES,
    *tuning.CLASSES,
    *keys.CLASSES,
    *learn.CLASSES,
    *preview.CLASSES,
    *check.CLASSES,
    *export.CLASSES,
    *dataset.CLASSES,
)
