"""Implement `recorder dialect`."""

from __future__ import annotations

from pathlib import Path

import click

from ...printable import printable
from ..options import InputFile, NameOrFile
from ..verdict import announce


@click.group("dialect")
def command() -> None:
    """List, print and check dialects: what one REST + Bayeux API calls an operation, and where its ids are.

    \b
    Example:  recorder dialect show gws-outbound > mine.toml
              recorder dialect check mine.toml
              recorder recorrelate session.cassette --dialect mine.toml
    """


@command.command("check")
@click.argument("dialects", metavar="FILE...", nargs=-1, required=True, type=InputFile())
def check(dialects: tuple[Path, ...]) -> None:
    """Check dialects: print every mistake with its line, its cause and what to write; exit code 1 for mistakes.

    What can have no effect is a mistake too: a path that leads to no value, a key that only requests have, an operation
    that nothing asks for. What is seldom meant is a warning, and no mistake.

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
            told = f"{len(doubts)} warning{'s' * (len(doubts) > 1)}, no mistakes" if doubts else "no mistakes"
            counted = f"{len(dialect.operations)} operations, {len(dialect.event_keys)} keys"
            announce(printable(f"{file}: {dialect.name}: {counted}; {told}"))
    if wrong:
        raise SystemExit(1)


@command.command("show")
@click.argument("name", metavar="[NAME|CASSETTE]", type=NameOrFile(), default="gws-outbound")
def show(name: str) -> None:
    """Print a shipped dialect, as a start for a dialect of your own, or the dialect that a cassette holds.

    \b
    Example:  recorder dialect show gws-outbound > mine.toml
              recorder dialect show session.cassette > mine.toml
    """
    from ...cassette.reader import open_cassette
    from ...dialect.carried import held
    from ...dialect.definition import source

    if not Path(name).is_file():
        click.echo(source(name), nl=False)
        return
    with open_cassette(Path(name)) as cassette:
        text = held(cassette.header) or source(cassette.header.dialect)
    click.echo(text.encode("utf-8", "backslashreplace"), nl=False)


@command.command("ls")
def ls() -> None:
    """List the shipped dialects.

    \b
    Example:  recorder dialect ls
    """
    from ...dialect.definition import names

    click.echo("\n".join(names()))
