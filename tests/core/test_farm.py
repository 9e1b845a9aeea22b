"""The render farm's job: the commands that it makes are ones that the command line takes."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from blendshape_addon.options import parser

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "farm" / "vrc_blendshape.js"
MANAGER = """
const author = {
    Task: (name, type) => ({ name, type, commands: [], after: [],
        addCommand(command) { this.commands.push(command); },
        addDependency(task) { this.after.push(task.name); } }),
    Command: (name, parameters) => ({ name, parameters }),
};
const settings = { avatars: "/shared/in", output: "/shared/out" };
for (const one of JOB_TYPE.settings) if (one.default !== undefined) settings[one.key] = one.default;
settings.tasks = 3;
const tasks = [];
compileJob({ settings, addTask: (task) => tasks.push(task) });
console.log(JSON.stringify(tasks));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_flamenco_job():
    """As Flamenco's Manager compiles it: parts of the folder, then the summary of the whole."""
    script = SCRIPT.read_text(encoding="utf-8") + MANAGER
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    tasks = json.loads(done.stdout)
    assert [task["name"] for task in tasks] == ["part-1", "part-2", "part-3", "summary"]
    assert tasks[-1]["after"] == ["part-1", "part-2", "part-3"]
    parts = []
    for task in tasks:
        ((command,),) = (task["commands"],)
        assert (command["name"], command["parameters"]["exe"], task["type"]) == ("exec", "{blender}", "blender")
        words = command["parameters"]["args"]
        assert words[:3] == ["-b", "--command", "vrc_blendshape"]
        options = parser().parse_args(words[3:])
        assert (options.input, options.output) == ([Path("/shared/in")], Path("/shared/out"))
        parts.append(options.part)
    assert parts == [(1, 3), (2, 3), (3, 3), None]
