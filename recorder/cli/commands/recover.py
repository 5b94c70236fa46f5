"""Implement `recorder recover`."""

from __future__ import annotations

from pathlib import Path

import click

from ...printable import counted
from ..options import cassette_argument, force_option, output_option
from ..saying import say
from ..writing import must_be_writable


@click.command("recover")
@cassette_argument
@output_option
@force_option
def command(cassette: Path, *, output: Path | None, force: bool) -> None:
    """Save every intact record of a torn or damaged cassette into a new one.

    A note stands in the place of each lost record. The command reads the new file back before it reports success, and
    does not change the old one. Without -o the new file is written beside the old one, as NAME.recovered.

    \b
    Example:  recorder recover session.cassette -o good.cassette
    """
    from ...cassette.repair.recover import recover

    target = output or cassette.with_name(f"{cassette.name}.recovered")
    must_be_writable(target, force=force)
    result = recover(cassette, target, force=force)
    lost = f", {result.lost} lost" if result.lost else ""
    skipped = f", {counted(result.skipped, 'byte')} skipped" if result.skipped else ""
    say(f"{target}: {counted(result.kept, 'record')} kept{lost}{skipped}")
    if result.header_lost:
        say("warning: the header was damaged; start time and upstream are unknown now")
