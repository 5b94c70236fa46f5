"""Implement `recorder redact`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import UsageError
from ...printable import printable, to_json
from ..loading import rules_of
from ..options import (
    cassette_argument,
    dialect_option,
    force_option,
    json_option,
    key_option,
    output_option,
    policy_option,
)
from ..saying import say
from ..writing import must_be_writable, writing

if TYPE_CHECKING:
    from ...dialect.definition import Dialect
    from ...model import Header, Record
    from ...redaction.again import Again


@click.command("redact")
@cassette_argument
@output_option
@policy_option
@key_option
@click.option("--dry-run", is_flag=True, help="Write nothing; print how many values would change, and where.")
@force_option
@json_option
@dialect_option
def command(
    cassette: Path, *, output: Path | None, policy: str, key_file: Path | None, dry_run: bool, force: bool,
    as_json: bool, dialect: str | None,
) -> None:  # fmt: skip
    """Redact a cassette again: by a stricter policy, or after a recording with --no-redaction.

    Every value that the policy names is replaced, and so are its copies in places that no rule names. Pseudonyms get
    new values (those of e-mail addresses and telephone numbers stay). Changes are listed by place and kind, never by
    value. A sealed cassette stays sealed. Without -o, --force replaces the cassette, but only after the new one is
    complete on disk.

    \b
    Example:  recorder redact session.cassette --dry-run
              recorder redact session.cassette --policy mine.toml -o safe.cassette
    """
    from ...capture.keys import read_key
    from ...redaction.again import Again
    from ...redaction.joins import for_cassette
    from ...redaction.policy import load

    if output is None and not (force or dry_run):
        raise UsageError(
            "give the new cassette, e.g. -o safe.cassette, or --force to replace the old one, or --dry-run to see what "
            "would change"
        )
    if output is not None and not dry_run:
        must_be_writable(output, force=force)
    trusted = rules_of(_header(cassette), dialect) if dialect else None
    fitted = for_cassette(load(policy), _header(cassette), trusted)
    again = Again(fitted, read_key(key_file) if key_file and not dry_run else secrets.token_bytes(32))
    # two passes, because a secret may stand in one record before another record names it
    for record in _records(cassette):
        again.learn(record)
    if dry_run:
        count = len([again.redact(record).seq for record in _records(cassette, warn=True)])
    else:
        count = _write(cassette, output or cassette, again, trusted, force=force)
    _tell(again, count, output=None if dry_run else output or cassette, as_json=as_json)


def _header(path: Path) -> Header:
    from ...cassette.reader import open_cassette

    with open_cassette(path) as cassette:
        return cassette.header


def _records(path: Path, *, warn: bool = False) -> Iterator[Record]:
    from ...cassette.reader import open_cassette

    with open_cassette(path) as cassette:
        yield from cassette.records()
        if warn and cassette.torn is not None:
            say(f"warning: {cassette.torn}; the records before that place are used")


def _write(source: Path, target: Path, again: Again, dialect: Dialect | None, *, force: bool) -> int:
    """Write the new cassette, whole or not at all, and return the number of its records."""
    from ...cassette.codec import JOURNAL, encode, encode_header
    from ...correlate.engine import Correlator
    from ...dialect.carried import dialect_of
    from ...library.sealing import write_sealed
    from ...redaction.carried import carrying, described, without_values

    held = carrying(_header(source), dialect)
    new = replace(
        held,
        redaction=again.policy.name,
        policy_text=described(again.policy),
        fitted="",
        upstream=again.text(held.upstream),
        dialect_text=without_values(held.dialect_text, again.policy),
    )
    correlator = Correlator(dialect or dialect_of(new)) if new.profile != JOURNAL else None

    count = 0

    def redacted() -> Iterator[Record]:
        nonlocal count
        for record in _records(source, warn=True):
            count += 1
            yield again.redact(record)

    with writing(target, force=force, redaction=[new.redaction]) as file:
        if correlator is not None:
            write_sealed(file, new, redacted(), correlator, target.resolve().parent)
        else:
            file.write(encode_header(new))
            for record in redacted():
                file.write(encode(record))
    return count


def _tell(again: Again, records: int, *, output: Path | None, as_json: bool) -> None:
    changed = list(again.changed())
    values = sum(change.values for change in changed)
    if as_json:
        rows = [
            {"record": c.record, "where": c.where, "kind": c.kind.value, "values": c.values} for c in changed
        ]  # fmt: skip
        told = {"policy": again.policy.name, "records": records, "values": values, "changed": rows}
        click.echo(to_json(told))
    else:
        for c in changed:
            click.echo(printable(f"{c.values:>6}  {c.kind.value:<8}  {c.record:<14}  {c.where}"))
    verb = f"{output}: {records} records," if output else "would change:"
    say(f"{verb} {values} values by policy {again.policy.name}")
