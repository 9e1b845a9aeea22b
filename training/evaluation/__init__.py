"""How good the shapes are on faces that training never saw."""
