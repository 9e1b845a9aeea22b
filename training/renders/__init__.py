"""Pictures of rigs with exact truth: for what reads faces in clips, and for what is trained on pictures of people.

person = people.person(rig, seed=3)
picture, truth = render(Scene(person, looks.random(rng), units={"jawOpen": 0.5}, gaze=((10, 0), (10, 0))))
"""

from .scene import Scene, Truth, flow, render

__all__ = ["Scene", "Truth", "flow", "render"]
