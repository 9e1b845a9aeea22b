"""Face rigs with shapes, made into training data."""
