"""Implement `recorder edit`."""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import click

from ...errors import EditError, UsageError
from ...files import folder_of
from ...printable import counted
from ..loading import facts, policy_of
from ..options import InputFile, OutputFile, force_option, offers, output_option
from ..saying import say
from ..writing import must_be_writable, write_text, writing

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 20  # mistakes that are told
_STDIO = Path("-")
_LONGEST = 1 << 30  # bytes of a text


class Source(InputFile):
    """The path of an existing file with the text of a cassette, or `-` for stdin."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path, and remember it as an input of the command."""
        return _STDIO if str(value) == str(_STDIO) else super().convert(value, param, ctx)


class Target(OutputFile):
    """The path of a file to write, or `-` for stdout."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        return _STDIO if str(value) == str(_STDIO) else super().convert(value, param, ctx)


@click.command("edit")
@click.argument("cassette", metavar="[FILE]", type=InputFile(), required=False, shell_complete=offers("cassettes"))
@output_option
@click.option(
    "--to", "target", metavar="TEXT", type=Target(), help="Write the cassette as text into this file, or - for stdout."
)
@click.option(
    "--from",
    "source",
    metavar="TEXT",
    type=Source(),
    help="Make the cassette from the text in this file, or - for stdin.",
)
@force_option
def command(
    cassette: Path | None, *, output: Path | None, target: Path | None, source: Path | None, force: bool
) -> None:
    """Edit a cassette as text (TOML), for variants of a recording.

    Opens $VISUAL or $EDITOR with the text of FILE, and makes a sealed cassette of the saved text, with new triples and
    a new index. The cassette is written to -o; without -o, --force replaces FILE. --to writes the text, --from reads
    one. Nothing is lost: a text without a change gives the sealed form of FILE, byte by byte. A mistake is printed with
    its line, and nothing is written. docs/edit.md explains the keys.

    \b
    Example:  recorder edit session.cassette -o refused.cassette
              recorder edit session.cassette --to session.toml
              recorder edit --from session.toml -o refused.cassette
    """
    if target is not None and (source is not None or output is not None):
        raise UsageError("--to writes a text, -o and --from are for a cassette; give one of both")
    if target is not None:
        _write_text(_given(cassette), target, force=force)
        return
    if output is None and not (force and cassette is not None):
        raise UsageError(
            "give the new cassette, e.g. -o variant.cassette, or --force to replace the old one, or --to session.toml "
            "to write the text"
        )
    if output is not None:
        must_be_writable(output, force=force)
    if source is None:
        _edit(_given(cassette), output or _given(cassette), force=force)
    else:
        _write(source, output or _given(cassette), cassette, force=force)


def _given(cassette: Path | None) -> Path:
    if cassette is None:
        raise UsageError("name the cassette to edit, e.g. recorder edit session.cassette -o variant.cassette")
    return cassette


def _text_of(cassette: Path) -> Iterator[str]:
    from ...editing.writing import to_text

    with facts(cassette) as found:
        yield from to_text(found.header, found.records)


def _write_text(cassette: Path, target: Path, *, force: bool) -> None:
    """Write the text of a cassette to a file or stdout."""
    if target == _STDIO:
        for part in _text_of(cassette):
            click.echo(part, nl=False)
        return
    must_be_writable(target, force=force)
    write_text(target, _text_of(cassette), force=force, redaction=[policy_of(cassette)])
    say(f"{target}: written; recorder edit --from {shlex.quote(str(target))} -o NEW.cassette makes a cassette of it")


def _read(source: Path) -> str:
    """Return the text in a file, or from stdin.

    Raises:
        EditError: If it is no UTF-8.
    """
    from ...dialect.mistakes.toml import undecodable
    from ...files import read_text

    try:
        return sys.stdin.buffer.read(_LONGEST).decode() if source == _STDIO else read_text(source)
    except UnicodeDecodeError as exc:
        line, problem = undecodable(exc)
        raise EditError(str(source), "text", problem, line=line) from exc


def _edit(cassette: Path, new: Path, *, force: bool) -> None:
    """Let the user edit the text of a cassette until it has no mistake, and write the new cassette.

    The text is kept if the user gives up, or if there is no terminal to ask on.
    """
    folder = Path(mkdtemp(prefix="recorder-edit-"))
    path = folder / f"{cassette.stem}.toml"
    write_text(path, _text_of(cassette), force=False, redaction=["none"])
    before = path.read_bytes()
    with _keeping(path, new, force=force):
        while True:
            _open(path)
            if not path.is_file():
                raise UsageError("the editor left no text, so nothing is written")
            if path.read_bytes() == before:
                say("nothing was changed, and nothing is written")
                break
            try:
                _write(path, new, cassette, force=force)
            except EditError as exc:
                can_ask = sys.stdin.isatty() and sys.stderr.isatty()
                if can_ask and click.confirm(f"recorder: {exc}\nEdit it again?", default=True, err=True):
                    continue
                raise
            break
    path.unlink()
    with suppress(OSError):  # the editor keeps a file of its own there
        folder.rmdir()


@contextmanager
def _keeping(path: Path, new: Path, *, force: bool) -> Iterator[None]:
    """Say where the text is if the block fails in any way, also by Ctrl-C: it may be the work of hours."""
    try:
        yield
    except BaseException as exc:
        if path.is_file():
            words = ("recorder", "edit", "--from", str(path), "-o", str(new), *["--force"] * force)
            todo = "correct it, and" if isinstance(exc, EditError) else "to make a cassette of it"
            say(f"the text is kept; {todo}: {shlex.join(words)}")
        raise


def _open(path: Path) -> None:
    """Open an editor and wait for its end.

    Raises:
        UsageError: If it cannot be run, or fails.
    """
    if not (os.environ.get("VISUAL") or os.environ.get("EDITOR") or sys.stdin.isatty()):  # click would take vi
        then = shlex.join(("recorder", "edit", "--from", str(path)))
        raise UsageError(f"there is no terminal for an editor; change {path}, then: {then} -o NEW")
    try:
        click.edit(filename=str(path))
    except click.ClickException as exc:
        raise UsageError(f"{exc.format_message()}; set VISUAL or EDITOR") from exc
    except ValueError as exc:  # a quotation mark without its second, or a NUL
        raise UsageError(f"VISUAL or EDITOR is no command: {exc}; set it anew") from exc


def _write(source: Path, new: Path, cassette: Path | None, *, force: bool) -> None:
    """Make a cassette of a text, and tell what is odd about it.

    Raises:
        EditError: If the text has mistakes: the last one that is told, the others were told before.
    """
    from ...cassette.reader import open_cassette
    from ...editing.reading import from_text, write

    name = "stdin" if source == _STDIO else str(source)
    try:
        header, records = from_text(_read(source), name)
    except EditError as exc:
        *others, last = exc.problems[:_SHOWN]
        for problem in others:
            say(str(problem))
        raise last from exc
    before = [policy_of(cassette)] if cassette is not None else []
    with writing(new, force=force, redaction=[header.redaction, *before]) as file:
        write(file, header, records, name, folder_of(new))
        file.flush()
        with open_cassette(Path(file.name)) as written:
            written.verify()
    say(f"{new}: {counted(len(records), 'record')}, sealed")
    _warn(new)


def _warn(cassette: Path) -> None:
    """Say what makes the session impossible, e.g. two requests with one number of an exchange."""
    from ...diagnose.check import Level
    from ...diagnose.doctor import examine

    for finding in examine(cassette, time.time(), None):
        if finding.level is Level.PROBLEM:
            say(f"warning: {finding.kind} at {finding.where}: {finding.text}")
