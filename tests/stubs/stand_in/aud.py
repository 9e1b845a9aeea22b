"""There to be imported; nothing sounds without a window."""
