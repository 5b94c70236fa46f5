"""Send signals to child processes of asyncio."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress


def send(child: asyncio.subprocess.Process, number: int) -> None:
    """Send a signal to a child process, which may have ended; its exit code stays for asyncio.

    `child.send_signal`, `terminate` and `kill` look first whether the child has ended (`Popen.poll`). That takes its
    exit code from under asyncio if it ended a moment ago: asyncio then warns of an unknown child, and says 255.
    """
    if child.returncode is None:
        with suppress(ProcessLookupError):  # asyncio has its exit code, and tells it in the loop's next turn
            os.kill(child.pid, number)
