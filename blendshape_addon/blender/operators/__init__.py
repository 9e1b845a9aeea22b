"""What the buttons do, one file a kind. A UserError becomes a report and leaves everything as it was."""

from . import check, export, generate

CLASSES = (*generate.CLASSES, *check.CLASSES, *export.CLASSES)
