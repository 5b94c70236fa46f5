"""Reads exports by the libraries of others, in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Literal

_HERE = Path(__file__).parent


def checked(kind: Literal["har", "trace", "mermaid"], text: str, folder: Path) -> Any:
    """What a reader of the format makes of a text; an AssertionError with its complaint if it refuses it."""
    assert (_HERE / "node_modules" / "done").exists(), f"run `make tests/{_HERE.name}/node_modules/done`"
    file = folder / f"export.{kind}"
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
    command = ["node", str(_HERE / "check.mjs"), kind, str(file)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)
