"""Experiments on the design, each with its table."""
