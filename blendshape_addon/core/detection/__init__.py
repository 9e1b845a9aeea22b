"""Finding a face on any mesh, or taking the landmarks that somebody placed."""
