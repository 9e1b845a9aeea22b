"""The headless generator: a folder of avatars in, a dataset of faces with samples out.

`command` is what a user sees, `work` what one process does, `workers` the processes, `samples` the format.
"""

from .command import main as main
