"""What skinning misses of a surface in motion: frames of it, and corrective shape keys that give it back."""
