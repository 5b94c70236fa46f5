"""Read frames that are asked for one behind the other: many bytes at a time, and each frame out of these."""

from __future__ import annotations

from typing import IO

from .frames import OVERHEAD, Frame, frame_in, read_frame

_AHEAD = 256 << 10  # bytes that are read at once
_NEAR = 64 << 10  # bytes that may be left out between two frames without a new start


class Window:
    """A part of a file in memory, which moves on with the frames that are asked for.

    A frame that is far from the one before is read alone, so that a look-up here and there reads no more than it needs.
    """

    def __init__(self, file: IO[bytes], size: int, path: str) -> None:
        """Take a file that others may read, too.

        Args:
            file: The file.
            size: Its size in bytes.
            path: Its name, for errors.
        """
        self._file, self._size, self._path = file, size, path
        self._start, self._content = 0, b""
        self._next = 0  # byte behind the frame that was asked for last

    def frame(self, offset: int) -> Frame:
        """Return the frame that starts at a byte of the file.

        Raises:
            TornTail: If the file ends inside the frame.
            CassetteError: If no intact frame starts there.
        """
        start = offset - self._start
        found = frame_in(self._content, start, offset) if start >= 0 else None
        if found is None and 0 <= offset - self._next < _NEAR:
            self._file.seek(offset)
            self._start, self._content = offset, self._file.read(min(_AHEAD, self._size - offset))
            found = frame_in(self._content, 0, offset)
        if found is None:  # it is far off, longer than the window, or damaged
            self._file.seek(offset)
            found = read_frame(self._file, offset, self._size, path=self._path)
        self._next = offset + OVERHEAD + len(found.body)
        return found
