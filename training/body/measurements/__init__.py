"""Nine measurements of a body in its rest pose."""
