"""Record for a URL: a recording is written bit by bit, which no store takes, so it is a file here until its end."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from weakref import finalize

from ...errors import OutputError, RecorderError
from ...files import Remote


class Working:
    """The file that a recording is written to; one for a URL is in a folder of its own, and put there at the end.

    Attributes:
        target: Where the recording is wanted.
        path: Where it is written.
    """

    def __init__(self, target: Path, *, force: bool = False) -> None:
        """Make the folder, if one is needed.

        Args:
            target: Where the recording is wanted.
            force: Replace files at the URL.

        Raises:
            OutputError: If the folder cannot be made.
        """
        self.target, self._force = target, force
        self.path = target
        if isinstance(target, Remote):
            try:
                folder = tempfile.mkdtemp(prefix="recorder-")  # it outlives this process: it may hold the only copy
            except OSError as exc:
                raise OutputError(f"{tempfile.gettempdir()}: cannot be written: {exc.strerror}") from exc
            self.path = Path(folder) / target.name
            finalize(self, _remove_empty, folder)

    @property
    def is_elsewhere(self) -> bool:
        """True for a recording that is wanted at a URL."""
        return self.path != self.target

    def put(self) -> list[Path]:
        """Put the recording, with its later parts, at its URL, and remove it here; return the URLs.

        Does nothing for a recording that is wanted here, or has not begun.

        Raises:
            OutputError: If it cannot be put there; it is kept here.
        """
        if not isinstance(self.target, Remote) or not self.path.parent.is_dir():
            return []
        from .writing import put  # noqa: PLC0415  # not for a recording that is wanted here

        done: list[Path] = []
        for part in sorted(self.path.parent.iterdir(), key=lambda path: (len(path.name), path.name)):
            there = self.target.with_name(part.name)
            try:
                put(part, there, force=self._force)
            except RecorderError as exc:
                raise OutputError(f"{exc}; {self.kept(part, there)}") from exc
            part.unlink()
            done.append(there)
        shutil.rmtree(self.path.parent, ignore_errors=True)
        return done

    def kept(self, part: Path | None = None, there: Path | None = None) -> str:
        """Return where the recording is, and what puts it at its URL, as the end of a sentence."""
        words = ("recorder", "seal", str(part or self.path), "-o", str(there or self.target))
        return f"the recording is kept in {part or self.path}; to put it there: {shlex.join(words)}"


def _remove_empty(folder: str) -> None:
    """Remove the folder of a recording that has not begun."""
    with suppress(OSError):  # it holds a recording, or is gone
        os.rmdir(folder)  # noqa: PTH106  # a path would be made while the interpreter ends
