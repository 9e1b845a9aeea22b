"""What drives an avatar from a clip: the networks that read faces, and what is trained beside them."""
