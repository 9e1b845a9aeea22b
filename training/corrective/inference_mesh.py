"""`python -m training.corrective.inference_mesh`: `corrective infer`, whose model knows its type."""

from __future__ import annotations

import sys

from .. import commands
from . import infer

if __name__ == "__main__":
    sys.exit(commands.run(lambda: infer.main(sys.argv[1:])))
