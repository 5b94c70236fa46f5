"""Where output goes: plain text and JSON into pipes; tables that fit, colours and a pager onto terminals."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

import click

from ..errors import NothingSelected, RecorderError
from ..printable import to_json
from ..views.screen import Screen


def screen() -> Screen | None:
    """The terminal that stdout is; None where it is none, and nothing forces colours (https://force-color.org)."""
    forced = bool(os.environ.get("FORCE_COLOR"))
    if not forced and not _is_terminal():
        return None
    # NO_COLOR counts where it is not empty (https://no-color.org); it wins, as the one that can always be read
    color = not os.environ.get("NO_COLOR") and (forced or os.environ.get("TERM") != "dumb")
    return Screen(get_terminal_size().columns, color=color)


def write(chunks: Iterable[str]) -> None:
    """Print texts as they come: into a pager on a terminal, which ends by itself if one screen is enough."""
    if _is_terminal():
        os.environ.setdefault("LESS", "FRX")  # as git does
        # click's own end of line is the last one; whether there are colours was decided when it was drawn
        click.echo_via_pager(_without_last_newline(chunks), color=True)
        return
    for chunk in chunks:
        click.echo(chunk, nl=False, color=True)  # colours are there only if they are wanted


def fitted(text: str, indent: int = 6) -> str:
    """Lines of text; on a screen the long ones go on below, under `indent` cells."""
    on = screen()
    return text if on is None else "".join(on.line(line, indent=indent) for line in text.removesuffix("\n").split("\n"))


def _without_last_newline(chunks: Iterable[str]) -> Iterator[str]:
    held = ""
    for chunk in chunks:
        yield held + chunk.removesuffix("\n")
        held = "\n" if chunk.endswith("\n") else ""


def json_text(value: Any) -> str:
    """A value as it is printed for programs."""
    return f"{_json(value)}\n"


def _json(value: Any, indent: int | None = 2) -> str:
    # half a surrogate pair, as in the name of a file that is no UTF-8, becomes its JSON escape
    return to_json(value, indent=indent).encode("utf-8", "backslashreplace").decode()


def json_list(rows: Iterable[Any], *, lines: bool, several: Several | None = None) -> Iterator[str]:
    """A list as JSON while it grows: as one list, or a line a row.

    Of files of which none could be read there is no list: a damaged cassette is no empty one.
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


@dataclass(slots=True)
class Several:
    """A pass over several files: one that cannot be read is told, the rest goes on, and the exit code remembers it."""

    code: int = 0
    found: bool = False  # something was selected

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Read one file in here."""
        try:
            yield
        except RecorderError as exc:
            click.echo(f"recorder: {exc}", err=True)
            self.code = self.code or exc.exit_code

    def finish(self, paths: tuple[Path, ...], wanted: str | None) -> None:
        """End with the code of what could not be read, else tell that nothing was found where something was sought.

        Raises:
            NothingSelected: If nothing was selected from files that could be read.
        """
        if self.code:
            raise SystemExit(self.code)
        if wanted is not None and not self.found:
            where = str(paths[0]) if len(paths) == 1 else f"{len(paths)} cassettes"
            raise NothingSelected(f"{where}: nothing fits {wanted!r}")


def _is_terminal() -> bool:
    return sys.stdout.isatty()
