"""Find the folders that each system has for the files of its programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from . import IS_WINDOWS

_NAME = "outbound-recorder"


def cache_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Return the folder of this package for files that can be fetched again; it need not exist.

    RECORDER_CACHE names it. Else it is in the place of the system: XDG_CACHE_HOME (a relative path there is ignored,
    XDG Base Directory Specification 0.8), ~/Library/Caches on macOS, %LOCALAPPDATA% on Windows, or ~/.cache.

    Args:
        environ: The environment.
        home: Home of the user.
    """
    if own := environ.get("RECORDER_CACHE"):
        return Path(own).absolute()
    shared = Path(environ.get("XDG_CACHE_HOME", ""))
    if shared.is_absolute():
        return shared / _NAME
    if IS_WINDOWS:
        local = environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / _NAME / "Cache"
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / _NAME
