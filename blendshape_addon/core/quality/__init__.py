"""Whether a shape is fit for an avatar: measures, checks, repair and the report."""
