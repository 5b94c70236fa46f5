"""Read a file at a URL from a copy on this machine, for who must never wait for a network."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import IO
from weakref import finalize

from ...files import Remote
from ...library.parts import Shared
from ...temporary import temporary
from .places import RemotePath

_COPIED = 1 << 22  # bytes that are copied at once


class Fetched(RemotePath):
    """The path of a file at a URL that is copied to this machine when it is opened first, for who must never wait.

    The copy has no name, and is gone with the path.
    """

    _file: IO[bytes] | None = None

    def opened(self) -> IO[bytes]:
        """Open the copy for reading; the errors are those of `RemotePath.opened`."""
        if self._file is None:
            self._file = temporary()
            finalize(self, self._file.close)
            with super().opened() as there:
                shutil.copyfileobj(there, self._file, _COPIED)
            self._file.flush()
        return io.BufferedReader(Shared(self._file))


def at_hand(path: Path) -> Path:
    """Return the path of a file that is read from this machine: that of a URL is copied when it is opened."""
    return Fetched(path.url) if isinstance(path, Remote) else path
