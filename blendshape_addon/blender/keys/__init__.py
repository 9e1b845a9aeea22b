"""Shape keys: written, read, checked, ordered and taken off."""
