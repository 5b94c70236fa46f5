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
              recorder recorrelate session.cassette --rules mine.toml
    """


@command.command("check")
@click.argument("file", type=InputFile())
def check(file: Path) -> None:
    """Check a dialect's TOML file: print every mistake with its line; exit code 1 if there are mistakes.

    A path that can never lead to a value is a mistake, such as `nonsense.x`, `body.records[0].id`, or `path.user` where
    no route has {user}; the message says which path was meant.

    \b
    Example:  recorder dialect check mine.toml
    """
    from ...dialect.definition import load
    from ..checking import checked

    found = checked(file, load)
    if found is None:
        raise SystemExit(1)
    announce(
        printable(
            f"{file}: {found.name}: {len(found.operations)} operations, {len(found.event_keys)} keys; no mistakes"
        )
    )


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
