"""Avatars with several faults at once, through the core and through real Blender.

`python -m tests.fuzz --cases 10000` says for each kind of fault what became of the avatars that had it. A case ends in
shapes that pass the check, some of them left out with a reason, or in a refusal of one sentence; anything else is a
defect, and its case is printed as it can be run again.
"""
