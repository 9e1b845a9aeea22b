"""Bodies from photos as a web service: pictures are checked and queued, bodies fitted by workers and kept."""
