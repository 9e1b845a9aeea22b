"""There to be imported; nothing is called before a file is opened."""
