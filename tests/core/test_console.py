"""Text for a console of any encoding, or for none."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
from blendshape_addon import console
console.prepare()
console.say("a.blend → “b” アバター")
console.say("wrong …", error=True)
print("é")
console.flush()
"""


def said(encoding, **options):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    return subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=False, **options)


@pytest.mark.parametrize(
    ("encoding", "lines"),
    [
        ("utf-8", ["a.blend → “b” アバター", "é"]),
        ("cp932", ["a.blend → “b” アバター", r"\xe9"]),
        ("cp1252", [r"a.blend -> “b” \u30a2\u30d0\u30bf\u30fc", "é"]),
        ("ascii", [r'a.blend -> "b" \u30a2\u30d0\u30bf\u30fc', r"\xe9"]),
    ],
)
def test_what_an_encoding_lacks_becomes_plain(encoding, lines):
    done = said(encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode(encoding).splitlines() == lines
    assert done.stderr.decode(encoding).startswith("wrong ")


def test_nobody_has_to_read_it():
    reading, writing = os.pipe()
    os.close(reading)
    script = SCRIPT.replace('print("é")\n', "")
    done = subprocess.run(
        [sys.executable, "-c", script + "import os; os._exit(0)"], stdout=writing, stderr=writing, check=False
    )
    os.close(writing)
    assert done.returncode == 0
