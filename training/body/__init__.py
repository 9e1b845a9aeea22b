"""A body from a photo: people found in it, a body fitted to one of them, and nine measurements of it."""
