"""What is kept with an avatar in the .blend file."""
