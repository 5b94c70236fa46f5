"""recorder doctor."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import cassette_argument, json_option


@click.command("doctor")
@cassette_argument
@json_option
def command(cassette: Path, *, as_json: bool) -> None:
    """Examine a cassette: is every byte sound, and can what it tells have happened?

    Exit code 0 if it is sound (remarks are no fault of the cassette), 1 if there are problems, 4 if it is damaged.

    \b
    Example:  recorder doctor session.cassette
    """
    from ..cassette.check import Level
    from ..correlate.doctor import examine

    findings = examine(cassette)
    if as_json:
        rows = [{"level": f.level.value, "kind": f.kind, "where": f.where, "text": f.text} for f in findings]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{finding.level.value}: {finding.kind} at {finding.where}: {finding.text}")
    levels = {finding.level for finding in findings}
    if Level.DAMAGE in levels:
        click.echo(f"recorder: {cassette}: is damaged; recorder recover saves what is intact", err=True)
        raise SystemExit(4)
    if Level.PROBLEM in levels:
        raise SystemExit(1)
    if not as_json and not findings:
        click.echo("sound")
