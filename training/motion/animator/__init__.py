"""A network that moves a portrait as a face in a clip moves: its data, losses, figures, training and use."""
