"""Implement `recorder dialect`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...printable import counted, printable, shown
from ..group import Named
from ..loading import read
from ..options import InputFile, NameOrFile, cassettes_argument, force_option, output_option
from ..saying import say
from ..verdict import announce
from ..writing import must_be_writable, write_text

if TYPE_CHECKING:
    from ...suggest import Suggestion

_QUESTIONS = 5  # that are asked at most


@click.group("dialect", cls=Named)
def command() -> None:
    """List, print, check and suggest dialects. A dialect names the operations of an API, and the places of their ids.

    \b
    Example:  recorder dialect suggest session.cassette -o mine.toml
              recorder dialect check mine.toml
              recorder recorrelate session.cassette --dialect mine.toml
    """


@command.command("check", short_help="Print every mistake in dialects.")
@click.argument("dialects", metavar="FILE...", nargs=-1, required=True, type=InputFile(at_url=False))
def check(dialects: tuple[Path, ...]) -> None:
    """Check dialects: print every mistake with its line, its cause and what to write; exit code 1 for mistakes.

    A line without an effect is a mistake too: a path that leads to no value, a key that only requests have, an
    operation that no request can be. An unusual line is a warning.

    \b
    Example:  recorder dialect check mine.toml
    """
    from ...dialect.parsing import examined_file
    from ..checking import checked

    wrong = False
    for file in dialects:
        found = checked(file, examined_file)
        wrong = wrong or found is None
        if found is not None:
            dialect, doubts = found
            for doubt in doubts:
                announce(f"warning: {doubt}")
            told = f"{counted(len(doubts), 'warning')}, no mistakes" if doubts else "no mistakes"
            held = f"{counted(len(dialect.operations), 'operation')}, {counted(len(dialect.event_keys), 'key')}"
            announce(printable(f"{file}: {dialect.name}: {held}; {told}"))
    if wrong:
        raise SystemExit(1)


@command.command("suggest", short_help="Derive a dialect from the traffic in cassettes.")
@cassettes_argument
@output_option
@force_option
@click.option("--yes", is_flag=True, help="Ask nothing, and keep the doubtful lines.")
def suggest(cassettes: tuple[Path, ...], *, output: Path | None, force: bool, yes: bool) -> None:
    """Derive a dialect from the traffic in cassettes. Each line has a comment that gives its evidence.

    More cassettes give a better dialect. On a terminal, the command asks about doubtful lines. Comments at the end of
    the dialect list the events that it does not explain. Exit code 5 if the cassettes hold no events, or no requests.

    \b
    Example:  recorder dialect suggest session.cassette -o mine.toml
              recorder recorrelate session.cassette --rules mine.toml
    """
    if output is not None:
        must_be_writable(output, force=force)
    found, redaction = _suggested(cassettes, output, ask=not yes)
    if output is None:
        click.echo(found.text, nl=False)
    else:
        write_text(output, [found.text], force=force, redaction=redaction)
    _tell(found)


@command.command("show", short_help="Print a shipped dialect, or the one in a cassette.")
@click.argument("name", metavar="[NAME|CASSETTE]", type=NameOrFile(at_url=True), default="gws-outbound")
def show(name: str) -> None:
    """Print a shipped dialect, as a start for a dialect of your own, or the dialect that a cassette holds.

    \b
    Example:  recorder dialect show gws-outbound > mine.toml
              recorder dialect show session.cassette > mine.toml
    """
    from ...cassette.reader import open_cassette
    from ...dialect.carried import held
    from ...dialect.definition import source
    from ...fleet.store.places import place

    path = place(name)
    if not path.is_file():
        click.echo(source(name), nl=False)
        return
    with open_cassette(path) as cassette:
        text = held(cassette.header) or source(cassette.header.dialect)
    click.echo(shown(text).encode(), nl=False)


@command.command("ls", short_help="List the shipped dialects.")
def ls() -> None:
    """List the shipped dialects.

    \b
    Example:  recorder dialect ls
    """
    from ...dialect.definition import names

    click.echo("\n".join(names()))


def _suggested(cassettes: Sequence[Path], output: Path | None, *, ask: bool) -> tuple[Suggestion, list[str]]:
    """Return a suggestion for some cassettes, and the policies by which these were redacted.

    Args:
        cassettes: The cassettes.
        output: The file that the dialect will be written to; its name is that of the dialect.
        ask: Ask about doubtful lines.

    Raises:
        CassetteError: If a cassette cannot be read.
        NothingSelected: If there is nothing to learn.
    """
    from ...suggest import suggest as derive

    read_ones = [read(path) for path in cassettes]
    name = re.sub(r"[^\w-]", "-", output.stem, flags=re.ASCII)[:64] if output is not None else ""
    found = derive(read_ones, name or "suggested")
    refused = _asked(found) if ask and sys.stdin.isatty() and sys.stderr.isatty() else []
    if refused:
        found = derive(read_ones, name or "suggested", refused)
    return found, [one.header.redaction for one in read_ones]


def _tell(found: Suggestion) -> None:
    """Print how many events a dialect explains, and how many were explained before."""
    say(f"{counted(found.events, 'event')}: {found.before} explained before, {found.after} by this dialect")
    if found.unexplained:
        left = counted(len(found.unexplained), "event is", "events are")
        say(f"{left} not explained; comments at the end of the dialect name them")


def _asked(found: Suggestion) -> list[tuple[str, str]]:
    """Ask about the doubtful lines; return those that the user knows to be wrong."""
    return [
        (one.operation, one.event)
        for one in found.doubts[:_QUESTIONS]
        if not click.confirm(
            printable(
                f"{one.event} follows {one.operation} ({one.requests} of {one.of} requests) without a common value. "
                "Is it caused by it?"
            ),
            default=True,
            err=True,
        )
    ]
