"""Implement `recorder migrate`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from ...files import open_regular
from ...model import FORMAT
from ..loading import policy_of
from ..options import cassette_argument, force_option, output_option
from ..saying import say
from ..writing import must_be_writable, writing


@click.command("migrate")
@cassette_argument
@output_option
@force_option
def command(cassette: Path, *, output: Path | None, force: bool) -> None:
    """Convert a cassette of an older format to the current one.

    Without -o the new cassette is written beside the old one, as NAME.migrated.

    \b
    Example:  recorder migrate old.cassette -o new.cassette
    """
    from ...cassette.migrate import migrate

    target = output or cassette.with_name(f"{cassette.name}.migrated")
    must_be_writable(target, force=force)
    found = migrate(cassette, target)
    if found != FORMAT:
        say(f"{target}: converted from format {found} to {FORMAT}")
    elif output is None:
        say(f"{cassette}: is in format {FORMAT}, the current one; nothing to do")
    else:
        with writing(target, force=force, redaction=[policy_of(cassette)]) as file, open_regular(cassette) as old:
            shutil.copyfileobj(old, file)
        say(f"{target}: a copy, {cassette} is in format {FORMAT}, the current one")
