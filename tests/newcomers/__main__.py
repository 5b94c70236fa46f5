"""Play the newcomers, and print what they typed and how long each took: `python -m tests.newcomers`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.newcomers.play import NEWCOMERS, played
from tests.wheel import build

with tempfile.TemporaryDirectory() as folder:
    wheel = build(Path(folder))
    for name in NEWCOMERS:
        story = played(name, Path(folder) / name, wheel)
        print(f"{name}: {story.seconds:.1f} s")
        for line in story.typed:
            print(f"    $ {line}")
