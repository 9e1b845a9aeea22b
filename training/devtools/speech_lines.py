"""`make speech`: the sentences that the preview speaks, each as sound and as the times of its sounds.

English is spoken by flite with its voice slt, Japanese by Open JTalk with the voice Mei; both say when each sound ends.
The same programs make the same files byte for byte. Needs Debian's packages flite and sox.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyopenjtalk

FOLDER = Path(__file__).resolve().parents[2] / "blendshape_addon" / "core" / "motion" / "lines"
RATE = 16000  # samples per second of what is written: speech has little above 8 kHz
ENGLISH = "Hello! Thank you for choosing my voice. Shall we talk, my friend?"
JAPANESE = "こんにちは。わたしの声を選んでくれて、ありがとうございます。"
_WITHIN_LABEL = re.compile(r"-(.*?)\+")  # the sound in a full-context label of Open JTalk


@dataclass(frozen=True)
class Line:
    """A spoken sentence. sounds: each with the second at which it ends, the first begins at 0."""

    text: str
    voice: str
    sounds: list[tuple[str, float]]


def english(sound: Path) -> Line:
    """Write the English sentence to a WAV file."""
    command = ["flite", "-voice", "slt", "-psdur", "-t", ENGLISH, "-o", str(sound)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pairs = [word.split(":") for word in said.split()]
    return Line(ENGLISH, "flite, cmu_us_slt", [(name, float(end)) for name, end in pairs])


def japanese(sound: Path) -> Line:
    """Write the Japanese sentence to a WAV file. A sound lasts as long as it does alone: Open JTalk's durations follow
    from each label by itself."""
    engine = pyopenjtalk.HTSEngine(str(Path(pyopenjtalk.__file__).parent / "htsvoice" / "mei_normal.htsvoice").encode())
    labels = pyopenjtalk.extract_fullcontext(JAPANESE)
    samples = engine.synthesize(labels)
    lengths = [len(engine.synthesize([label])) for label in labels]
    if sum(lengths) != len(samples):
        raise SystemExit("The times of the Japanese sounds do not add up to the length of the sentence.")
    rate = engine.get_sampling_frequency()
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())
    names = [_WITHIN_LABEL.search(label)[1] for label in labels]
    ends = np.cumsum(lengths) / rate
    return Line(JAPANESE, 'Open JTalk, HTS Voice "Mei"', list(zip(names, ends.tolist(), strict=True)))


def text(line: Line) -> str:
    """`line` as TOML."""
    rows = [f"  [{json.dumps(name)}, {end:.3f}]," for name, end in line.sounds]
    head = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in (("text", line.text), ("voice", line.voice))
    ]
    return "\n".join(
        ["# Made by `make speech`. sounds: each with the second at which it ends.", *head, "sounds = [", *rows, "]", ""]
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for language, speak in (("en", english), ("ja", japanese)):
            spoken, file = Path(folder) / f"{language}.wav", FOLDER / f"{language}.ogg"
            (FOLDER / f"{language}.toml").write_text(text(speak(spoken)), encoding="utf-8")
            # -R: the same noise and stream number each time. The gain leaves both sentences equally loud.
            convert = ["sox", "-R", str(spoken), "-C", "4", str(file), "rate", str(RATE), "norm", "-3"]
            subprocess.run(convert, check=True)
            print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB", file=sys.stderr)


if __name__ == "__main__":
    main()
