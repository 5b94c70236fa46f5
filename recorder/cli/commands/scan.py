"""Implement `recorder scan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

import recorder

from ...errors import PolicyError, RecorderError, SecretsFound, UsageError
from ...printable import counted, to_json
from ..jobs import Block, blocks, mapped
from ..loading import rules_of
from ..options import dialect_option, files_argument, jobs_option, json_option, jsonl_option, policy_option
from ..saying import say
from ..verdict import announce

_AT_ONCE = 1_000  # findings that are printed together

if TYPE_CHECKING:
    from ...exporters.findings import Failure, Unread
    from ...model import Header
    from ...redaction.bodies.change import Unread as Reason
    from ...redaction.known import Known
    from ...redaction.policy import Policy
    from ...redaction.scan import Finding

    Hits: TypeAlias = dict[int, list[Finding] | None]  # by number of the record; None if it is to be read again
    First: TypeAlias = tuple[Hits, bool, tuple[Known, Known], Counter[tuple[str, Reason]]]
    Found: TypeAlias = tuple[Path, Finding | Unread | Failure]


@click.command("scan")
@files_argument
@policy_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    help="Print lines of text (default), JSON, or a SARIF 2.1.0 log for code hosts and editors.",
)
@json_option
@jsonl_option
@dialect_option
@jobs_option
def command(
    cassettes: tuple[Path, ...], *, policy: str, form: str | None, as_json: bool, as_lines: bool,
    dialect: str | None, jobs: int,
) -> None:  # fmt: skip
    """Search for values that redaction missed: known formats of secrets, random words, e-mails, telephones, cards.

    Exit code 0 if nothing is found, 7 otherwise; each finding is one line with its place, never with its value. In a
    cassette that was not redacted by the policy, all values that the policy names are findings too. To accept a value
    that is no secret, list its place under `keep` in a policy of your own. A cassette that cannot be read is reported,
    the search goes on in the others, and the exit code is 4.

    \b
    Example:  recorder scan session.cassette
              recorder scan cassettes/*.cassette --policy mine.toml --json
              recorder scan cassettes/*.cassette --format sarif > cassettes.sarif
    """
    from ...exporters import findings
    from ...redaction.policy import load
    from ...redaction.scan import Finding

    form = _form(form, as_json=as_json, as_lines=as_lines)
    wanted = load(policy)
    found: list[Found] = []
    hit: set[Path] = set()
    code = 0
    for path in cassettes:
        try:
            for some in searched(path, wanted, dialect, jobs):
                lines = [findings.line(path, one) for one in some if isinstance(one, Finding)]
                hit |= {path} if lines else set()
                if form == "text" and lines:
                    announce("\n".join(lines))
                # as text they are printed, and there may be as many as records
                found += [(path, one) for one in some if form != "text" or not isinstance(one, Finding)]
        except RecorderError as exc:
            say(str(exc))
            found.append((path, findings.failure(exc)))
            code = code or exc.exit_code
    if form == "json":
        announce(to_json([findings.row(*one) for one in found]))
    elif form == "jsonl":
        for one in found:
            announce(to_json(findings.row(*one), indent=None))
    elif form == "sarif":
        announce(to_json(findings.sarif(found, version=recorder.__version__, folder=Path.cwd())))
    _conclude(cassettes, found, hit, code)


def _form(given: str | None, *, as_json: bool, as_lines: bool) -> str:
    """Return the form to print.

    Raises:
        UsageError: If the options name several.
    """
    wanted = {form for form, is_wanted in (("json", as_json), ("jsonl", as_lines), (given, given)) if is_wanted}
    if len(wanted) > 1:
        raise UsageError(f"--json, --jsonl and --format {given or 'FORMAT'} exclude each other; give one of them")
    return str(wanted.pop()) if wanted else "text"


def _conclude(cassettes: tuple[Path, ...], found: list[Found], hit: set[Path], code: int) -> None:
    """Print the sum on stderr, and end with the exit code of a failure, else of the findings in some of the files."""
    from ...exporters.findings import Unread

    for path, one in found:
        if isinstance(one, Unread):
            say(f"{path}: {one.text}")
    if hit:
        message = f"secrets or personal values in {len(hit)} of {counted(len(set(cassettes)), 'file')}"
        error = SecretsFound(f"{message}; recorder redact replaces what a policy names")
        if not code:
            raise error
        say(str(error))
    if code:
        raise SystemExit(code)
    say(f"nothing found in {', '.join(map(str, cassettes))}")


def searched(
    path: Path, wanted: Policy, dialect: str | None, jobs: int, tell: Callable[[str], None] = say
) -> Iterator[list[Finding | Unread]]:
    """Yield the findings in the header of a cassette, those in its records, and the bodies that were not read.

    Those in records come some at a time. `tell` takes a line about the end of a file that a crash cut off.
    """
    from ...cassette.reader import open_cassette
    from ...exporters.findings import unread
    from ...redaction.joins import for_cassette
    from ...redaction.known import Known
    from ...redaction.scan import Scan

    with open_cassette(path) as cassette:
        header = cassette.header
        fitted = for_cassette(wanted, header, rules_of(header, dialect) if dialect else None)
        done = fitted if header.redaction == wanted.name else _done(header)
        yield [*Scan(fitted, done).header(header)]
        known, names_more = (Known(), Known()), False
        hits: Hits = {}
        some_found: list[Finding | Unread] = []
        unlooked: Counter[tuple[str, Reason]] = Counter()
        for some, more, learned, missed in mapped(_first_pass, (fitted, done), blocks(path, cassette), jobs):
            for mine, later in zip(known, learned, strict=True):
                mine.follow(later)
            hits |= some
            names_more |= more
            unlooked += missed
        doubtful = {number for number, findings in hits.items() if findings is None or names_more}
        again = (_only(block, doubtful) for block in blocks(path, cassette)) if doubtful else ()
        for some in mapped(_second_pass, (fitted, done, known), again, jobs):
            hits |= some
        for number in tuple(hits):
            some_found += hits.pop(number) or ()
            if len(some_found) >= _AT_ONCE:
                yield some_found
                some_found = []
        yield some_found
        yield [*unread(unlooked)]
        if cassette.torn is not None:
            tell(f"warning: {cassette.torn}; the records before that place were searched")


def _first_pass(policy: Policy, done: Policy | None) -> Callable[[Block], First]:
    """Return the function that gives the findings in a block, and the values that explain some in other blocks."""
    from ...redaction.known import Known
    from ...redaction.scan import Scan

    scan = Scan(policy, done)

    def first(block: Block) -> First:
        known = Known(), Known()
        scan.begin(known[0], known[1], block.streams)
        searched = ((record.seq, scan.settled(record)) for record in block.records())
        hits = {number: findings for number, findings in searched if findings != []}
        return hits, scan.names_more, known, scan.unlooked

    return first


def _second_pass(
    policy: Policy, done: Policy | None, known: tuple[Known, Known]
) -> Callable[[tuple[Block, frozenset[int]]], Hits]:
    """Return the function that gives the findings of those records of a block that are to be read again."""
    from ...redaction.scan import Scan

    scan = Scan(policy, done)

    def again(some: tuple[Block, frozenset[int]]) -> Hits:
        block, numbers = some
        if not numbers:
            return {}
        scan.begin(known[0].copy(), known[1].copy(), block.streams)
        return {record.seq: scan.again(record) for record in block.picked(numbers)}

    return again


def _only(block: Block, numbers: set[int]) -> tuple[Block, frozenset[int]]:
    return block, frozenset(numbers.intersection(range(block.first, block.first + len(block.frames))))


def _done(header: Header) -> Policy | None:
    """Return the policy by which a cassette was redacted, None if it was not.

    What a cassette holds of a policy is not believed: a value could pass for replaced.
    """
    from ...redaction.joins import of_cassette

    try:
        return of_cassette(header)
    except PolicyError as exc:
        problem = f"was redacted by {header.redaction!r}: no such policy is shipped; --policy FILE gives it"
        raise UsageError(f"{header.file}: {problem}") from exc
