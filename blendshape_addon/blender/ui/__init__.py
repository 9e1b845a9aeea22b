"""Buttons, panels, settings and what they show."""
