"""`make test-ui`: the add-on used as a person would, in a real window of Debian's Blender with a real mouse.

:mod:`.debian` makes a Debian with that Blender in a folder; :mod:`.__main__` plays :mod:`.story` in it.
"""
