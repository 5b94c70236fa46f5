"""Implement `recorder explore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..loading import load, rules_of
from ..options import Finite, WithProgram, cassettes_argument, dialect_option, json_option, recorded_policy_option

if TYPE_CHECKING:
    from ..exploring.trials import Judge

_DISTURB = ("poll", "handshake", "duplicate", "fallback")


@click.command("explore", cls=WithProgram)
@cassettes_argument
@click.option(
    "--schedules",
    metavar="N",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Number of schedules to try; a failing one takes some runs more, until it is the smallest.",
)
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Equal seeds draw equal schedules.")
@click.option(
    "--disturb",
    metavar="NAME",
    type=click.Choice(_DISTURB),
    multiple=True,
    help="Trouble to add: poll (lost polls), handshake (lost sessions), duplicate (events twice), fallback (cut"
    " WebSockets). May be repeated.",
)
@click.option(
    "--delay",
    metavar="SECONDS",
    type=Finite(0, 3600),
    default=1.0,
    show_default=True,
    help="Time by which schedules delay an event or an answer; 0 for no delays.",
)
@click.option(
    "--max-time",
    metavar="SECONDS",
    type=Finite(0, 86_400, min_open=True),
    default=60.0,
    show_default=True,
    help="Longest time of a run: then the command is ended, and the run has failed.",
)
@click.option(
    "--unplayed",
    type=click.Choice(["ignore", "fail"]),
    default="ignore",
    show_default=True,
    help="Whether a run fails in which the client did not ask for all that was recorded.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the schedule that is found; by default that of the first cassette.",
)
@click.option(
    "--schedule",
    "wanted",
    metavar="ID|FILE|TEXT",
    multiple=True,
    help="Play this schedule alone, once. Texts such as 'event 4.1 before ack 4' or 'event 4.1 before answer p2' may be"
    " repeated.",
)
@dialect_option
@recorded_policy_option
@json_option
def command(cassettes: tuple[Path, ...], *, program: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Run a command under many orders of the recorded answers and events, to find one that its client does not bear.

    Each run has a stand-in of its own, on a virtual clock. The command gets its URL in RECORDER_URL, and in place of
    {url} in its arguments. A run fails if the command ends with another exit code than 0 or takes too long, or if a
    request matches nothing. Only such orders are tried as the server is allowed (docs/races.md).

    The first schedule that fails is made as small as possible, printed in words, and written beside the first cassette
    as NAME.ID.schedule.json; then the exit code is 1, as where a command gets nothing of the recording. --schedule ID
    plays it again.

    \b
    Example:  recorder explore session.cassette -- python desktop.py
              recorder explore session.cassette --disturb poll -- node desktop.js {url}
              recorder explore session.cassette --schedule 7f3a -- python desktop.py
    """
    from ...api.threads import LoopThread
    from ...fleet.store.fetched import at_hand
    from ...library.index.making import maker_of
    from ..exploring.options import given_of
    from ..exploring.program import Program
    from ..exploring.trials import Judge

    if not program:
        raise click.UsageError("name the command to run, behind --: recorder explore session.cassette -- python app.py")
    if given["wanted"] and (idle := given_of("schedules", "seed", "disturb", "delay", "folder")):
        raise click.UsageError(f"{idle} for a search; --schedule plays one order, once")
    recording = load([at_hand(path) for path in cassettes], given["dialect"], maker_of)
    thread = LoopThread()
    try:
        judge = Judge(
            recording,
            Program(program, given["max_time"]),
            given["dialect"],
            given["policy"],
            given["unplayed"] == "fail",
            thread,
        )
        code = (_play if given["wanted"] else _search)(judge, cassettes, given, as_json=as_json)
    finally:
        thread.stop()
    raise SystemExit(code)


def _play(judge: Judge, cassettes: tuple[Path, ...], given: dict[str, Any], *, as_json: bool) -> int:
    """Run the command once under the schedule that the user names."""
    from ...explore.files import kept
    from ...explore.law import forbidden
    from ..exploring.telling import tell_run
    from ..saying import say

    wanted = kept(given["wanted"], cassettes)
    rules = rules_of(judge.recording.header, given["dialect"])
    if problem := forbidden(judge.recording, rules, wanted.schedule):
        say(problem)
    return tell_run(judge.run(wanted), wanted.schedule, as_json=as_json)


def _search(judge: Judge, cassettes: tuple[Path, ...], given: dict[str, Any], *, as_json: bool) -> int:
    """Run the command under schedules until one fails, or all were tried."""
    from ...explore.explorer import Explorer
    from ...replay.engine.orders.deviations import Disturbance
    from ...replay.engine.orders.schedule import Schedule
    from ..exploring.telling import Telling, folder_of
    from ..exploring.trials import Trials
    from ..saying import counting

    folder = folder_of(cassettes, given["folder"])
    explorer = Explorer(
        judge.recording,
        rules_of(judge.recording.header, given["dialect"]),
        schedules=given["schedules"],
        seed=given["seed"],
        disturb=frozenset(map(Disturbance, given["disturb"])),
        delay=given["delay"],
    )
    telling = Telling(cassettes, judge.program.words, folder, given["seed"])
    with counting("explores", "schedule") as shown:
        trials = Trials(judge, explorer, lambda runs: shown(runs, given["schedules"]))
        try:
            trials.run()
        except KeyboardInterrupt:
            telling.interrupted(explorer.result)
            raise
    result = explorer.result
    failed = trials.failed.get(result.schedule or Schedule())
    return telling.ended(result, failed, as_json=as_json)
