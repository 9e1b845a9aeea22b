"""What a corrective network takes and gives; core/corrective feeds it, training/corrective teaches it.

A graph has those of INPUTS that it asks for. V vertices, n condition frames, oldest first, K bones estimated from the
mesh, J joints.
"""

from __future__ import annotations

# Columns are those of one vertex or bone; "in its frame" is turned by the inverse of its own present rotation.
INPUTS = {
    "positions": "(V, 3n) metres, the vertex in every frame, as they come",
    "local": "(V, 3n) metres, in its frame: earlier places less the present one; last, the place by its bone less rest",
    "pose": "(n, K, 9) radians: rotation vectors of the three bones nearest to each bone, against it",
    "joints": "(n, J, 3) metres, as they come",
    "near": "(V, 9n) metres, in its frame: the three joints nearest at rest in every frame, less the vertex",
}
OUTPUT = "corrected"  # (V, 3) metres: as they come where the card's space is absolute, else offsets in its frame
SPACES = ("local", "absolute")
NEIGHBOURS = 3  # bones by which a bone's pose is told, and joints by which a vertex's is
# What the mesh was at rest, as further outputs that depend on no input.
CONSTANTS = {
    "rest": "(V, 3) metres",
    "bone_index": "(V, 4) bones that the vertex follows, the strongest first",
    "bone_weight": "(V, 4) how much, adding up to 1",
    "bone_near": "(K, 3) bones nearest to each bone",
    "joint_near": "(V, 3) joints nearest at rest, of a model that takes joints",
}
