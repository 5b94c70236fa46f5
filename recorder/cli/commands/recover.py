"""recorder recover."""

from __future__ import annotations

from pathlib import Path

import click

from ..options import cassette_argument, force_option, output_option
from ..saying import say


@click.command("recover")
@cassette_argument
@output_option
@force_option
def command(cassette: Path, *, output: Path | None, force: bool) -> None:
    """Save every intact record of a torn or damaged cassette into a new one.

    Each record that is gone is noted in its place. The new file is read back before this says yes; the old one is left
    alone. Without -o it is written beside it, as NAME.recovered.

    \b
    Example:  recorder recover session.cassette -o good.cassette
    """
    from ...cassette.recover import recover

    target = output or cassette.with_name(f"{cassette.name}.recovered")
    result = recover(cassette, target, force=force)
    lost = f", {result.lost} lost" if result.lost else ""
    skipped = f", {result.skipped} bytes skipped" if result.skipped else ""
    say(f"{target}: {result.kept} records kept{lost}{skipped}")
    if result.header_lost:
        say("warning: the header was damaged; start time and upstream are unknown now")
