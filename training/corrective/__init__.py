"""Corrective deformer: learns what linear skinning misses from frames of a mesh and of a better surface for them."""
