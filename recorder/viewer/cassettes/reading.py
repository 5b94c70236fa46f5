"""Answer what the page of one cassette asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from ..cassette.reader import open_cassette
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect
from ..errors import CassetteError
from ..views import report, selection
from ..views.document import pack
from ..views.report import Source


class Reading:
    """One cassette. One thread at a time reads it.

    Attributes:
        title: Title of its page.
    """

    def __init__(self, path: Path, name: str, root: Path | None, dialect: Dialect | None) -> None:
        """Take where the cassette is, and by which dialect it is read; None takes its own.

        Args:
            path: The file.
            name: Its name for people.
            root: The folder out of which no link may lead; None for no limit.
            dialect: The dialect to read it by.
        """
        self.title = name
        self._path, self._root, self._dialect, self._lock = path, root, dialect, Lock()

    def ask(self, name: str, given: Mapping[str, str]) -> Any:  # noqa: ARG002  # parameters come with the questions
        """Return the answer to a question of the page; None if there is no such question."""
        with self._lock:
            return self._rows() if name == "rows" else None

    def _rows(self) -> bytes:
        if self._root is not None and not self._path.resolve().is_relative_to(self._root.resolve()):
            raise CassetteError(self.title, "is a link that leads out of the folder", hint="name the file itself")
        with open_cassette(self._path) as cassette:
            rules = self._dialect or dialect_of(cassette.header)
            source = Source(self.title, cassette.header, cassette.records(), rules)
            parts = report.parts([source], most=selection.MOST)
        return pack(report.document(parts, self.title)).encode("utf-8", "replace")
