"""`python -m training.corrective.fit_mesh_with_joints`: `corrective train` with --model_type with_joints."""

from __future__ import annotations

import sys

from .. import commands
from . import train

if __name__ == "__main__":
    sys.exit(commands.run(lambda: train.main(sys.argv[1:], "with_joints")))
