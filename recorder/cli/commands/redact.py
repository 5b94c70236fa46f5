"""Implement `recorder redact`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ...errors import UsageError
from ...files import folder_of
from ...printable import counted, printable, to_json
from ..jobs import Block, blocks, mapped
from ..loading import rules_of
from ..options import (
    cassette_argument,
    dialect_option,
    force_option,
    jobs_option,
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
    from ...redaction.again import Again, Change
    from ...redaction.known import Known
    from ...redaction.policy import Policy

Made = TypeVar("Made")


@click.command("redact")
@cassette_argument
@output_option
@policy_option
@key_option
@click.option("--dry-run", is_flag=True, help="Write nothing; print how many values would change, and where.")
@force_option
@json_option
@dialect_option
@jobs_option
def command(
    cassette: Path, *, output: Path | None, policy: str, key_file: Path | None, dry_run: bool, force: bool,
    as_json: bool, dialect: str | None, jobs: int,
) -> None:  # fmt: skip
    """Replace the secrets in a cassette: by a stricter policy, or after a recording with --no-redaction.

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
    key = read_key(key_file) if key_file and not dry_run else secrets.token_bytes(32)
    work = _Redaction(cassette, Again(fitted, key), jobs)
    work.learn()
    count = sum(map(len, work.redacted(_seq))) if dry_run else _write(work, output or cassette, trusted, force=force)
    _tell(work.again, count, output=None if dry_run else output or cassette, as_json=as_json)


def _header(path: Path) -> Header:
    from ...cassette.reader import open_cassette

    with open_cassette(path) as cassette:
        return cassette.header


class _Redaction:
    """The two passes over a cassette, because a secret may stand in one record before another record names it."""

    def __init__(self, path: Path, again: Again, jobs: int) -> None:
        from ...redaction.known import Known

        self.path, self.again, self._jobs = path, again, jobs
        self._known = Known()
        self._by_block: list[Known] = []  # kept if values were forgotten

    def learn(self) -> None:
        """Remember the values of all records."""
        from ...cassette.reader import open_cassette

        with open_cassette(self.path) as cassette:
            for learned in mapped(_first_pass, (self.again.policy,), blocks(self.path, cassette), self._jobs):
                self._known.follow(learned)
                self._by_block.append(learned)
        self.again.begin(self._known, {})

    def redacted(self, make: Callable[[Record], Made]) -> Iterator[list[Made]]:
        """Yield what a function makes of each redacted record, in blocks, and count the changes."""
        from ...cassette.reader import open_cassette

        with open_cassette(self.path) as cassette:
            args = self.again.policy, self.again.key, self._known.copy(), make
            items = self._with_memory(blocks(self.path, cassette))
            for made, changes in mapped(_second_pass, args, items, self._jobs):
                self.again.add(changes)
                yield made
            if cassette.torn is not None:
                say(f"warning: {cassette.torn}; the records before that place are used")

    def _with_memory(self, found: Iterator[Block]) -> Iterator[tuple[Block, Known | None]]:
        """Yield each block; if there are too many values to know them all, with those known at its begin."""
        if not self._known.has_forgotten:
            yield from ((block, None) for block in found)
            return
        for block, later in zip(found, self._by_block, strict=True):
            yield block, self._known.copy()
            self._known.follow(later)


def _first_pass(policy: Policy) -> Callable[[Block], Known]:
    """Return the function that gives the values in a block."""
    from ...redaction.again import Again
    from ...redaction.known import Known

    again = Again(policy, b"")

    def learned(block: Block) -> Known:
        known = Known()
        again.begin(known, block.streams)
        for record in block.records():
            again.learn(record)
        return known.copy()

    return learned


def _second_pass(
    policy: Policy, key: bytes, known: Known, make: Callable[[Record], Made]
) -> Callable[[tuple[Block, Known | None]], tuple[list[Made], list[Change]]]:
    """Return the function that gives what is made of the redacted records of a block, and the changes in it."""
    from ...redaction.again import Again

    again = Again(policy, key)

    def redacted(item: tuple[Block, Known | None]) -> tuple[list[Made], list[Change]]:
        block, own = item
        again.begin(own or known.copy(), block.streams)
        return [make(again.redact(record)) for record in block.records()], list(again.changed())

    return redacted


def _itself(record: Record) -> Record:
    return record


def _seq(record: Record) -> int:
    return record.seq


def _write(work: _Redaction, target: Path, dialect: Dialect | None, *, force: bool) -> int:
    """Write the new cassette, whole or not at all, and return the number of its records."""
    from ...cassette.codec import JOURNAL, encode, encode_header
    from ...correlate.engine import Correlator
    from ...dialect.carried import dialect_of
    from ...library.sealing import write_sealed
    from ...redaction.carried import carrying, described, without_values

    again, held = work.again, carrying(_header(work.path), dialect)
    new = replace(
        held,
        redaction=again.policy.name,
        policy_text=described(again.policy),
        fitted="",
        upstream=again.text(held.upstream),
        dialect_text=without_values(held.dialect_text, again.policy),
    )
    correlator = Correlator(dialect or dialect_of(new), file=str(work.path)) if new.profile != JOURNAL else None
    count = 0

    def numbered(made: Iterable[list[Made]]) -> Iterator[list[Made]]:
        nonlocal count
        for block in made:
            count += len(block)
            yield block

    with writing(target, force=force, redaction=[new.redaction]) as file:
        if correlator is not None:
            records = chain.from_iterable(numbered(work.redacted(_itself)))
            write_sealed(file, new, records, correlator, folder_of(target))
        else:
            file.write(encode_header(new))
            for frames in numbered(work.redacted(encode)):
                file.writelines(frames)
        file.flush()
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
    verb = f"{output}: {counted(records, 'record')}," if output else "would change:"
    say(f"{verb} {counted(values, 'value')} by policy {again.policy.name}")
