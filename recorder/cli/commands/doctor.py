"""Implement `recorder doctor`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ...printable import printable, to_json
from ..options import cassette_argument, json_option
from ..saying import say
from ..verdict import announce


@click.command("doctor")
@cassette_argument
@json_option
def command(cassette: Path, *, as_json: bool) -> None:
    """Examine a cassette: its bytes, and whether the recorded session is possible.

    Exit code 0 if it is sound (remarks are not faults of the cassette), 1 if there are problems, 4 if it is damaged.

    \b
    Example:  recorder doctor session.cassette
    """
    from ...diagnose.check import Level
    from ...diagnose.doctor import examine

    findings = examine(cassette, time.time())
    if as_json:
        rows = [{"level": f.level.value, "kind": f.kind, "where": f.where, "text": f.text} for f in findings]
        announce(to_json(rows))
    else:
        for finding in findings:
            announce(printable(f"{finding.level.value}: {finding.kind} at {finding.where}: {finding.text}"))
    levels = {finding.level for finding in findings}
    if Level.DAMAGE in levels:
        say(f"{cassette}: is damaged; recorder recover saves what is intact")
        raise SystemExit(4)
    if Level.PROBLEM in levels:
        raise SystemExit(1)
    if not as_json and not findings:
        announce("sound")
