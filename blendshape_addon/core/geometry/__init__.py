"""Meshes, pictures and fields as mathematics: nothing here knows a face."""
