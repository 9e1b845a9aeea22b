"""`python -m training.corrective.fit_mesh`: `python -m training corrective train` with --model_type without_joints."""

from __future__ import annotations

import sys

from .. import commands
from . import train

if __name__ == "__main__":
    sys.exit(commands.run(lambda: train.main(sys.argv[1:], "without_joints")))
