"""The networks: checked files, providers that truly work, and the deformer itself."""
