"""Print output: plain text and JSON into pipes; fitted tables, colours and a pager on terminals."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, Self, TypeVar

import click

from ..errors import NothingSelected, RecorderError
from ..printable import counted, to_json
from ..temporary import temporary_text
from ..views.screen import Screen
from .saying import say
from .verdict import owe

T = TypeVar("T")


def screen() -> Screen | None:
    """Return the screen of stdout, None if stdout is no terminal and FORCE_COLOR (https://force-color.org) is unset."""
    forced = bool(os.environ.get("FORCE_COLOR"))
    if not forced and not _is_terminal():
        return None
    # a NO_COLOR that is not empty (https://no-color.org) beats FORCE_COLOR: text without colours is always readable
    color = not os.environ.get("NO_COLOR") and (forced or os.environ.get("TERM") != "dumb")
    return Screen(get_terminal_size().columns, color=color)


def write(chunks: Iterable[str]) -> None:
    """Print texts as they come; on a terminal through a pager, which ends by itself if one screen is enough."""
    if _is_terminal():
        os.environ.setdefault("LESS", "FRX")  # the default of git: quit if one screen, keep colours, do not clear
        # click adds the last newline; color=True, because `screen` already decided about colours
        click.echo_via_pager(_without_last_newline(chunks), color=True)
        return
    for chunk in chunks:
        click.echo(chunk, nl=False, color=True)  # `screen` already decided about colours


def fitted(text: str, indent: int = 6) -> str:
    """Return lines of text; on a screen a long line continues below, indented by `indent` cells."""
    on = screen()
    return text if on is None else "".join(on.line(line, indent=indent) for line in text.removesuffix("\n").split("\n"))


def _without_last_newline(chunks: Iterable[str]) -> Iterator[str]:
    held = ""
    for chunk in chunks:
        yield held + chunk.removesuffix("\n")
        held = "\n" if chunk.endswith("\n") else ""


def json_text(value: Any) -> str:
    """Return the printed JSON of a value, with a newline."""
    return f"{_json(value)}\n"


def _json(value: Any, indent: int | None = 2) -> str:
    # UTF-8 cannot hold a lone surrogate (from a file name that is not UTF-8): its JSON escape is printed instead
    return to_json(value, indent=indent).encode("utf-8", "backslashreplace").decode()


def json_list(rows: Iterable[Any], *, lines: bool, several: Several | None = None) -> Iterator[str]:
    """Yield a list as JSON while it grows: as one list, or with `lines` as one row per line.

    Nothing is printed if no file could be read: a damaged cassette must not look like an empty one.

    Args:
        rows: The rows.
        lines: One row per line (JSON Lines).
        several: The pass over the files that gives the rows, if there is one.
    """
    begun = False
    for row in rows:
        if lines:
            yield f"{_json(row, None)}\n"
            continue
        text = _json(row).replace("\n", "\n  ")
        yield f"{',' if begun else '['}\n  {text}"
        begun = True
    if begun:
        yield "\n]\n"
    elif not lines and (several is None or not several.code):
        yield "[]\n"


class Lines:
    """Rows of JSON that wait in a temporary file, not in memory; use it as a context manager."""

    def __init__(self) -> None:
        self._file = temporary_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        self._file.seek(0)
        yield from map(json.loads, self._file)

    def add(self, row: Any) -> None:
        """Append a row."""
        self._file.write(f"{json.dumps(row)}\n")

    def mark(self) -> int:
        """Return where the rows end so far."""
        return self._file.tell()

    def cut(self, mark: int) -> None:
        """Drop all rows behind a mark."""
        self._file.seek(mark)
        self._file.truncate()


@contextmanager
def all_or_none(parts: Iterable[Lines]) -> Iterator[None]:
    """Drop the rows that were added within this context if it ends with an error."""
    marks = [(part, part.mark()) for part in parts]
    try:
        yield
    except BaseException:
        for part, mark in marks:
            part.cut(mark)
        raise


def json_object(parts: Mapping[str, Lines]) -> Iterator[str]:
    """Yield a JSON object whose members are lists of rows, as `json_text` prints it."""
    opening = "{"
    for name, rows in parts.items():
        begun = False
        yield f"{opening}\n  {_json(name)}: ["
        for row in rows:
            text = _json(row).replace("\n", "\n    ")
            yield f"{',' if begun else ''}\n    {text}"
            begun = True
        yield "\n  ]" if begun else "]"
        opening = ","
    yield "\n}\n"


@dataclass(slots=True)
class Several:
    """A pass over several files that reports a file it cannot read, goes on, and remembers the exit code."""

    code: int = 0
    found: bool = False  # True once something was selected

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Read one file within this context; an error is printed and does not end the pass."""
        try:
            yield
        except RecorderError as exc:
            say(str(exc))
            self.code = self.code or exc.exit_code
            owe(self.code)  # also if the reader of stdout hangs up before the pass ends

    def finding(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items, and remember that there are some."""
        for item in items:
            self.found = True
            yield item

    def finish(self, paths: tuple[Path, ...], wanted: str | None) -> None:
        """End the command: with the exit code of the first file that could not be read, if any.

        Args:
            paths: The files of the pass.
            wanted: The filter, None without one.

        Raises:
            SystemExit: If a file could not be read.
            NothingSelected: If all files could be read and nothing fits the filter.
        """
        if self.code:
            raise SystemExit(self.code)
        if wanted is not None and not self.found:
            where = str(paths[0]) if len(paths) == 1 else counted(len(paths), "cassette")
            raise NothingSelected(f"{where}: nothing fits {wanted!r}")


def _is_terminal() -> bool:
    return sys.stdout.isatty()
