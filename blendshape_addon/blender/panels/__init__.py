"""The sidebar tab "VRChat", top to bottom as the work goes; one file a sub-panel. Panels only draw."""

from . import check, dataset, export, keys, main

CLASSES = (*main.CLASSES, *keys.CLASSES, *check.CLASSES, *export.CLASSES, *dataset.CLASSES)  # in the order of the tab
