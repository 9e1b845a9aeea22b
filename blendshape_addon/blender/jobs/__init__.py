"""The whole work on one avatar, one file or a folder."""
