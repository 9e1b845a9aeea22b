"""There to be imported; nothing is drawn without a window."""

batch_for_shader = None
