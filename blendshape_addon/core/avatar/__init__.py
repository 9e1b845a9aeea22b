"""What a file says of an avatar: its meshes, bones, names and keys."""
