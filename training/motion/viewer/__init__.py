"""A window that plays a clip with what was read of it; it needs PySide6, the extra `viewer`, and no PyTorch."""
