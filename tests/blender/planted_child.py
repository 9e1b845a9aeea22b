"""The command line with planted shapes in place of the network, alone or as the child of a batch.

The name of the avatar file says what becomes of it: `dies` while it writes, `crashes`, `hangs` (as long as a file
`hang` lies beside it), `fails` a check; any other is done.
"""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import planted_generate

from blendshape_addon import cli, console
from blendshape_addon.blender.io import files
from blendshape_addon.blender.jobs import batch, one_avatar

AVATAR = Path(sys.argv[2])


def generate(avatar, options, **others):
    if "dies" in AVATAR.stem:
        files.unfinished(Path(sys.argv[sys.argv.index("--output") + 1])).write_bytes(b"half of it")
        os.kill(os.getpid(), signal.SIGKILL)
    if "crashes" in AVATAR.stem:
        os.kill(os.getpid(), signal.SIGSEGV)
    while "hangs" in AVATAR.stem and AVATAR.with_name("hang").exists():
        time.sleep(0.1)
    made = planted_generate(avatar, options, **others)
    if "fails" in AVATAR.stem:
        made.report["ok"] = made.report["shapes"][0]["ok"] = False
        made.report["shapes"][0]["notes"] = ["the lips stay 3 mm apart"]
    return made


one_avatar.generate = generate
batch.command = lambda: [sys.executable, __file__, "generate"]
status = cli.main(sys.argv[1:])
console.flush()
os._exit(status)
