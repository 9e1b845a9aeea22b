"""Training in general: the loop, checkpoints, processes, files. It knows no dataset and no network."""
