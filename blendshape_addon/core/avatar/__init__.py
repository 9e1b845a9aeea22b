"""What a file tells of an avatar: its meshes, bones, names and keys."""
