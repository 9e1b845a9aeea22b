"""Makes the models that the add-on ships: data, networks, training, export and evaluation (PyTorch)."""
