"""Implement `recorder scan`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import SecretsFound
from ...printable import printable, to_json
from ..options import cassettes_argument, json_option, policy_option
from ..saying import say

if TYPE_CHECKING:
    from ...redaction.policy import Policy
    from ...redaction.scan import Finding


@click.command("scan")
@cassettes_argument
@policy_option
@json_option
def command(cassettes: tuple[Path, ...], *, policy: str, as_json: bool) -> None:
    """Search for values that redaction missed: known formats of secrets, random words, e-mails, telephones, cards.

    Exit code 0 if nothing is found, 7 otherwise; each finding is one line with its place, never with its value. In a
    cassette that was not redacted by the policy, all values that the policy names are findings too. To accept a value
    that is no secret, list its place under `keep` in a policy of your own.

    \b
    Example:  recorder scan session.cassette
              recorder scan cassettes/*.cassette --policy mine.toml --json
    """
    from ...redaction.policy import load

    wanted = load(policy)
    rows: list[dict[str, object]] = []
    hit: set[Path] = set()
    for path in cassettes:
        for finding in _findings(path, wanted):
            hit.add(path)
            if as_json:
                rows.append({"file": str(path), **_row(finding)})
            else:
                click.echo(printable(f"{path}: {_told(finding)}"))
    if as_json:
        click.echo(to_json(rows))
    if hit:
        found = f"secrets or personal values in {len(hit)} of {len(cassettes)} files"
        raise SecretsFound(f"{found}; recorder redact replaces what a policy names")
    say(f"nothing found in {', '.join(map(str, cassettes))}")


def _findings(path: Path, wanted: Policy) -> Iterator[Finding]:
    from ...cassette.reader import open_cassette
    from ...redaction.joins import for_dialect, of_cassette
    from ...redaction.scan import Scan

    with open_cassette(path) as cassette:
        header = cassette.header
        fitted = for_dialect(wanted, header.dialect)
        scan = Scan(fitted, fitted if header.redaction == wanted.name else of_cassette(header))
        yield from scan.header(header)
        for record in cassette.records():
            yield from scan.record(record)
        if cassette.torn is not None:
            say(f"warning: {cassette.torn}; the records before that place were searched")


def _row(finding: Finding) -> dict[str, object]:
    return {
        "record": finding.record, "part": finding.part, "where": finding.where, "kind": finding.kind,
        "masked": finding.masked,
    }  # fmt: skip


def _told(finding: Finding) -> str:
    which = finding.part if finding.record is None else f"record {finding.record}, {finding.part}"
    return f"{which}: {finding.where}: {finding.kind}: {finding.masked}"
