"""Write the output files of commands: whole or not at all, and never over a file that the command reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from ..errors import UsageError
from ..files import Remote, is_same_place, open_regular
from ..model import IN_CLEAR, Header, Record
from ..output import refuse, replacing
from ..printable import counted
from .saying import complain, into, say

if TYPE_CHECKING:
    from ..monitoring.log import LogFile

_LOOKED_AT = 64  # bytes at the beginning of a log: a cassette has others there than text
_INPUTS = f"{__name__}.inputs"


def add_input(path: Path, *, is_content: bool) -> None:
    """Remember a file that the running command reads.

    Args:
        path: The file.
        is_content: Whether the output is made of the content, so that nobody may read the output who may not read the
            file; False for settings.

    Raises:
        UsageError: If stdout or stderr is redirected into the file.
    """
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta.setdefault(_INPUTS, {})[path] = is_content
    if isinstance(path, Remote):
        return
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        try:
            out, there = os.fstat(descriptor), path.stat()
        except OSError:  # it is closed, or there is no such file
            continue
        if stat.S_ISREG(out.st_mode) and os.path.samestat(out, there):
            raise UsageError(
                f"{path}: {name} is redirected into this file, which the command reads; choose another file"
            )


def must_be_writable(output: Path, *, force: bool) -> None:
    """Refuse an output file that must not or cannot be written, before any work is done for it.

    Raises:
        UsageError: If the file is one that the command reads, no regular file, written by a recorder, or exists without
            `force`.
        OutputError: If the file or its folder cannot be written.
    """
    refuse(output, _inputs(), force=force)


@contextmanager
def logging_into(path: Path | None, *, beside: Path | None = None, takes_all: bool = False) -> Iterator[LogFile | None]:
    """Let messages go into a log file in the block, also; None without a path.

    Args:
        path: The log.
        beside: The output of the command, which cannot be the log as well.
        takes_all: Take what all loggers of the process say.

    Raises:
        UsageError: If the file is one that the command reads or writes, or holds something else than text.
        OutputError: If the file cannot be written.

    """
    if path is None:
        yield None
        return
    from ..monitoring.log import opened

    if beside is not None and is_same_place(path, beside):
        raise UsageError(f"{path}: the command writes this file; choose another name for the log")
    refuse(path, _inputs(), force=True)
    if path.exists():
        with open_regular(path) as file:
            if b"\0" in file.read(_LOOKED_AT):
                raise UsageError(f"{path}: is no log, and nothing is added to it; choose another name for the log")
    with opened(path, complain, takes_all=takes_all) as log, into(log):
        yield log


@contextmanager
def writing(output: Path, *, force: bool, redaction: Iterable[str]) -> Iterator[IO[bytes]]:
    """Write an output file whole or not at all: it takes its place when the block ends without an error.

    Args:
        output: The file to write.
        force: Replace an existing file.
        redaction: Policies of the cassettes that the output is made of; without redaction only the owner may read it.

    Raises:
        UsageError: If the file is no regular file, written by a recorder, or exists without `force`.
        OutputError: If the file cannot be written, e.g. because the disk is full; an old file is unchanged.
    """
    private = bool(IN_CLEAR.intersection(redaction))
    content = [path for path, is_content in _inputs().items() if is_content]
    with replacing(output, force=force, like=content, private=private) as file:
        yield file


def write_text(output: Path, text: Iterable[str], *, force: bool, redaction: Iterable[str]) -> None:
    """Write texts as one UTF-8 file; the arguments and errors are those of `writing`.

    UTF-8 cannot hold a lone surrogate: its JSON escape is written instead.
    """
    with writing(output, force=force, redaction=redaction) as file:
        for part in text:
            file.write(part.encode("utf-8", "backslashreplace"))


def write_journal(output: Path, header: Header, records: Iterable[Record], *, force: bool) -> None:
    """Write records as a journal, and print how many there are; the errors are those of `writing`."""
    from ..cassette.codec import encode

    write_frames(output, header, map(encode, records), force=force)


def write_frames(output: Path, header: Header, frames: Iterable[bytes], *, force: bool) -> None:
    """Write encoded records as a journal, and print how many there are; the errors are those of `writing`."""
    from ..cassette.codec import encode_header

    count = 0
    with writing(output, force=force, redaction=[header.redaction]) as file:
        file.write(encode_header(header))
        for frame in frames:
            file.write(frame)
            count += 1
    say(f"{output}: {counted(count, 'record')}")


def _inputs() -> dict[Path, bool]:
    context = click.get_current_context(silent=True)
    found: dict[Path, bool] = context.meta.get(_INPUTS, {}) if context is not None else {}
    return found
