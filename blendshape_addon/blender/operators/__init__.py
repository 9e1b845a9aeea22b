"""What the buttons do, one file a kind. A UserError becomes a report and leaves everything as it was."""

from . import check, dataset, export, generate, keys

CLASSES = (*generate.CLASSES, *keys.CLASSES, *check.CLASSES, *export.CLASSES, *dataset.CLASSES)
