"""Run one harness in this process; `python -m tests.fuzz` starts one such process after the other.

python -m tests.fuzz.running NAME FOLDER --seconds 60 --seed 1    # findings, and the input under way, go to FOLDER
python -m tests.fuzz.running NAME FOLDER --reduce FILE            # tell what an input brings, and make it smaller
"""

from __future__ import annotations

import argparse
import hashlib
import mmap
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from . import harnesses
from .guarding import HANG, MEMORY, told
from .mutating import LARGEST, mutated

CORPUS = Path(__file__).parent / "corpus"
ADDRESSES = 6 << 30  # bytes of address space: a runaway input ends in MemoryError, not with the machine
SLOWER = 6  # times as long an input may take while atheris measures its coverage
SHRINKING = 15.0  # seconds for making a finding smaller
_HEAD = 16  # bytes: the number of inputs so far, and the length of the one under way

Test = Callable[[bytes], object]


def corpus(name: str) -> list[bytes]:
    """Return the committed inputs of a harness."""
    folder = CORPUS / name
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []


def kept(folder: Path, data: bytes) -> Path:
    """Keep an input in a file named by its content."""
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


class Notebook:
    """What this process has done, in a file that outlives it: the number of inputs, and the input under way."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._kinds, self._count = folder, set[str](), 0
        path = folder / "under-way"
        path.write_bytes(bytes(_HEAD + LARGEST))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def feed(self, test: Test, data: bytes, seconds: float) -> None:
        """Feed an input; keep it if it is a finding of a new kind."""
        data = data[:LARGEST]
        self._count += 1
        self._map[: _HEAD + len(data)] = self._count.to_bytes(8, "big") + len(data).to_bytes(8, "big") + data
        found = told(test, data, seconds, MEMORY)
        if found is not None and found.kind not in self._kinds:
            self._kinds.add(found.kind)
            kept(self._folder, data)


def left_in(folder: Path) -> tuple[int, bytes]:
    """Return the number of inputs that a process was given, and the last one."""
    data = (folder / "under-way").read_bytes()
    return int.from_bytes(data[:8], "big"), data[_HEAD:][: int.from_bytes(data[8:_HEAD], "big")]


def by_seed(name: str, seconds: float, seed: int, notebook: Notebook) -> None:
    """Change inputs of the corpus at random for some time; all that are in it come first."""
    harness, random, end = harnesses.load(name), Random(seed), time.monotonic() + seconds
    pool, tokens = [*corpus(name), b""], getattr(harness, "TOKENS", ())
    most = getattr(harness, "SECONDS", HANG)
    for data in pool:
        notebook.feed(harness.TestOneInput, data, most)
    while time.monotonic() < end:
        notebook.feed(harness.TestOneInput, mutated(random.choice(pool), pool, tokens, random), most)


def by_atheris(name: str, seconds: float, seed: int, notebook: Notebook, folder: Path) -> None:
    """Let atheris choose inputs by the coverage that they bring, and end this process."""
    import atheris

    with atheris.instrument_imports(include=["recorder"]):
        harness = harnesses.load(name)
    most = SLOWER * getattr(harness, "SECONDS", HANG)
    work, words = folder / "work", folder / "words"
    work.mkdir()
    for data in corpus(name):
        kept(work, data)
    words.write_text(
        "\n".join(
            ["# tokens", *(f'"{_escaped(token)}"' for token in getattr(harness, "TOKENS", (b"\xff",)) if token), ""]
        )
    )
    options = {
        "max_total_time": max(1, round(seconds)), "seed": seed + 1, "max_len": LARGEST // 8, "dict": words,
        "timeout": 300, "rss_limit_mb": 0, "print_final_stats": 1, "artifact_prefix": f"{work}/",
    }  # fmt: skip
    atheris.Setup(
        [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(work)],
        lambda data: notebook.feed(harness.TestOneInput, data, most),
    )
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\x{b:02x}" for b in token)


def reduce(name: str, path: Path) -> int:
    """Tell what an input brings, and write a smaller one that brings the same beside it; 0 if it brings nothing."""
    harness, data = harnesses.load(name), path.read_bytes()
    seconds = getattr(harness, "SECONDS", HANG)
    found = told(harness.TestOneInput, data, seconds, MEMORY)
    if found is None:
        return 0
    less = smaller(harness.TestOneInput, data, found.kind, seconds)
    last = told(harness.TestOneInput, less, seconds) or found
    print(f"{found.kind}\n{last.text}{less[:300]!r}")
    if less != data:
        path.unlink()
    print(kept(path.parent, less))
    return 1


def smaller(test: Test, data: bytes, kind: str, seconds: float) -> bytes:
    """Return a smaller input with the same finding: each part is left out that can be."""
    end, size = time.monotonic() + SHRINKING, max(len(data) // 2, 1)
    while size and time.monotonic() < end:
        at = 0
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            found = told(test, shorter, seconds)
            if found is not None and found.kind == kind:
                data = shorter
            else:
                at += size
        size //= 2
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(harnesses.names()))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--reduce", type=Path)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    if given.reduce is not None:
        sys.exit(reduce(given.name, given.reduce))
    notebook = Notebook(given.folder)
    if given.atheris:
        by_atheris(given.name, given.seconds, given.seed, notebook, given.folder)
    by_seed(given.name, given.seconds, given.seed, notebook)


if __name__ == "__main__":
    main()
