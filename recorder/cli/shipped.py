"""Find the files that the wheel ships beside the code: cassettes and scripts for mitmproxy."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ..errors import RecorderError


def shipped(folder: str, name: str) -> Path:
    """Return the path of a shipped file: inside the installed package, or beside it in a checkout.

    Raises:
        RecorderError: If the installation lacks the file.

    """
    package = Path(str(files("recorder")))
    for place in (package / folder / name, package.parent / folder / name):
        if place.is_file():
            return place
    raise RecorderError(f"{folder}/{name} is not installed; reinstall outbound-recorder")
