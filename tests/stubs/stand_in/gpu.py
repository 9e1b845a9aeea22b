"""There to be imported; nothing is drawn without a window."""
