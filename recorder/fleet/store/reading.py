"""Open a file at a URL as Python's files are opened; its bytes come by ranges."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from typing import IO

from ...errors import InputError, RecorderError
from .problems import told
from .ranges import Source, Stored, patiently
from .readahead import Held, ReadAhead
from .web import Web

_BUFFERED = 1 << 14


@dataclass(slots=True)
class Before:
    """The parts of a file that this process has fetched, for those who open it again.

    Attributes:
        process: The process.
        content: Tells the content from others of that URL.
        held: The bytes.
    """

    process: int = 0
    content: tuple[int, str] = (-1, "")
    held: Held = field(default_factory=Held)

    def of(self, content: tuple[int, str]) -> Held:
        """Return what was fetched of a content."""
        if (self.process, self.content) != (os.getpid(), content) or not content[1]:
            self.process, self.content, self.held = os.getpid(), content, Held()
        return self.held


def opened(url: str, name: str, before: Before) -> IO[bytes]:
    """Open a file at a URL for reading.

    Args:
        url: The URL.
        name: Its text in errors, without secrets.
        before: What was fetched of it before.

    Raises:
        OSError: If the file cannot be opened.
        UsageError: If there is no library for its scheme.
    """
    try:
        source: Source = Web(url) if url.partition("://")[0].lower() in {"http", "https"} else Stored(url)
    except RecorderError:
        raise
    except Exception as exc:  # each library has errors of its own
        raise told(exc) from exc
    return io.BufferedReader(_Raw(source, name, before.of((source.size, source.mark))), _BUFFERED)


class _Raw(io.RawIOBase):
    """A file at a URL for Python's buffered reader; an error names the URL."""

    def __init__(self, source: Source, name: str, held: Held) -> None:
        self._source, self.name, self._at = source, name, 0
        self._ahead = ReadAhead(source.size, lambda start, end: patiently(source.fetch, start, end), held)
        if isinstance(source, Web) and source.first:
            held.put(0, source.first)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer is one
        try:
            found = self._ahead.read(self._at, len(buffer))
        except RecorderError:
            raise
        except Exception as exc:  # each library has errors of its own
            raise InputError(f"{self.name}: {told(exc).strerror}") from exc
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._source.close()
