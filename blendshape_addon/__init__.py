"""VRChat Blendshape Generator: visemes, emotions, blinks and face tracking shapes for any avatar, made by a network.

`core` is the product without Blender; `blender` puts it on real meshes and is imported only inside Blender.
"""


def register() -> None:
    from . import blender

    blender.register()


def unregister() -> None:
    from . import blender

    blender.unregister()
