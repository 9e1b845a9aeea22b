"""The sidebar tab "VRChat", top to bottom as the work goes; one file a sub-panel. Panels only draw."""

from . import check, export, main

CLASSES = (*main.CLASSES, *check.CLASSES, *export.CLASSES)  # in the order of the tab
