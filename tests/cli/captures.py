"""The captures in docs/inspection.md: what commands show on a terminal of 80 cells.

python -m tests.cli.captures makes them in tmux. The test runs the commands without it and compares.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

from tests.lab.processes import RECORDER, until

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "inspection.md"
WIDTH = 80
_BLOCK = re.compile(r"```console\n\$ recorder ([^\n]*)\n(.*?)```", re.DOTALL)
_END = "-- end --"


def captures(text: str) -> list[tuple[str, str]]:
    """The commands in a document, without `recorder`, and what stands below each."""
    return _BLOCK.findall(text)


def environment() -> dict[str, str]:
    """That of somebody without any setting of their own, who wants no colours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    return kept | {"LANG": "C.UTF-8", "NO_COLOR": "1"}


def rerun(command: str) -> str:
    """What it shows on a terminal of that width, without a terminal."""
    env = environment() | {"FORCE_COLOR": "1", "COLUMNS": str(WIDTH)}
    arguments = [RECORDER, *shlex.split(command)]
    return subprocess.run(arguments, cwd=ROOT / "cassettes", env=env, capture_output=True, text=True, check=True).stdout


def in_tmux(command: str) -> str:
    """What it shows in tmux."""
    with tempfile.TemporaryDirectory() as folder:
        tmux = ["tmux", "-S", f"{folder}/socket", "-f", os.devnull]
        script = f"{shlex.quote(RECORDER)} {command}; echo '{_END}'; read _"
        size = ["-x", str(WIDTH), "-y", "300"]
        subprocess.run(
            [*tmux, "new-session", "-d", *size, script], cwd=ROOT / "cassettes", env=environment(), check=True
        )

        def shown() -> str:
            capture = [*tmux, "capture-pane", "-p"]
            return subprocess.run(capture, capture_output=True, text=True, check=True).stdout

        try:
            until(lambda: _END in shown(), "the command ended")
            return shown().partition(_END)[0]
        finally:
            subprocess.run([*tmux, "kill-server"], check=True)


def main() -> None:
    """Write the captures into the document."""

    def captured(found: re.Match[str]) -> str:
        return f"```console\n$ recorder {found[1]}\n{in_tmux(found[1])}```"

    DOCUMENT.write_text(_BLOCK.sub(captured, DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
