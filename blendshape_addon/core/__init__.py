"""The product without Blender: arrays in, arrays out. Nothing here imports bpy.

Read :mod:`.pipeline` first; it names every step.
"""
