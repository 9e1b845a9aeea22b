"""There to be imported, and to measure; nothing is drawn without a window."""


def size(font: int, points: float) -> None:
    """The size of what `dimensions` measures, which stays the same."""


def dimensions(font: int, words: str) -> tuple[float, float]:
    return 6.0 * len(words), 11.0
