"""What redaction costs a recorder: the same load through recorders with and without it, in turn, in one run.

    python -m benchmarks.recording [--rounds N] [--exchanges N] [--json]

Prints the exchanges per second of each (medians), and the ratio; the target is at least 0.85.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.servers import serving

_TARGET = 0.85
_SETTINGS: dict[str, tuple[str, ...]] = {"redacted": (), "in the clear": ("--no-redaction",)}
_RECORDER = str(Path(sys.executable).with_name("recorder"))


async def _rate(folder: Path, upstream: str, options: tuple[str, ...], exchanges: int) -> float:
    """Exchanges per second through one recorder, which is warm."""
    command = [_RECORDER, "record", upstream, "-o", str(folder / "s.cassette"), "--force", "--listen", "127.0.0.1:0"]
    async with serving([*command, *options], folder) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        await _load(url, exchanges // 4)
        return await _load(url, exchanges)


async def _load(url: str, exchanges: int) -> float:
    command = [sys.executable, "-m", "benchmarks.wire", "load", url, "--exchanges", str(exchanges)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return float(output)


async def measure(rounds: int, exchanges: int) -> dict[str, float]:
    """The median rate of each setting, measured in turn so that both see the same machine."""
    rates: dict[str, list[float]] = {name: [] for name in _SETTINGS}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with serving([sys.executable, "-m", "benchmarks.wire", "serve"], folder) as upstream:
            for _ in range(rounds):
                for name, options in _SETTINGS.items():
                    rates[name].append(await _rate(folder, f"http://127.0.0.1:{upstream.port}", options, exchanges))
    return {name: median(found) for name, found in rates.items()}


def main(arguments: list[str] | None = None) -> int:
    """Run it; exit code 1 if the target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--exchanges", type=int, default=3000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rates = asyncio.run(measure(options.rounds, options.exchanges))
    ratio = rates["redacted"] / rates["in the clear"]
    if options.json:
        print(json.dumps(rates | {"ratio": ratio, "target": _TARGET}))
    else:
        for name, rate in rates.items():
            print(f"{name:>14}: {rate:7.1f} exchanges/s")
        print(f"         ratio: {ratio:7.3f}, target at least {_TARGET}")
    return int(ratio < _TARGET)


if __name__ == "__main__":
    sys.exit(main())
