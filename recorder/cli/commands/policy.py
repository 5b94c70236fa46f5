"""Implement `recorder policy`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from ...printable import counted, printable, shown
from ..group import Named
from ..options import InputFile, NameOrFile
from ..verdict import announce


@click.group("policy", cls=Named)
def command() -> None:
    """List, print and check redaction policies: the values that a recording must not keep.

    \b
    Example:  recorder policy show gws > mine.toml
              recorder policy check mine.toml
              recorder redact session.cassette --policy mine.toml -o safe.cassette
    """


@command.command("check", short_help="Print every mistake in policies.")
@click.argument(
    "policies",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=InputFile(at_url=False),
)
def check(policies: tuple[Path, ...]) -> None:
    """Check policies: print every mistake with its line; exit code 1 if there are mistakes.

    \b
    Example:  recorder policy check mine.toml
    """
    from ...redaction.policy import load
    from ..checking import checked

    wrong = False
    for file in policies:
        found = checked(file, load)
        wrong = wrong or found is None
        if found is not None:
            announce(
                printable(
                    f"{file}: {found.name}: {counted(len(found.values.patterns), 'pattern')} of values; no mistakes"
                )
            )
    if wrong:
        raise SystemExit(1)


@command.command("show", short_help="Print a policy, or the one in a cassette.")
@click.argument("source", metavar="[NAME|FILE|CASSETTE]", type=NameOrFile(at_url=True), default="gws")
def show(source: str) -> None:
    """Print a policy, as a start for a policy of your own, or the policy in a cassette.

    A cassette keeps the patterns of shipped policies only: other patterns could contain the secrets that they find.

    \b
    Example:  recorder policy show gws > mine.toml
              recorder policy show session.cassette
    """
    from ...cassette.reader import open_cassette
    from ...errors import CassetteError
    from ...fleet.store.places import place
    from ...redaction.policy import load, shipped

    path = place(source)
    if path.is_file():
        with suppress(CassetteError), open_cassette(path) as cassette:
            text = cassette.header.policy_text or shipped(cassette.header.redaction).text
            click.echo(shown(text).encode(), nl=False)
            return
    click.echo(load(source).text, nl=False)


@command.command("ls", short_help="List the shipped policies.")
def ls() -> None:
    """List the shipped policies.

    \b
    Example:  recorder policy ls
    """
    from ...redaction.policy import names

    click.echo("\n".join(names()))
