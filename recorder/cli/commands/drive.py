"""Implement `recorder drive`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...printable import to_json
from ..driving.options import drive_of, drive_options, outputs
from ..driving.playing import all_allowed, check, conclude, play, summed_up, warn_of_writes
from ..saying import say
from ..verdict import announce

if TYPE_CHECKING:
    from ...api.drive import Drive
    from ...drive.engine.report import Report


@click.command("drive")
@drive_options(on_missing="stop")
def command(cassette: Path, *, as_json: bool, **given: Any) -> None:
    """Play the client's side of a cassette against a server, by cause.

    Each request is sent after the answers and events that the recorded client had before this request, with the ids
    that the server gave out in this run. Differences from the recording are printed; then the exit code is 1. It is 3
    if an answer or event did not come and the run stopped, and 6 if the server cannot be reached.

    The requests are real. Without --to nothing is sent. A request that may change data (any method but GET, and every
    publish) needs --allow NAME or --allow-all. Requests that are not allowed and values that are missing are listed
    before anything is sent; then the exit code is 2. --dry-run lists all requests. docs/drive.md has more.

    \b
    Example:  recorder drive session.cassette --dry-run
              recorder drive session.cassette --to http://127.0.0.1:8090 --allow-all --rate instant
              recorder drive session.cassette --to https://staging.example --values staging.toml --allow GetRecord
                  --allow 'POST /api/v2/me/*' -o live.cassette
    """
    drive = drive_of(cassette, given)
    if given["dry_run"]:
        _list(cassette, drive, as_json=as_json)
        return
    check(drive)
    repeat = given["repeat"]
    for note in drive.plan.notes:
        say(note)
    warn_of_writes(drive, repeat)
    from ...drive.engine.report import worst

    reports: list[Report] = []
    try:
        for report in play(drive, outputs(given["output"], repeat), repeat, tells_findings=not as_json):
            reports.append(report)
            conclude(report, drive.to)
    finally:
        if as_json and reports:
            _print_json(cassette, drive, reports)
    raise SystemExit(worst(reports))


def _list(cassette: Path, drive: Drive, *, as_json: bool) -> None:
    """Print what would be sent, and say what keeps it from being sent."""
    from ...drive.engine.listing import as_text

    rows, problems, notes = drive.rows(), drive.problems(), drive.plan.notes
    if as_json:
        listed = {"steps": [row.as_json() for row in rows], "problems": problems, "notes": list(notes)}
        announce(to_json({"cassette": str(cassette), "to": drive.to} | listed, indent=None))
        return
    for line in as_text(rows):
        announce(line)
    for line in (*notes, *drive.unused(), *problems, *all_allowed(drive), summed_up(drive)):
        say(line)


def _print_json(cassette: Path, drive: Drive, reports: list[Report]) -> None:
    from ...views.live.driven import report_row

    runs = [report_row(report) for report in reports]
    announce(to_json({"cassette": str(cassette), "to": drive.to, "runs": runs}, indent=None))
