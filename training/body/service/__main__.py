"""`python -m training.body.service serve` or `work`: the server, or a worker beside it."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from ... import commands

if __name__ == "__main__":
    os.environ.update({name: os.environ.get(name, value) for name, value in commands.ONE_THREAD.items()})


def main(arguments: list[str]) -> None:
    """Raises InputError for settings that are none."""
    import uvicorn

    from . import app, worker
    from .settings import Settings

    parser = argparse.ArgumentParser(prog="python -m training.body.service", description=__doc__)
    parser.add_argument("what", choices=("serve", "work"))
    given = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = Settings.read(os.environ)
    settings.folder.mkdir(parents=True, exist_ok=True)
    if given.what == "work":
        worker.work(settings)
    else:
        uvicorn.run(app.create(settings), host=settings.host, port=settings.port)


if __name__ == "__main__":
    sys.exit(commands.run(lambda: main(sys.argv[1:])))
