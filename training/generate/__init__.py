"""The headless generator: a folder of avatars in, a dataset of faces with samples out.

`command` is what a user sees, `work` what one process does, `samples` the format; the processes are `learning.workers`.
"""

from .command import main as main
