"""There to be imported; nothing is called before a sheet is drawn."""
