"""What is drawn over or done in the 3D view: landmarks, previews, renders."""
