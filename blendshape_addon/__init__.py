"""VRChat Blendshape Generator: visemes, emotions, blinks and face tracking shapes for any avatar, made by a network.

`core` is the product without Blender; `blender` puts it on real meshes and is imported only inside Blender.
"""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent until somebody asks, see blender/debug_log.py


def register() -> None:
    from . import blender

    blender.register()


def unregister() -> None:
    from . import blender

    blender.unregister()
