"""Files and meshes into and out of Blender."""
