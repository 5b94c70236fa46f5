"""Implement `recorder slice`."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import NothingSelected
from ...model import Triple
from ...printable import counted
from ..loading import expression, fitting, opened
from ..options import cassette_argument, dialect_option, filter_option, force_option, new_cassette_option, offers
from ..saying import say
from ..writing import must_be_writable, write_journal

if TYPE_CHECKING:
    from ...views.filter import Expression

_NUMBER = re.compile("[0-9]{1,18}")


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic in its stubs only
    """A list of numbers and ranges, e.g. 1,3-5."""

    name = "1,3-5"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[range, ...]:
        """Parse the text into ranges, in order and apart from each other; report a mistake as a usage error."""
        chosen: list[range] = []
        for part in str(value).split(","):
            first, dash, last = part.partition("-")
            if not _NUMBER.fullmatch(first) or (dash and not _NUMBER.fullmatch(last)):
                self.fail(f"{value!r} is not a list of numbers and ranges; write e.g. 1,3-5", param, ctx)
            chosen.append(range(int(first), int(last or first) + 1))
        return tuple(_apart(chosen))


def _apart(ranges: list[range]) -> Iterator[range]:
    """Yield ranges in order; those that share numbers become one."""
    start = stop = 0
    for one in sorted(filter(None, ranges), key=lambda one: one.start):
        if one.start > stop > start:
            yield range(start, stop)
        if one.start > stop or stop == start:
            start = one.start
        stop = max(stop, one.stop)
    if stop > start:
        yield range(start, stop)


@click.command("slice")
@cassette_argument
@new_cassette_option
@click.option("--triples", type=Numbers(), help="Select by number, e.g. 1,3-5.")
@click.option("--operation", metavar="NAME", help="Select by operation.", shell_complete=offers("operations"))
@click.option("--handle", metavar="HANDLE", help="Select by record handle.")
@click.option("--reference", metavar="ID", help="Select by referenceId.")
@click.option("--session", metavar="LABEL", help="Select by session, e.g. s1.")
@filter_option
@dialect_option
@force_option
def command(
    cassette: Path, *, output: Path, triples: tuple[range, ...] | None, operation: str | None, handle: str | None,
    reference: str | None, session: str | None, wanted: str | None, dialect: str | None, force: bool,
) -> None:  # fmt: skip
    """Cut a cassette down to some triples and the records needed to replay them alone.

    A triple must meet all conditions. Kept with the triples: the handshakes and subscriptions of their sessions,
    exchanges that are no operation, and the unsolicited events anchored to them.

    \b
    Example:  recorder slice session.cassette --triples 3-5 -o short.cassette
              recorder slice session.cassette --handle 1001 -o record.cassette
              recorder slice session.cassette --filter 'at:60..120 -state:failed' -o minute.cassette
    """
    from ...dialect.definition import load as load_dialect
    from ...library.slicing import Conditions, matching, sliced
    from ...redaction.carried import carrying

    must_be_writable(output, force=force)
    keys = {name: value for name, value in (("handle", handle), ("reference", reference)) if value is not None}
    with opened(cassette, dialect) as found:
        every = found.recording.triples
        by = expression(wanted, dialect, [cassette])
        near = matching(found, Conditions(triples, operation, session, keys))
        numbers = array("q", (n for n in near if by is None or _fits(by, every[n - 1])))
        if not numbers:
            raise NothingSelected(f"{cassette}: no triple fits; recorder ls lists the triples")
        header = replace(found.cassette.header, profile="journal", part=None)
        header = carrying(header, load_dialect(dialect) if dialect else None)
        write_journal(output, header, sliced(found, numbers), force=force)
        say(f"{len(numbers)} of {counted(len(every), 'triple')}")


def _fits(by: Expression, triple: Triple) -> bool:
    return bool(list(fitting([triple], by)))
