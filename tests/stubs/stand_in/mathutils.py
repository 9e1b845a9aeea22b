"""There to be imported; nothing is called before a mesh is read."""

Vector = Matrix = Quaternion = tuple
