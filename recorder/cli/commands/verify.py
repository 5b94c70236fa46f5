"""Implement `recorder verify`."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from ...errors import UpstreamError
from ...printable import counted, printable, to_json
from ..driving.options import drive_of, drive_options, outputs
from ..driving.playing import check, conclude, play, warn_of_writes
from ..loading import load
from ..options import OUTPUT, InputFile
from ..saying import say
from ..verdict import announce
from ..writing import must_be_writable, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...api.drive import Drive
    from ...dialect.definition import Dialect
    from ...diff.differences import Changed
    from ...model import Recording
    from ...redaction.policy import Policy
    from ...verify.judging import Run
    from ...verify.verdict import Verdict

_STALLED = 3  # exit code, as of `drive`
_OWN = ("baseline", "factor", "fail_on", "form", "html", "junit")  # options that `drive` has not


@click.command("verify")
@drive_options(on_missing="send")
@click.option(
    "--baseline",
    metavar="LIVE",
    type=InputFile(),
    help="Accept the differences in this live cassette of an earlier run.",
)
@click.option(
    "--junit", metavar="FILE", type=OUTPUT, help="Write JUnit XML: a suite for each run, a case for each triple."
)
@click.option(
    "--html",
    metavar="FILE",
    type=OUTPUT,
    help="Write an HTML page, as recorder diff --html does, about the first run with the most severe finding.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    show_default=True,
    help="Print lines for people, or annotations for GitHub Actions.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="Exit with 1 for a finding of this severity or a higher one.",
)
@click.option(
    "--slower",
    "factor",
    metavar="FACTOR",
    type=click.FloatRange(min=1, min_open=True),
    default=3.0,
    show_default=True,
    help="Warn of a time longer than FACTOR times the recorded time plus 200 ms.",
)
def command(cassette: Path, *, as_json: bool, **given: Any) -> None:
    """Verify a server: play the client's side of a cassette against it, and judge what differs.

    An error can break a client: a refused operation, a missing, repeated or reordered event, a missing field, or a
    field of another type. A warning needs a look: another state, a new field, a longer time. All other differences are
    information. Exit code 1 for an error, 3 if the run stalled, 6 if the server cannot be reached.

    The requests are real: see --allow, --values and --dry-run in `recorder drive --help`. docs/verify.md lists what is
    checked and what is not, and explains how to verify a server each night.

    \b
    Example:  recorder verify monday.cassette --to https://staging.example --values staging.toml --allow-all
              recorder verify monday.cassette --to http://127.0.0.1:8090 --allow-all --repeat 5 --junit verify.xml
              recorder verify monday.cassette --to http://127.0.0.1:8090 --allow-all --baseline known.cassette
    """
    own = {name: given.pop(name) for name in _OWN}
    drive = drive_of(cassette, given)
    if given["dry_run"]:
        from .drive import command as listing

        click.get_current_context().invoke(listing, cassette=cassette, as_json=as_json, **given)
        return
    for output in (own["junit"], own["html"]):
        if output is not None:
            must_be_writable(output, force=given["force"])
    check(drive)
    for note in drive.plan.notes:
        say(note)
    warn_of_writes(drive, given["repeat"])
    raise SystemExit(_verify(drive, given, own, as_json=as_json))


def _verify(drive: Drive, given: dict[str, Any], own: dict[str, Any], *, as_json: bool) -> int:
    """Play all runs, print and write what they found, and return the exit code."""
    from ...diff.differences import differences
    from ...verify.judged import Tier
    from ...verify.junit import junit, times
    from ...verify.latency import Limit
    from ...verify.verdict import verdict_of
    from ...verify.wording import summary

    with ExitStack() as stack:
        kept = given["output"]
        first = kept or Path(stack.enter_context(TemporaryDirectory(prefix="recorder-verify-"))) / "live.cassette"
        cassettes = outputs(first, given["repeat"])
        runs, ended = _played(drive, cassettes, given["repeat"], is_kept=kept is not None)
        cassettes = cassettes[: len(runs)]
        old, policy = _old(drive, given["sessions"]), _policy(drive, runs, given["policy"])
        baseline = load([own["baseline"]], given["dialect"]) if own["baseline"] is not None else None
        _look_at_baseline(own["baseline"], old, baseline)
        verdict = verdict_of(old, runs, drive.dialect, policy, baseline=baseline, limit=Limit(own["factor"]))
        tier = Tier(own["fail_on"])
        # the runs were real: what they showed is told also if a file cannot be written
        _print(drive.path, verdict, [str(path) for path in cassettes] if kept else [], own["form"], as_json=as_json)
        say(summary(verdict))
        if own["junit"] is not None:
            headers = [one.header.redaction for one in (old, *(run.recording for run in runs))]
            page = junit(verdict, old, drive.path.name, tier, [times(old, run.recording) for run in runs])
            write_text(own["junit"], [page], force=given["force"], redaction=headers)
        if own["html"] is not None:
            place = verdict.telling - 1
            found = differences(old, runs[place].recording, drive.dialect, policy, bound=runs[place].bindings)
            _write_page(own["html"], (drive.path, cassettes[place]), drive.dialect, found, force=given["force"])
    if ended is not None:
        say(f"judged {len(runs)} of {given['repeat']} runs: the others did not end")
        raise ended
    return _STALLED if verdict.has_stalled else int(verdict.fails(tier))


def _played(
    drive: Drive, cassettes: Sequence[Path], repeat: int, *, is_kept: bool
) -> tuple[list[Run], BaseException | None]:
    """Play all runs; return what each brought that ended, and what kept the others from it.

    Raises:
        UpstreamError: If the server cannot be reached in the first run.
        KeyboardInterrupt: After Ctrl-C in the first run.
    """
    from ...verify.judging import Run

    runs: list[Run] = []
    try:
        for report in play(drive, cassettes, repeat, tells_findings=False):
            conclude(report if is_kept else replace(report, cassette=None), drive.to)
            if report.is_over:  # else a signal ended it
                live = report.recording(drive.dialect)
                runs.append(Run(live, report.findings, report.bindings, report.has_stalled))
    except (UpstreamError, KeyboardInterrupt, SystemExit) as exc:
        if not runs:
            raise
        return runs, exc
    return runs, None


def _look_at_baseline(path: Path | None, old: Recording, baseline: Recording | None) -> None:
    """Warn of a baseline that lacks operations: it is of another session, or of a run that stalled."""
    if baseline is None:
        return
    lacking = Counter(one.operation for one in old.triples) - Counter(one.operation for one in baseline.triples)
    if lacking:
        names, count = printable(", ".join(map(str, lacking))), lacking.total()
        say(
            f"warning: {path} lacks {count} of {counted(len(old.triples), 'operation')} ({names}), and accepts runs "
            "without them; take a run of the whole session"
        )


def _old(drive: Drive, sessions: Sequence[str]) -> Recording:
    """Return what was driven: the recording, or some sessions of it."""
    from ...verify.verdict import of_sessions

    labels = {label for text in sessions for label in text.split(",") if label}
    return of_sessions(drive.recording, labels) if labels else drive.recording


def _policy(drive: Drive, runs: Sequence[Run], source: str | None) -> Policy | None:
    """Return the policy by which the recording was redacted; of one in the clear, that of the live cassettes."""
    from ...redaction.joins import of_cassette

    return drive.policy or of_cassette(runs[0].recording.header, source, described=True)


def _write_page(
    target: Path, cassettes: tuple[Path, Path], dialect: Dialect, found: Iterable[Changed], *, force: bool
) -> None:
    from ...views.difference import Tally
    from .diff import MOST_ROWS, write_page

    tally = Tally(MOST_ROWS)
    for change in found:
        tally.note(change)
    write_page(target, cassettes, dialect, tally, force=force)


def _print(cassette: Path, verdict: Verdict, kept: Sequence[str], form: str, *, as_json: bool) -> None:
    if as_json:
        from ...verify.data import as_json as data

        announce(to_json(data(verdict, kept), indent=None))
        return
    from ...verify.wording import for_github, text

    for line in for_github(verdict, str(cassette)) if form == "github" else text(verdict):
        announce(line)
