"""A folder of avatars on a Dask cluster: python dask_batch.py SCHEDULER AVATARS OUTPUT [options of generate]"""

import os
import shlex
import subprocess
import sys

from dask.distributed import Client, progress

TOOL = shlex.split(os.environ.get("VRC_BLENDSHAPE", "blender -b --command vrc_blendshape"))
scheduler, avatars, output, *options = sys.argv[1:]
generate = [*TOOL, "generate", avatars, "--output", output, *options]
with Client(scheduler) as client:
    tasks = 8 * len(client.nthreads())
    parts = [[*generate, "--part", f"{k}/{tasks}"] for k in range(1, tasks + 1)]
    futures = client.map(subprocess.run, parts, check=True, retries=2, pure=False)
    progress(futures)
    client.gather(futures)
sys.exit(subprocess.run(generate, check=False).returncode)  # everything is done: this writes the summary
