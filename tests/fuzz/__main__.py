"""Run all harnesses one after the other, each in a process of its own; the exit code is 1 if there are findings.

    python -m tests.fuzz --seconds 1800 --seed 1                  # the seconds are divided among the harnesses
    python -m tests.fuzz --seconds 60 --only filters,policies     # 30 seconds for each of the two

With atheris installed (the extra `fuzz`) inputs are chosen by the coverage they bring, else at random by the seed.
Findings are confirmed without atheris, made smaller, told on stdout, and kept in FOLDER/HARNESS, each as a file.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from . import harnesses
from .running import kept, left_in

GRACE = 120.0  # seconds a harness may take longer than it should, before it counts as hanging
_GUIDED = 0.75  # share of the time; random inputs are more a second, and longer
_COVERAGE = re.compile(r"cov: (\d+)")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one harness."""

    name: str
    inputs: int
    edges: int | None
    findings: tuple[str, ...]


def run(name: str, seconds: float, seed: int, findings: Path, *, atheris: bool) -> Result:
    """Run one harness for some time: at random, and with atheris for three quarters of the time by coverage."""
    harness = harnesses.load(name)
    if hasattr(harness, "attack"):
        told: list[str] = []
        return Result(name, harness.attack(seconds, seed, told.append), None, tuple(told))
    first = _by(name, seconds * (1 - _GUIDED) if atheris else seconds, seed, findings / name)
    if not atheris:
        return first
    second = _by(name, seconds * _GUIDED, seed, findings / name, "--atheris")
    return Result(name, first.inputs + second.inputs, second.edges, (*first.findings, *second.findings))


def _by(name: str, seconds: float, seed: int, findings: Path, *options: str) -> Result:
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-") as temporary:
        folder = Path(temporary)
        arguments = [name, temporary, "--seconds", str(seconds), "--seed", str(seed), *options]
        code, output = _child(arguments, seconds + GRACE)
        count, last = left_in(folder) if (folder / "under-way").exists() else (0, b"")
        suspects = [path for path in folder.iterdir() if re.fullmatch("[0-9a-f]{16}", path.name)]
        found = [text for path in suspects if (text := confirmed(name, path, findings))]
        if code:  # it died: of its last input, or of something else
            findings.mkdir(parents=True, exist_ok=True)
            found.append(f"ended with {code} at {kept(findings, last)}:\n{output[-2000:]}")
    edges = _COVERAGE.findall(output)
    return Result(name, count, int(edges[-1]) if edges else None, tuple(found))


def confirmed(name: str, path: Path, findings: Path) -> str:
    """Return what an input brings in a process without atheris, and keep its smallest form; "" if it brings nothing."""
    findings.mkdir(parents=True, exist_ok=True)
    suspect = Path(shutil.copy(path, findings))
    code, text = _child([name, str(findings), "--reduce", str(suspect)], GRACE)
    if code:
        return text
    suspect.unlink()
    return ""


def _child(arguments: list[str], limit: float) -> tuple[int, str]:
    """Run a process of `running`; return its exit code, and what it printed."""
    command = [sys.executable, "-m", "tests.fuzz.running", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as exc:
        return 1, f"killed after {limit:g} seconds; " + (exc.stderr or b"").decode(errors="replace")[-2000:]
    return done.returncode, done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="for all of them together, if they run one by one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(harnesses.names()), help="names of harnesses, with commas")
    parser.add_argument("--jobs", type=int, default=1, help="harnesses at the same time")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), metavar="FOLDER")
    parser.add_argument("--no-atheris", action="store_true", help="change inputs at random, even if atheris is there")
    given = parser.parse_args()
    chosen = given.only.split(",")
    if unknown := set(chosen) - set(harnesses.names()):
        parser.error(f"no such harness: {', '.join(sorted(unknown))}; there are {', '.join(harnesses.names())}")
    atheris = not given.no_atheris and find_spec("atheris") is not None
    print(f"{len(chosen)} harnesses, by {'atheris' if atheris else 'seed'}", flush=True)
    inputs = findings = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        results = pool.map(
            lambda name: run(name, given.seconds / len(chosen), given.seed, given.findings, atheris=atheris), chosen
        )
        for one in results:
            edges = "" if one.edges is None else f", {one.edges} edges"
            print(f"{one.name:12} {one.inputs:9} inputs{edges}, {len(one.findings)} findings", flush=True)
            for text in one.findings:
                print(f"  {text}", flush=True)
            inputs, findings = inputs + one.inputs, findings + len(one.findings)
    print(f"{inputs} inputs, {findings} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
