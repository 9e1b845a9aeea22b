"""Shapes over time."""
