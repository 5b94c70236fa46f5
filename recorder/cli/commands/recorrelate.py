"""Implement `recorder recorrelate`."""

from __future__ import annotations

from pathlib import Path

import click

from ...printable import counted
from ..loading import rules_of
from ..options import DialectSource, cassette_argument, force_option, offers, output_option
from ..saying import say
from ..writing import must_be_writable

_SHOWN = 20  # triples whose numbers are printed


@click.command("recorrelate")
@cassette_argument
@click.option(
    "--dialect",
    "--rules",
    "rules",
    required=True,
    metavar="NAME|FILE",
    type=DialectSource(),
    help="Link the events by this dialect.",
    shell_complete=offers("dialects"),
)
@output_option
@force_option
def command(cassette: Path, *, rules: str, output: Path | None, force: bool) -> None:
    """Link the events of a cassette again, by another dialect, which the cassette holds from then on.

    The recorded facts do not change. Without -o the cassette is replaced, but only after the new file is complete on
    disk. Equal dialects give equal bytes. A journal becomes a sealed cassette.

    \b
    Example:  recorder recorrelate session.cassette --dialect gws-outbound
              recorder recorrelate session.cassette --dialect mine.toml -o other.cassette
    """
    from ...cassette.codec import ARCHIVE
    from ...cassette.reader import open_cassette
    from ...library.sealing import fingerprints, seal

    if output is not None:
        must_be_writable(output, force=force)
    target = output or cassette
    with open_cassette(cassette) as found:
        dialect = rules_of(found.header, rules)
        archive = found.header.profile == ARCHIVE
    before = fingerprints(cassette)
    seal(cassette, target, dialect=dialect, archive=archive)
    after = fingerprints(target)
    changed = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
    say(f"{target}: linked by {dialect.name}; {_told(changed, len(after))}")


def _told(changed: list[int], count: int) -> str:
    if not changed:
        return f"none of {counted(count, 'triple')} changed"
    shown = ", ".join(map(str, changed[:_SHOWN])) + (" …" if len(changed) > _SHOWN else "")
    return (
        f"{len(changed)} of {counted(count, 'triple')} {'is' if len(changed) == 1 else 'are'} new or changed: {shown}"
    )
