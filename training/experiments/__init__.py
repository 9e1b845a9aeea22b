"""Questions asked of the design, each with its table."""
