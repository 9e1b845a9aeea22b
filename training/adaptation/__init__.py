"""The deformer taught one artist's style from a few of that artist's shapes."""
