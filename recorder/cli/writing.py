"""Write new cassettes, for the commands that derive them from other files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import CaptureError
from ..model import Header, Record
from .saying import say


def write_journal(path: Path, header: Header, records: Iterable[Record], *, force: bool) -> None:
    """Write records as a journal, and print how many there are.

    Raises:
        CaptureError: If the disk is full.
        UsageError: If the file exists and `force` is not given, or the file cannot be written.
    """
    from ..cassette.codec import encode

    write_frames(path, header, map(encode, records), force=force)


def write_frames(path: Path, header: Header, frames: Iterable[bytes], *, force: bool) -> None:
    """Write encoded records as a journal, and print how many there are.

    Raises:
        CaptureError: If the disk is full.
        UsageError: If the file exists and `force` is not given, or the file cannot be written.
    """
    from ..cassette.journal import create

    journal = create(path, header, force=force)
    count = 0
    try:
        for frame in frames:
            journal.append([frame])
            count += 1
        journal.sync()
    except OSError as exc:
        raise CaptureError(f"{path}: writing failed after {count} records: {exc.strerror}") from exc
    finally:
        journal.close()
    say(f"{path}: {count} records")
