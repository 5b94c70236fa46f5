"""How does this checkout compare with another one, both measured in one run?

    git clone . /tmp/other && git -C /tmp/other checkout cddfe22
    python -m benchmarks.against /tmp/other [--rounds 9]

Each checkout has a process of its own that runs its own code; the two take turns, so what disturbs the machine for a
while disturbs both. Printed is the median of the ratios other / this: above 1, this checkout is the faster one.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CHILD = """
import sys, tempfile
from contextlib import ExitStack
from pathlib import Path
from benchmarks import engine, wrk
from benchmarks.standins import Recorded, stand_in
with ExitStack() as stack:
    recorded = Recorded(Path(stack.enter_context(tempfile.TemporaryDirectory())), 1000)
    standin, triples = engine.engine(recorded.recording), recorded.recording.triples
    server = stack.enter_context(stand_in(recorded.cassette)) if wrk.missing() is None else None
    for number, line in enumerate(sys.stdin):
        if line == "engine\\n":
            print(engine.spend(standin, engine.asked(standin, triples, f"round{number}")), flush=True)
        else:
            print(wrk.load(server, recorded.requests, "polls", 2.0).cpu, flush=True)
"""
_STARTS = {
    "--help": ["--help"],
    "ls": ["ls", "CASSETTE"],
    "show": ["show", "CASSETTE", "1"],
    "stats": ["stats", "CASSETTE"],
}


class Checkout:
    """A process that measures one checkout when asked to."""

    def __init__(self, folder: Path) -> None:
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            cwd=folder, env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def ask(self, what: str) -> float:
        """CPU time (µs) of a request: of the `engine` alone, or of the server behind its `front`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(what, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def start(self, arguments: list[str]) -> float:
        """CPU time (s) of a whole command."""
        cassette = str(ROOT / "cassettes" / "preview-session.cassette")
        command = [sys.executable, "-m", "recorder", *(cassette if a == "CASSETTE" else a for a in arguments)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=self.environment, cwd=os.sep, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main() -> int:
    """Measure, print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("other", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=["engine", "front", "start"], action="append")
    asked = parser.parse_args()
    this, other = Checkout(ROOT), Checkout(asked.other)
    wanted = asked.only or ["engine", "front", "start"]
    try:
        for what in ("engine", "front"):
            if what in wanted:
                pairs = [(this.ask(what), other.ask(what)) for _ in range(asked.rounds + 1)][1:]
                _print(what, pairs, "µs of CPU a request", 1)
        for name, arguments in _STARTS.items() if "start" in wanted else ():
            pairs = [(this.start(arguments), other.start(arguments)) for _ in range(asked.rounds + 1)][1:]
            _print(f"recorder {name}", pairs, "ms of CPU", 1000)
    finally:
        this.close()
        other.close()
    return 0


def _print(what: str, pairs: list[tuple[float, float]], unit: str, factor: float) -> None:
    this, other = (statistics.median(side) * factor for side in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{what}: {this:.1f} {unit}, the other {other:.1f}: other / this {ratio:.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
